"""
Taking a step: compare-and-set with a fence and a lease, in one transaction (KERNEL R5, §2.2).

A message may be old, doubled, early or late; the claim alone decides, and refuses by returning
what the chain should do instead.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from sqlalchemy import Connection, and_, update

from tenantry.config import Times
from tenantry.engine.jobs import Hint
from tenantry.engine.patience import uncounted
from tenantry.engine.progress import finish_cancel, lock_deployment, lock_tenant
from tenantry.engine.statements import CONTEXT, INTEND, SERVICES, STEP, TAKE
from tenantry.engine.transitions import move, move_known
from tenantry.models import (
    DeploymentStep,
    JobRecord,
    Tenant,
)
from tenantry.planning.catalogue import SLOW_QUEUE, StepKind, kind_of
from tenantry.planning.states import DONE_STEP, ENDED_DEPLOYMENT, DeploymentStatus, TenantStatus

Step = DeploymentStep
PROVISION = "internal.provision"


class Refusal(Enum):
    """Why nothing was claimed: the step is done and the chain goes on, or the chain ends here."""

    DONE_ALREADY = "done already"
    NOT_NOW = "not now"


@dataclass(frozen=True, slots=True)
class Message:
    """What a task carries: ids and the epoch, nothing else."""

    deployment_id: int
    step_id: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Claim:
    """
    A step that is ours until its lease ends.

    `fence` stands in every later write. The rows are plain values, read in the claim's own
    transaction; nothing here is attached to a session.
    """

    message: Message
    kind: StepKind
    owner: str
    fence: int
    attempts: int
    budget_used: int
    lease: float
    deployment: Any
    step: Any
    services: tuple[Any, ...]
    now: datetime
    waited: float
    # Whether no other gating step was open when it was claimed; a hint, nothing is decided by it.
    is_last: bool = False

    def where(self) -> Any:
        """The condition of every later write of this claim; no row means Lost."""
        return and_(
            Step.id == self.message.step_id, Step.fence == self.fence, Step.status == "running"
        )


def lease_of(kind: StepKind, times: Times) -> float:
    """Call deadline and a margin, in seconds."""
    return kind.call_deadline * times.scale + times.lease_margin


def settle_of(kind: StepKind, times: Times) -> float:
    """How long the outcome of an unanswered call may still appear."""
    if kind.queue == SLOW_QUEUE:
        return max(times.settle, kind.call_deadline * times.scale)
    return times.settle


def claim(
    conn: Connection, message: Message, *, owner: str, times: Times, suspect: bool
) -> Claim | Refusal | list[Hint]:
    """
    Claims one step.

    A list of hints means that the message found a cancelled deployment and ended it instead.
    """
    deployment = _locked_context(conn, message.deployment_id)
    if deployment is None:
        return Refusal.NOT_NOW
    step = conn.execute(
        STEP, {"b_step": message.step_id, "b_deployment": message.deployment_id}
    ).one_or_none()
    if step is None:
        return Refusal.NOT_NOW
    if step.status in DONE_STEP:
        return Refusal.DONE_ALREADY
    kind = kind_of(step.step_key)
    # A key of a newer version waits for a newer worker.
    if kind is None or deployment.epoch != message.epoch:
        return Refusal.NOT_NOW
    if step.gates and deployment.cancel_requested:
        return finish_cancel(conn, deployment)
    if not _may_run(deployment, step) or (step.lost > 0 and not suspect):
        return Refusal.NOT_NOW
    if _postponed(conn, deployment, step, kind, times):
        return Refusal.NOT_NOW
    return _take(conn, message, deployment, step, kind, owner, times)


def _locked_context(conn: Connection, deployment_id: int) -> Any:
    """
    Locks, then reads in a statement of its own.

    Read in the locking statement, the tenant would be as it was before the wait for the lock:
    PostgreSQL reads again only the row that it locks, and a project made a moment ago is missed.
    """
    if lock_deployment(conn, deployment_id) is None:
        return None
    return conn.execute(CONTEXT, {"b_deployment": deployment_id}).one()


def _may_run(deployment: Any, step: Any) -> bool:
    if step.status not in {"pending", "waiting"} or step.due_at is None:
        return False
    if step.gates:
        return bool(deployment.status == DeploymentStatus.RUNNING)
    return deployment.status in ENDED_DEPLOYMENT and step.epoch == deployment.epoch


def _postponed(conn: Connection, deployment: Any, step: Any, kind: StepKind, times: Times) -> bool:
    """
    Moves the due time where the target rests, or an earlier call may still show its effect.

    No state changes, no attempt is spent.
    """
    until = deployment.breaker_until if step.gates else None
    if step.intent_at is not None:
        settled = step.intent_at + timedelta(seconds=settle_of(kind, times))
        until = max(until, settled) if until else settled
    if until is None or until <= step.now:
        return False
    values: dict[str, Any] = {"due_at": until, "hinted_at": None, "hints": 0}
    if kind.patience is not None and step.status == "waiting":
        # Messages may come early and twice: only what the wait is longer by.
        away = (until - max(step.now, step.due_at)).total_seconds()
        values["details"] = uncounted(step.meta, deployment.epoch, max(0.0, away))
    conn.execute(
        update(Step).where(Step.id == step.id, Step.status == step.status).values(**values)
    )
    conn.execute(
        update(JobRecord)
        .where(JobRecord.step_id == step.id, JobRecord.status == "scheduled")
        .values(next_run_at=until)
    )
    return True


def _take(
    conn: Connection,
    message: Message,
    deployment: Any,
    step: Any,
    kind: StepKind,
    owner: str,
    times: Times,
) -> Claim | Refusal:
    provisions = step.step_key == PROVISION
    if provisions:
        lock_tenant(conn, deployment.tenant_id)
    lease = lease_of(kind, times)
    taken = move_known(
        conn,
        "step",
        step.status,
        "running",
        TAKE,
        {
            "b_step": step.id,
            "b_old": step.status,
            "b_fence": step.fence,
            "b_owner": owner,
            "b_lease": lease,
        },
        row_id=step.id,
        reason="claimed",
        actor=owner,
    )
    if not taken:
        return Refusal.NOT_NOW
    if provisions:
        # A tenant that serves its clients stays `running` through later calls.
        move(
            conn,
            "tenant",
            TenantStatus.WAITING_FOR_INTERNAL_PROVISION,
            Tenant.id == deployment.tenant_id,
            Tenant.status == TenantStatus.PROVISIONING,
            reason="its own provisioning call is under way",
        )
    if step.has_job:
        move(
            conn,
            "job",
            "running",
            JobRecord.step_id == step.id,
            JobRecord.status == "scheduled",
            reason="its step was claimed",
        )
    services = conn.execute(SERVICES, {"b_tenant": deployment.tenant_id}).all()
    attempts = step.attempts + 1
    return Claim(
        message=message,
        kind=kind,
        owner=owner,
        fence=step.fence + 1,
        attempts=attempts,
        budget_used=attempts - step.budget_from - step.lost - step.polls,
        lease=lease,
        deployment=deployment,
        step=step,
        services=tuple(services),
        now=step.now,
        waited=(step.now - step.started_at).total_seconds() if step.started_at else 0.0,
    )


def intend(conn: Connection, claim: Claim, what: dict[str, Any]) -> bool:
    """
    Commits what is about to be changed and renews the lease; False means Lost.

    One statement, checked by fence and by the lease itself (KERNEL R7).
    """
    result: Any = conn.execute(
        INTEND,
        {
            "b_step": claim.message.step_id,
            "b_fence": claim.fence,
            "b_lease": claim.lease,
            "b_what": what,
        },
    )
    return bool(result.rowcount == 1)
