"""
How deployments start and end: admission, the end, cancel. Each function runs in the caller's
transaction and returns what is to be published after its commit.

Lock order everywhere: Target, Deployment, Tenant, Step, TenantService, JobRecord (KERNEL R3).
"""

from typing import Any

from sqlalchemy import Connection, exists, func, select, update
from sqlalchemy.orm import aliased

from tenantry.engine.aftermath import tenant_after
from tenantry.engine.jobs import Hint, add_job
from tenantry.engine.statements import GATING_LEFT, LOCK_DEPLOYMENT, LOCK_IF_FREE
from tenantry.engine.store import locked
from tenantry.engine.transitions import move
from tenantry.journal import cap_line
from tenantry.models import Deployment, DeploymentStep, JobRecord, TargetRow, Tenant
from tenantry.models.dbtime import db_now
from tenantry.planning.actions import ACTIONS
from tenantry.planning.causes import cause_of
from tenantry.planning.states import DONE_STEP, DeploymentStatus, TenantStatus

Step = DeploymentStep
# Made once: an alias costs more to build than its statement to run.
waits = aliased(Step)


def lock_deployment(conn: Connection, deployment_id: int, *, skip: bool = False) -> Any:
    """The deployment's row, locked; None where there is none, or (`skip`) others have it locked."""
    statement = LOCK_IF_FREE if skip else LOCK_DEPLOYMENT
    return conn.execute(statement, {"b_deployment": deployment_id}).one_or_none()


def lock_tenant(conn: Connection, tenant_id: int) -> Any:
    """The tenant's row, locked after its deployment."""
    return conn.execute(
        locked(select(Tenant.id, Tenant.status, Tenant.completed_at).where(Tenant.id == tenant_id))
    ).one()


def admit(conn: Connection, target_id: int) -> list[Hint]:
    """
    Starts as many waiting deployments of a target as have room, the oldest first.

    The count is a statement of its own after the target's lock: counted without the lock, two
    admissions pass the limit. A locked candidate is left to whoever holds it. Safe to repeat.
    """
    target = conn.execute(
        locked(
            select(
                TargetRow.id,
                TargetRow.max_in_flight,
                TargetRow.draining,
                (func.coalesce(TargetRow.breaker_until > db_now(), False)).label("broken"),
            ).where(TargetRow.id == target_id)
        )
    ).one_or_none()
    if target is None or target.draining or target.broken:
        return []
    running = conn.execute(
        select(func.count())
        .select_from(Deployment)
        .where(Deployment.target_id == target_id, Deployment.status == DeploymentStatus.RUNNING)
    ).scalar_one()
    room = target.max_in_flight - running
    if room <= 0:
        return []
    waiting = conn.execute(
        locked(
            select(Deployment.id, Deployment.tenant_id, Deployment.action)
            .where(
                Deployment.target_id == target_id,
                Deployment.status == DeploymentStatus.PENDING,
                Deployment.cancel_requested.is_(False),
            )
            .order_by(Deployment.queued_at, Deployment.id)
            .limit(min(room, 50)),
            skip=True,
        )
    ).all()
    return [_start(conn, row.id, row.tenant_id, row.action) for row in waiting]


def _start(conn: Connection, deployment_id: int, tenant_id: int, action: str) -> Hint:
    move(
        conn,
        "deployment",
        DeploymentStatus.RUNNING,
        Deployment.id == deployment_id,
        reason="admitted",
        started_at=func.coalesce(Deployment.started_at, db_now()),
    )
    lock_tenant(conn, tenant_id)
    if ACTIONS[action].provisions:
        move(
            conn,
            "tenant",
            TenantStatus.PROVISIONING,
            Tenant.id == tenant_id,
            Tenant.status.in_((TenantStatus.PENDING, TenantStatus.FAILED)),
            reason="a deployment was admitted",
        )
    # The rest of the plan starts to be due now, and the head counts as hinted: it is published
    # right after this commit.
    head = (
        select(func.min(Step.order))
        .where(Step.deployment_id == deployment_id, Step.gates, ~Step.status.in_(DONE_STEP))
        .where(Step.retried_by_id.is_(None))
        .scalar_subquery()
    )
    conn.execute(
        update(Step)
        .where(Step.deployment_id == deployment_id, Step.order == head)
        .values(hinted_at=db_now(), hints=0)
    )
    return Hint(deployment_id)


def gating_steps_left(conn: Connection, deployment_id: int) -> int:
    """How many gating steps are neither done nor replaced by a retry."""
    return int(conn.execute(GATING_LEFT, {"b_deployment": deployment_id}).scalar_one())


def fail(conn: Connection, deployment: Any, step_key: str, message: str) -> list[Hint]:
    """Ends a deployment as failed at a step, with the cause that it shares with others."""
    own = conn.execute(
        select(Deployment.tenant_name, Deployment.subdomain).where(Deployment.id == deployment.id)
    ).one()
    return end(
        conn,
        deployment,
        DeploymentStatus.FAILED,
        summary=f"Failed at {step_key}: {message}",
        cause=cause_of(step_key, message, own),
    )


def end(
    conn: Connection,
    deployment: Any,
    outcome: str,
    *,
    summary: str,
    actor: str = "engine",
    **facts: Any,
) -> list[Hint]:
    """
    The one routine by which anything ends a deployment, in the caller's transaction.

    Closes jobs and steps, moves the tenant, makes the mail that fits due. `facts` are written with
    the move. Does nothing where the deployment has ended already. Admission of the next one is the
    caller's, in a transaction of its own: the target is locked before deployments, and this one
    holds a deployment.
    """
    moved = move(
        conn,
        "deployment",
        outcome,
        Deployment.id == deployment.id,
        reason=summary,
        actor=actor,
        ended_at=db_now(),
        summary=cap_line(summary),
        **facts,
    )
    if not moved:
        return []
    lock_tenant(conn, deployment.tenant_id)
    tenant_after(conn, deployment, outcome, summary)
    of_steps = select(Step.id).where(Step.deployment_id == deployment.id, Step.gates)
    if outcome == DeploymentStatus.CANCELLED:
        move(
            conn,
            "step",
            "cancelled",
            Step.deployment_id == deployment.id,
            Step.gates.is_(True),
            reason="the deployment was cancelled",
            actor=actor,
            ended_at=db_now(),
        )
    move(
        conn,
        "job",
        "cancelled",
        JobRecord.step_id.in_(of_steps),
        reason=f"the deployment {outcome}",
    )
    return _mail_due(conn, deployment, outcome)


def _mail_due(conn: Connection, deployment: Any, outcome: str) -> list[Hint]:
    """Exactly one mail of this epoch becomes due; cancelled before it started: none."""
    wanted = (
        "email.notify_success"
        if outcome == DeploymentStatus.SUCCEEDED
        else "email.notify_failure"
        if deployment.started_at is not None
        else None
    )
    rows = conn.execute(
        select(Step.id, Step.step_key).where(
            Step.deployment_id == deployment.id,
            Step.gates.is_(False),
            Step.epoch == deployment.epoch,
            Step.status == "pending",
        )
    ).all()
    hints = []
    for row in rows:
        if row.step_key == wanted:
            conn.execute(
                update(Step)
                .where(Step.id == row.id)
                .values(due_at=db_now(), hinted_at=db_now(), hints=0)
            )
            add_job(conn, deployment.id, row.id, row.step_key, attempt=1, delay=0)
            hints.append(Hint(deployment.id))
        else:
            move(
                conn,
                "step",
                "skipped",
                Step.id == row.id,
                reason=f"the deployment {outcome}",
                ended_at=db_now(),
            )
    return hints


def finish_cancel(conn: Connection, deployment: Any, actor: str = "engine") -> list[Hint]:
    """Ends a deployment whose cancel was asked for, once no gating step runs."""
    busy = conn.execute(
        select(
            exists().where(
                Step.deployment_id == deployment.id, Step.gates, Step.status == "running"
            )
        )
    ).scalar_one()
    if busy:
        return []
    return end(conn, deployment, DeploymentStatus.CANCELLED, summary="Cancelled.", actor=actor)


def rests() -> Any:
    """
    Whether a gating step of the deployment waits for a time to come.

    Of ten thousand such deployments it spares a look at each of their open steps, every second.
    """
    return exists().where(
        waits.deployment_id == Deployment.id,
        waits.status == "waiting",
        waits.gates,
        waits.due_at > db_now(),
    )
