"""Resuming a deployment: the same one, under a new epoch (KERNEL R14)."""

from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from tenantry.engine.progress import lock_deployment, lock_tenant
from tenantry.engine.transitions import move
from tenantry.errors import Conflict
from tenantry.models import Deployment, DeploymentStep, JobRecord
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.operations.actors import Actor, record
from tenantry.operations.deployments import (
    FOR_RESUME,
    insert_steps,
    refuse_if_active,
    refuse_if_away,
)

Step = DeploymentStep
MAIL_KEYS = ("email.notify_success", "email.notify_failure")


def resume(
    session: Session,
    actor: Actor,
    deployment: Deployment,
    *,
    only_failed: bool = False,
    reason: str = "",
    epoch: int | None = None,
) -> Deployment:
    """
    Continues the same deployment from the step that failed, under a new epoch.

    `only_failed` puts only failed steps back; all others that are not done are skipped. `epoch` is
    the one that the person saw. Conflict where it has been resumed since, where it is not failed or
    cancelled, where another is active, where a newer one succeeded, where the tenant is away, or
    where only failed steps are wanted and none has failed.
    """
    conn = session.connection()
    session.flush()
    row = lock_deployment(conn, deployment.id)
    if row is None or row.status not in FOR_RESUME:
        raise _resume_refused(session, deployment)
    if epoch is not None and row.epoch != epoch:
        raise Conflict("It was resumed meanwhile, and has failed again")
    if _superseded(session, deployment):
        raise Conflict("A newer deployment of this tenant supersedes this one")
    if only_failed and not _has_failed(session, deployment):
        raise Conflict("No step of this deployment has failed; resume it as a whole")
    if only_failed and deployment.tenant.completed_at is None:
        # The rest would be skipped, and a tenant that was never built would be called running.
        raise Conflict("This tenant was never deployed as a whole; resume the whole deployment")
    _back_in_line(session, deployment, actor)
    lock_tenant(conn, deployment.tenant_id)
    session.refresh(deployment.tenant)
    refuse_if_away(deployment.tenant, deployment.action)
    new_epoch = row.epoch + 1
    if only_failed:
        move(
            conn,
            "step",
            "pending",
            Step.deployment_id == deployment.id,
            Step.gates.is_(True),
            Step.status == "cancelled",
            reason="resumed: only failed steps run",
            actor=actor.name,
        )
        move(
            conn,
            "step",
            "skipped",
            Step.deployment_id == deployment.id,
            Step.gates.is_(True),
            Step.status == "pending",
            reason="resumed: only failed steps run",
            actor=actor.name,
            ended_at=db_now(),
        )
    _reopen_steps(conn, deployment.id, actor)
    _new_mail(session, deployment, new_epoch)
    session.expire(deployment)
    after = {"epoch": new_epoch}
    record(session, actor, "deployment.resume", deployment, reason=reason, after=after)
    return deployment


def _back_in_line(session: Session, deployment: Deployment, actor: Actor) -> None:
    try:
        with session.begin_nested():
            moved = move(
                session.connection(),
                "deployment",
                "pending",
                Deployment.id == deployment.id,
                reason="resumed",
                actor=actor.name,
                epoch=Deployment.epoch + 1,
                cancel_requested=False,
                ended_at=None,
                summary="",
            )
    except IntegrityError:
        refuse_if_active(session, deployment.tenant)
        raise Conflict("Another deployment of this tenant is active") from None
    if not moved:
        raise _resume_refused(session, deployment)


def _reopen_steps(conn: Any, deployment_id: int, actor: Actor) -> None:
    """Every gating step that is not done starts afresh, with its budget counted from here."""
    scope = (
        Step.deployment_id == deployment_id,
        Step.gates.is_(True),
        Step.retried_by_id.is_(None),
    )
    move(
        conn,
        "step",
        "pending",
        *scope,
        Step.status.in_(FOR_RESUME),
        reason="resumed",
        actor=actor.name,
    )
    conn.execute(
        update(Step)
        .where(*scope, Step.status == "pending")
        .values(
            budget_from=Step.attempts,
            lost=0,
            polls=0,
            due_at=db_now(),
            started_at=None,
            ended_at=None,
            hinted_at=None,
            hints=0,
        )
    )


def _new_mail(session: Session, deployment: Deployment, epoch: int) -> None:
    """The old pair is closed, a new pair for the new epoch stands at the end."""
    conn = session.connection()
    old = (
        Step.deployment_id == deployment.id,
        Step.gates.is_(False),
        Step.status.in_(("pending", "waiting")),
    )
    ids = list(conn.execute(select(Step.id).where(*old)).scalars())
    move(
        conn,
        "job",
        "cancelled",
        JobRecord.step_id.in_(ids),
        JobRecord.status == "scheduled",
        reason="the deployment was resumed",
    )
    move(conn, "step", "skipped", *old, reason="the deployment was resumed", ended_at=db_now())
    last = conn.execute(
        select(Step.order)
        .where(Step.deployment_id == deployment.id)
        .order_by(Step.order.desc())
        .limit(1)
    ).scalar_one()
    rows: list[dict[str, Any]] = [
        {
            "public_id": uuid7(),
            "deployment_id": deployment.id,
            "tenant_service_id": None,
            "service_name": None,
            "step_key": key,
            "order": last + 100 * (place + 1),
            "gates": False,
            "epoch": epoch,
            "details": {},
            "message": "",
        }
        for place, key in enumerate(MAIL_KEYS)
    ]
    insert_steps(session, rows)


def _superseded(session: Session, deployment: Deployment) -> bool:
    newer = aliased(Deployment)
    return (
        session.scalar(
            select(newer.id)
            .where(
                newer.tenant_id == deployment.tenant_id,
                newer.id > deployment.id,
                newer.status.in_(("pending", "running", "succeeded")),
            )
            .limit(1)
        )
        is not None
    )


def _has_failed(session: Session, deployment: Deployment) -> bool:
    failed = select(Step.id).where(
        Step.deployment_id == deployment.id,
        Step.gates.is_(True),
        Step.status == "failed",
        Step.retried_by_id.is_(None),
    )
    return session.scalar(failed.limit(1)) is not None


def _resume_refused(session: Session, deployment: Deployment) -> Conflict:
    session.expire(deployment)
    return Conflict(
        f"This deployment is {deployment.status}; only a failed or cancelled one can be resumed",
        winner=str(deployment.public_id),
    )
