"""
Which state may follow which, with the reason for each move.

These tables are the only place where moves are listed: the transitions of the engine ask `check`,
`docs/states.md` is drawn from them, and a test holds both equal. `∅` is "does not exist yet".
"""

from enum import StrEnum

from tenantry.errors import Conflict

NEW = "∅"


class DeploymentStatus(StrEnum):
    """One attempt to bring a tenant to its plan."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class StepStatus(StrEnum):
    """One ordered step of a deployment."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    SUCCESS = "success"
    FAILED = "failed"
    SKIPPED = "skipped"
    CANCELLED = "cancelled"


class JobStatus(StrEnum):
    """One wait or retry that is due at a time."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class TenantStatus(StrEnum):
    """The long life of one client's copy."""

    PENDING = "pending"
    PROVISIONING = "provisioning"
    WAITING_FOR_INTERNAL_PROVISION = "waiting_for_internal_provision"
    RUNNING = "running"
    FAILED = "failed"
    COMPLETED = "completed"
    SUSPENDED = "suspended"
    ARCHIVED = "archived"


ACTIVE_DEPLOYMENT = (DeploymentStatus.PENDING, DeploymentStatus.RUNNING)
ENDED_DEPLOYMENT = (
    DeploymentStatus.SUCCEEDED,
    DeploymentStatus.FAILED,
    DeploymentStatus.CANCELLED,
)
OPEN_STEP = (StepStatus.PENDING, StepStatus.WAITING, StepStatus.RUNNING)
DONE_STEP = (StepStatus.SUCCESS, StepStatus.SKIPPED)
OPEN_JOB = (JobStatus.SCHEDULED, JobStatus.RUNNING)

Moves = dict[tuple[str, str], str]

DEPLOYMENT_MOVES: Moves = {
    (NEW, "pending"): "created; waits for its turn on the target",
    ("pending", "running"): "admitted: the target has a free place and no breaker",
    ("pending", "cancelled"): "cancelled before it started",
    ("running", "succeeded"): "the last gating step was done, in the same transaction",
    ("running", "failed"): "a gating step failed, in the same transaction",
    ("running", "cancelled"): "cancel was asked for and no step is running",
    ("failed", "pending"): "resumed: a new epoch, back in line",
    ("cancelled", "pending"): "resumed: a new epoch, back in line",
}

STEP_MOVES: Moves = {
    (NEW, "pending"): "planned",
    (NEW, "waiting"): "a health retry is written with its due time",
    ("pending", "running"): "claimed",
    ("waiting", "running"): "claimed when due",
    ("running", "success"): "reached its goal",
    ("running", "skipped"): "nothing to do here, or a mail row of an old epoch",
    ("running", "failed"): "failed for good, or its worker was lost too often",
    ("running", "waiting"): "looks again later: a poll, a back-off, a settle time",
    ("running", "pending"): "its worker was lost: the lease ran out",
    ("pending", "skipped"): "skipped by staff with a reason, or a mail that does not apply",
    ("waiting", "skipped"): "skipped by staff with a reason, or a mail that does not apply",
    ("pending", "cancelled"): "the deployment was cancelled",
    ("waiting", "cancelled"): "the deployment was cancelled",
    ("failed", "pending"): "resumed or retried",
    ("cancelled", "pending"): "resumed or retried",
    ("failed", "success"): "marked done by staff, with a reason",
}

JOB_MOVES: Moves = {
    (NEW, "scheduled"): "written with the wait it stands for",
    ("scheduled", "running"): "its step was claimed",
    ("running", "completed"): "the wait is over",
    ("running", "scheduled"): "the next look of the same wait, or its worker was lost",
    ("running", "failed"): "an e-mail or a provisioning call gave up",
    ("scheduled", "cancelled"): "its step or deployment ended otherwise",
    ("running", "cancelled"): "its step or deployment ended otherwise",
}

TENANT_MOVES: Moves = {
    (NEW, "pending"): "added",
    ("pending", "provisioning"): "the first deployment was admitted",
    ("provisioning", "waiting_for_internal_provision"): "its own provisioning call is under way",
    ("waiting_for_internal_provision", "provisioning"): "the provisioning call has ended",
    ("provisioning", "running"): "a deployment succeeded; the first sets completed_at",
    ("waiting_for_internal_provision", "running"): "a deployment succeeded during the call's step",
    ("provisioning", "failed"): "failed, and no deployment has ever succeeded",
    ("waiting_for_internal_provision", "failed"): "failed, and no deployment has ever succeeded",
    ("failed", "provisioning"): "a resumed or new deployment was admitted",
    ("provisioning", "pending"): "the first deployment was cancelled",
    ("waiting_for_internal_provision", "pending"): "the first deployment was cancelled",
    ("running", "completed"): "staff closed the onboarding",
    ("completed", "running"): "staff reopened the onboarding",
    ("running", "suspended"): "suspended",
    ("completed", "suspended"): "suspended",
    ("suspended", "running"): "resumed from suspension",
    ("pending", "archived"): "the client has left",
    ("provisioning", "archived"): "the client has left",
    ("waiting_for_internal_provision", "archived"): "the client has left",
    ("running", "archived"): "the client has left",
    ("failed", "archived"): "the client has left",
    ("completed", "archived"): "the client has left",
    ("suspended", "archived"): "the client has left",
}

MOVES: dict[str, Moves] = {
    "deployment": DEPLOYMENT_MOVES,
    "step": STEP_MOVES,
    "job": JOB_MOVES,
    "tenant": TENANT_MOVES,
}


def allowed(thing: str, old: str, new: str) -> bool:
    """Whether `thing` (deployment, step, job, tenant) may go from old to new."""
    return (old, new) in MOVES[thing]


def check(thing: str, old: str, new: str) -> str:
    """The reason for the move; Conflict where it is not one of ours."""
    reason = MOVES[thing].get((old, new))
    if reason is None:
        raise Conflict(f"A {thing} cannot go from {old} to {new}.")
    return reason


def sources(thing: str, new: str) -> tuple[str, ...]:
    """The states that may be left for `new`: what a guarded UPDATE names in its WHERE."""
    return tuple(old for old, to in MOVES[thing] if to == new and old != NEW)
