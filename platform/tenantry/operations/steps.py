"""What staff may do to one step: retry, run now, postpone, skip, mark done. Each is audited."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tenantry.clock import iso
from tenantry.engine.jobs import Hint, add_job
from tenantry.engine.progress import end, gating_steps_left, lock_deployment
from tenantry.engine.transitions import move
from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.journal import Redactor, logged
from tenantry.models import Deployment, DeploymentStep, JobRecord
from tenantry.models.dbtime import db_now
from tenantry.operations import deployments, resuming
from tenantry.operations.actors import Actor, record
from tenantry.planning.states import DeploymentStatus
from tenantry.steps.outcomes import LogText

Step = DeploymentStep
SOONEST, LATEST = 60.0, 86_400.0


def find(session: Session, public_id: str) -> DeploymentStep:
    """By public id; NotFound otherwise."""
    try:
        found = session.scalar(select(Step).where(Step.public_id == UUID(public_id)))
    except ValueError:
        found = None
    if found is None:
        raise NotFound("There is no such step")
    return found


def retry(session: Session, actor: Actor, step: DeploymentStep) -> list[Hint]:
    """
    A failed gating step: resumes its deployment from there. A failed mail: sends it once more.

    Conflict where the step has not failed, or another deployment is active.
    """
    if step.status not in {"failed", "cancelled"} or step.retried_by_id is not None:
        raise Conflict(f"{step.step_key} is {step.status}; only a failed step can be retried")
    if step.gates:
        resuming.resume(session, actor, step.deployment, reason=f"retry of {step.step_key}")
        return []
    conn = session.connection()
    row = lock_deployment(conn, step.deployment_id)
    if row.epoch != step.epoch:
        raise Conflict("This mail belongs to an earlier run of the deployment")
    moved = move(
        conn,
        "step",
        "pending",
        Step.id == step.id,
        reason="retried",
        actor=actor.name,
        budget_from=Step.attempts,
        lost=0,
        polls=0,
        due_at=db_now(),
        ended_at=None,
    )
    if not moved:
        raise Conflict("This step was changed a moment ago")
    add_job(conn, step.deployment_id, step.id, step.step_key, attempt=1, delay=0)
    session.expire(step)
    record(session, actor, "step.retry", step)
    return [Hint(step.deployment_id)]


def run_now(session: Session, actor: Actor, step: DeploymentStep) -> list[Hint]:
    """Makes a waiting step due now. No new epoch, and its intent is kept."""
    conn = session.connection()
    lock_deployment(conn, step.deployment_id)
    changed = conn.execute(
        update(Step)
        .where(Step.id == step.id, Step.status == "waiting")
        .values(due_at=db_now(), hinted_at=None, hints=0)
        .returning(Step.id)
    ).all()
    if not changed:
        raise Conflict(f"{step.step_key} is not waiting")
    conn.execute(
        update(JobRecord)
        .where(JobRecord.step_id == step.id, JobRecord.status == "scheduled")
        .values(next_run_at=db_now())
    )
    session.expire(step)
    record(session, actor, "step.run_now", step)
    return [Hint(step.deployment_id)]


def postpone(session: Session, actor: Actor, step: DeploymentStep, seconds: float) -> None:
    """
    Gives a waiting step another time, from a minute to a day ahead. Its intent and its patience
    are kept: a step that may wait so long and no longer gives up at its next look.

    Conflict where it does not wait.
    """
    if not SOONEST <= seconds <= LATEST:
        raise Invalid("minutes", "must be from 1 to 1440")
    conn = session.connection()
    lock_deployment(conn, step.deployment_id)
    before: datetime | None = conn.execute(
        select(Step.due_at).where(Step.id == step.id, Step.status == "waiting")
    ).scalar_one_or_none()
    if before is None:
        raise Conflict(f"{step.step_key} is not waiting")
    # A message that is under way already comes too early then, and is refused.
    after: Any = conn.execute(
        update(Step)
        .where(Step.id == step.id, Step.status == "waiting")
        .values(due_at=db_now(seconds), hinted_at=None, hints=0)
        .returning(Step.due_at)
    ).scalar_one()
    conn.execute(
        update(JobRecord)
        .where(JobRecord.step_id == step.id, JobRecord.status == "scheduled")
        .values(next_run_at=after)
    )
    session.expire(step)
    was, now = {"due": iso(before)}, {"due": iso(after)}
    record(session, actor, "step.postpone", step, before=was, after=now)


def skip(session: Session, actor: Actor, step: DeploymentStep, reason: str) -> list[Hint]:
    """
    Skips a step that has not run, with a reason; the deployment goes on without it.

    Conflict where it runs or has ended.
    """
    words = deployments.need_reason(reason)
    said = f"Skipped by {actor.name}: {words}"
    conn = session.connection()
    row = lock_deployment(conn, step.deployment_id)
    moved = move(
        conn,
        "step",
        "skipped",
        Step.id == step.id,
        Step.status.in_(("pending", "waiting")),
        reason=words,
        actor=actor.name,
        ended_at=db_now(),
        message=said[:500],
    )
    if not moved:
        raise Conflict(f"{step.step_key} is {step.status}; only an open step can be skipped")
    # Its number tells a settle that waits behind this lock to look again at what is still open
    # (docs/adr/0014): else the end of the deployment would be left to the watchdog.
    line = LogText([f"{step.step_key}: {said}"])
    logged(conn, Redactor(), row.id, step.id, step.attempts, [line])
    move(
        conn,
        "job",
        "cancelled",
        JobRecord.step_id == step.id,
        reason="its step was skipped",
        actor=actor.name,
    )
    session.expire(step)
    record(session, actor, "step.skip", step, reason=words)
    return _end_check(conn, row)


def mark_done(session: Session, actor: Actor, step: DeploymentStep, reason: str) -> list[Hint]:
    """
    Calls a failed step done, with a reason, and resumes the deployment behind it.

    It is the resume transaction: that step becomes success, the rest as in resume.
    """
    words = deployments.need_reason(reason)
    if not step.gates or step.status != "failed" or step.retried_by_id is not None:
        raise Conflict(f"{step.step_key} is {step.status}; only a failed step can be marked done")
    conn = session.connection()
    lock_deployment(conn, step.deployment_id)
    deployment = step.deployment
    if deployment.status not in deployments.FOR_RESUME:
        raise Conflict(f"This deployment is {deployment.status}")
    move(
        conn,
        "step",
        "success",
        Step.id == step.id,
        Step.status == "failed",
        reason=words,
        actor=actor.name,
        message=f"Marked done by {actor.name}: {words}"[:500],
        intent_at=None,
        intent=None,
    )
    resuming.resume(session, actor, deployment, reason=f"{step.step_key} marked done: {words}")
    conn.execute(
        update(Deployment).where(Deployment.id == deployment.id).values(trigger_reason="manual_fix")
    )
    session.expire_all()
    record(session, actor, "step.mark_done", step, reason=words)
    return []


def _end_check(conn: Any, deployment: Any) -> list[Hint]:
    if deployment.status != DeploymentStatus.RUNNING:
        return []
    if gating_steps_left(conn, deployment.id) == 0:
        return end(conn, deployment, DeploymentStatus.SUCCEEDED, summary="All steps done.")
    return [Hint(deployment.id)]
