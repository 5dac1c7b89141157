"""
Every kind of step: its title for people, its queue, its deadlines and its patience.

A step key is what the timeline shows (`service.backend.create`); a kind is what a handler serves
(`service.create`). This table is the only place where the two are matched.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tenantry.planning.backoff import TRANSIENT, Backoff

STEPS_QUEUE = "steps"
SLOW_QUEUE = "slow"
SUSPECT_QUEUE = "suspect"
QUEUES = (STEPS_QUEUE, SLOW_QUEUE, SUSPECT_QUEUE)


@dataclass(frozen=True, slots=True)
class StepKind:
    """
    What the engine knows of a kind.

    `call_deadline` is the longest outside call in seconds (the lease is that and a margin);
    `attempts` the tries that may fail before the step does; `patience` the seconds a polling step
    may take in all, from its start; `poll_seconds` how soon it looks again; `retry_key` the key of
    the rows that follow a failed try instead of a back-off of the same row, `retries` how many.
    """

    name: str
    title: str
    help: str
    queue: str = STEPS_QUEUE
    call_deadline: float = 20.0
    attempts: int = 12
    patience: float | None = None
    poll_seconds: float = 5.0
    retry_key: str | None = None
    retries: int = 0
    gates: bool = True
    job_type: str = "retry"
    backoff: Backoff = TRANSIENT


_ALL = (
    StepKind(
        "project.create",
        "Create project",
        "Finds or creates the tenant's own project on the target.",
    ),
    StepKind(
        "db.create",
        "Create database",
        "Finds or creates the database; its internal host name is made up here.",
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
        # History, queue, log and containers: four looks of 20 s each must fit into one lease.
        call_deadline=80.0,
        patience=3600.0,
        poll_seconds=5.0,
    ),
    StepKind("domains.create", "Create domain", "Routes the hostname to the service.", attempts=5),
    StepKind(
        "domains.wait_propagation",
        "Wait for DNS",
        "Asks every resolver until the hostname has an address.",
        call_deadline=6.0,
        patience=3600.0,
        poll_seconds=15.0,
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
KINDS: Mapping[str, StepKind] = MappingProxyType({kind.name: kind for kind in _ALL})
# The spec spells these two ways; filters accept both, rows hold the first.
ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "domain.create": "domains.create",
        "domain.propagation_wait": "domains.wait_propagation",
    },
)


def kind_name(step_key: str) -> str:
    """`service.backend.create` → `service.create`; other keys are their own kind."""
    parts = step_key.split(".")
    if parts[0] == "service" and len(parts) == 3:  # noqa: PLR2004 — service.<name>.<deed>
        return f"service.{parts[2]}"
    return ALIASES.get(step_key, step_key)


def kind_of(step_key: str) -> StepKind | None:
    """None where this version does not know the key: the row waits for a newer worker."""
    return KINDS.get(kind_name(step_key))


def service_key(service: str, deed: str) -> str:
    """`service.<name>.<deed>`."""
    return f"service.{service}.{deed}"
