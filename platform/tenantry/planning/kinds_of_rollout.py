"""The kinds of step that bring a tenant up and change it."""

from tenantry.planning.stepkind import SLOW_QUEUE, StepKind

KINDS = (
    StepKind(
        "project.create",
        "Create project",
        "Finds or creates the tenant's own project on the target.",
    ),
    StepKind(
        "db.create",
        "Create database",
        "Finds or creates the database; its internal host name is made up here.",
        call_deadline=80.0,
    ),
    StepKind(
        "db.deploy",
        "Start database",
        "Pulls and starts the database; the target answers only when that is over.",
        queue=SLOW_QUEUE,
        call_deadline=600.0,
        patience=1800.0,
    ),
    StepKind(
        "service.create",
        "Create application",
        "Finds or creates the application, turns automatic deploys off, attaches an image.",
        call_deadline=80.0,
    ),
    StepKind(
        "service.git_attach", "Attach repository", "Tells the target which branch or tag to clone."
    ),
    StepKind("service.build_config", "Configure build", "Tells the target how to build it."),
    StepKind(
        "service.env_set",
        "Set environment",
        "Fills in the placeholders and replaces the whole environment.",
    ),
    StepKind("service.deploy", "Trigger build", "Puts a build into the target's queue, once."),
    StepKind(
        "service.wait_deploy",
        "Wait for build",
        "Follows the build until it is done and a new container runs.",
        # History, queue, log, containers and environment: five looks of 20 s each must fit into
        # one lease.
        call_deadline=100.0,
        patience=3600.0,
        poll_seconds=5.0,
    ),
    StepKind(
        "db.settings",
        "Set database limits",
        "Stores new limits; they take effect when the database is restarted.",
    ),
    StepKind(
        "db.restart",
        "Restart database",
        "Deploys the database once more, which restarts it with its new limits.",
        queue=SLOW_QUEUE,
        call_deadline=600.0,
        patience=1800.0,
    ),
    StepKind(
        "service.file_set",
        "Set compose file",
        "Replaces the compose file, and turns automatic deploys off.",
    ),
    StepKind("service.mount", "Attach volumes", "Mounts each volume of the service once."),
    StepKind(
        "service.settings",
        "Set replicas and limits",
        "Stores replicas, limits and arguments in the target's exact units.",
    ),
    StepKind(
        "service.fresh_build",
        "Switch the build cache off",
        "A stored setting of the target; it is put back after the build.",
    ),
    StepKind(
        "service.cached_build",
        "Switch the build cache on",
        "Puts the stored setting back.",
    ),
    StepKind(
        "service.reload",
        "Apply without a build",
        "Applies the stored settings, which replaces the containers.",
    ),
    StepKind(
        "service.observe",
        "Count containers",
        "Looks until as many containers run as are wanted, and keeps what was seen.",
        call_deadline=60.0,
        patience=1800.0,
        poll_seconds=5.0,
    ),
    StepKind(
        "service.roll_back",
        "Roll back on the target",
        "Uses the target's own rollback to the image of that time.",
        queue=SLOW_QUEUE,
        call_deadline=120.0,
    ),
    StepKind("domains.create", "Create domain", "Routes the hostname to the service."),
    StepKind(
        "domains.wait_propagation",
        "Wait for DNS",
        "Asks every resolver until the hostname has an address.",
        call_deadline=6.0,
        patience=3600.0,
        poll_seconds=15.0,
    ),
    StepKind(
        "domains.alias",
        "Set additional hostnames",
        "Routes the additional hostnames, and redirects those that should to the primary one.",
        call_deadline=120.0,
    ),
    StepKind(
        "health.check",
        "Check health",
        "Makes a real request, or looks at the containers of a service without a hostname.",
        call_deadline=10.0,
        retry_key="health.retry",
        retries=8,
        job_type="health",
    ),
    StepKind(
        "health.retry",
        "Check health again",
        "The same check, after a wait.",
        call_deadline=10.0,
        retry_key="health.retry",
        retries=8,
        job_type="health",
    ),
    StepKind(
        "internal.provision",
        "Provision inside the product",
        "Calls the product's own set-up address, once, with an idempotency key.",
        call_deadline=25.0,
    ),
    StepKind(
        "email.notify_success",
        "Tell of success",
        "Sends the news; a mail that cannot be sent fails nothing.",
        gates=False,
        attempts=10,
        job_type="email",
    ),
    StepKind(
        "email.notify_failure",
        "Tell of failure",
        "Sends the news, with the failed step and its words.",
        gates=False,
        attempts=10,
        job_type="email",
    ),
)
