"""The kinds of step of the years after: suspend, wake, back up, restore, tear down."""

from tenantry.planning.stepkind import SLOW_QUEUE, StepKind

_BACKUP_SECONDS = 900.0

KINDS = (
    StepKind(
        "service.schedules_off",
        "Pause schedules",
        "A schedule of a stopped service would fail at each run.",
    ),
    StepKind("service.schedules_on", "Resume schedules", "Puts back those that were paused."),
    StepKind("domains.switch_off", "Switch domains off", "Takes the routers away."),
    StepKind("domains.switch_on", "Switch domains on", "Brings the routers back."),
    StepKind(
        "service.stop",
        "Stop",
        "Stops every container, and looks until none is left.",
        call_deadline=60.0,
        patience=3600.0,
    ),
    StepKind(
        "service.wake",
        "Start again",
        "Applies the stored settings; deploys the recorded source where the image is gone.",
        call_deadline=60.0,
    ),
    StepKind(
        "service.wait_wake",
        "Wait until it runs",
        "Follows the build, if one was needed, and counts containers.",
        call_deadline=80.0,
        patience=3600.0,
        poll_seconds=5.0,
    ),
    StepKind("db.stop", "Stop database", "Its data stays.", call_deadline=60.0, patience=3600.0),
    StepKind(
        "db.start",
        "Start database again",
        "Starts it where it does not run.",
        call_deadline=60.0,
        patience=3600.0,
    ),
    StepKind(
        "backup.schedule",
        "Set up nightly backups",
        "Stores the backup plan on the target, once, with a prefix of its own.",
    ),
    StepKind(
        "backup.gate",
        "Back up before the change",
        "A fresh backup whose file was seen; without it nothing is changed.",
        queue=SLOW_QUEUE,
        call_deadline=_BACKUP_SECONDS,
        patience=4 * _BACKUP_SECONDS,
        attempts=3,
    ),
    StepKind(
        "backup.run",
        "Back up",
        "A backup now; it counts only when its file was seen.",
        queue=SLOW_QUEUE,
        call_deadline=_BACKUP_SECONDS,
        patience=4 * _BACKUP_SECONDS,
        attempts=3,
    ),
    StepKind(
        "backup.final",
        "Last backup",
        "The backup that stays when the tenant is gone.",
        queue=SLOW_QUEUE,
        call_deadline=_BACKUP_SECONDS,
        patience=4 * _BACKUP_SECONDS,
        attempts=3,
    ),
    StepKind(
        "restore.check", "Look for the file", "The file is there and has the size that is known."
    ),
    StepKind(
        "restore.run",
        "Restore",
        "Overwrites the database's contents from the file; never repeated blindly.",
        queue=SLOW_QUEUE,
        call_deadline=_BACKUP_SECONDS,
        attempts=1,
    ),
    StepKind(
        "restore.verify",
        "Check the restored database",
        "Our own look: the target calls every restore a success.",
        call_deadline=60.0,
        patience=3600.0,
    ),
    StepKind(
        "teardown.wait_builds",
        "Wait for running builds",
        "A build that ends later would bring its containers back.",
        call_deadline=60.0,
        patience=3600.0,
        poll_seconds=5.0,
    ),
    StepKind(
        "service.schedules_remove",
        "Remove schedules",
        "Schedules and stored volume backups fire on when their service is gone.",
    ),
    StepKind("domains.remove", "Remove domains", "Removes every domain object of the service."),
    StepKind(
        "service.remove",
        "Remove service",
        "Removes it, and looks until nothing of it runs.",
        call_deadline=60.0,
        patience=3600.0,
    ),
    StepKind(
        "db.remove",
        "Remove database",
        "Removes it, and looks until nothing of it runs. Its volume stays.",
        call_deadline=60.0,
        patience=3600.0,
    ),
    StepKind(
        "service.image_remove",
        "Remove built image",
        "The image that was built for this tenant may hold its settings.",
        call_deadline=60.0,
    ),
    StepKind(
        "project.remove",
        "Remove project",
        "Only when it holds nothing any more.",
        call_deadline=60.0,
    ),
    StepKind(
        "teardown.certify",
        "Certify",
        "Lists what was removed, what was gone already, and what stays: volumes and backups.",
        call_deadline=80.0,
        patience=3600.0,
    ),
    StepKind(
        "volumes.remove",
        "Remove volumes",
        "Removes the volumes that staff have named; their data is gone.",
        call_deadline=60.0,
        attempts=5,
    ),
)
