"""
The statements of the hot path, built once: composing them anew for each step costs as much as
running them. What they mean stands beside their use in `claim` and `settle`.
"""

from functools import cache
from typing import Any

from sqlalchemy import Float, Update, and_, bindparam, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from tenantry.engine.store import locked
from tenantry.models import Deployment, DeploymentStep, JobRecord, TargetRow, Tenant, TenantService
from tenantry.models.dbtime import db_now
from tenantry.planning.states import (
    DONE_STEP,
    ENDED_DEPLOYMENT,
    OPEN_JOB,
    OPEN_STEP,
    DeploymentStatus,
)

Step = DeploymentStep

_DEPLOYMENT = select(
    Deployment.id,
    Deployment.tenant_id,
    Deployment.target_id,
    Deployment.status,
    Deployment.epoch,
    Deployment.cancel_requested,
    Deployment.started_at,
    Deployment.actor,
    Deployment.action,
    Deployment.release_id,
).where(Deployment.id == bindparam("b_deployment"))
LOCK_DEPLOYMENT: Any = locked(_DEPLOYMENT)
# For whoever has others to look after: one frozen holder must not hold all of them up.
LOCK_IF_FREE: Any = locked(_DEPLOYMENT, skip=True)

CONTEXT: Any = (
    select(
        Deployment.__table__,
        Tenant.status.label("tenant_status"),
        Tenant.external_ref.label("tenant_marker"),
        Tenant.dokploy_project_id,
        Tenant.dokploy_environment_id,
        Tenant.project_id,
        TargetRow.name.label("target_name"),
        TargetRow.breaker_until,
        TargetRow.breaker_count,
    )
    .join(Tenant, Tenant.id == Deployment.tenant_id)
    .join(TargetRow, TargetRow.id == Deployment.target_id)
    .where(Deployment.id == bindparam("b_deployment"))
)

# `has_job` spares the steps that never waited the search for a job to move.
STEP: Any = select(
    Step.__table__,
    db_now().label("now"),
    exists().where(JobRecord.step_id == Step.id, JobRecord.status.in_(OPEN_JOB)).label("has_job"),
).where(Step.id == bindparam("b_step"), Step.deployment_id == bindparam("b_deployment"))

SERVICES: Any = (
    select(TenantService.__table__)
    .where(TenantService.tenant_id == bindparam("b_tenant"))
    .order_by(TenantService.id)
)

_before = aliased(Step)
TAKE: Update = (
    update(Step)
    .where(
        Step.id == bindparam("b_step"),
        Step.status == bindparam("b_old"),
        Step.fence == bindparam("b_fence"),
        Step.due_at <= db_now(),
        or_(
            Step.gates.is_(False),
            ~exists().where(
                _before.deployment_id == Step.deployment_id,
                _before.order < Step.order,
                _before.gates,
                ~_before.status.in_(DONE_STEP),
                _before.retried_by_id.is_(None),
            ),
        ),
    )
    .values(
        status="running",
        fence=Step.fence + 1,
        attempts=Step.attempts + 1,
        owner=bindparam("b_owner"),
        lease_until=db_now(bindparam("b_lease", type_=Float())),
        started_at=func.coalesce(Step.started_at, db_now()),
    )
)

INTEND: Update = (
    update(Step)
    .where(
        Step.id == bindparam("b_step"),
        Step.fence == bindparam("b_fence"),
        Step.status == "running",
        Step.lease_until >= db_now(),
    )
    .values(
        intent_at=db_now(),
        lease_until=db_now(bindparam("b_lease", type_=Float())),
        intent=bindparam("b_what"),
    )
)

HELD: Any = select(Step.intent_at).where(
    Step.id == bindparam("b_step"), Step.fence == bindparam("b_fence"), Step.status == "running"
)

GATING_LEFT: Any = (
    select(func.count())
    .select_from(Step)
    .where(
        Step.deployment_id == bindparam("b_deployment"),
        Step.gates,
        ~Step.status.in_(DONE_STEP),
        Step.retried_by_id.is_(None),
    )
)


# The open steps of a deployment that runs, or the mails of one that has ended, with their jobs.
OPEN_LINKS: Any = (
    select(Deployment.epoch, Step.id, Step.step_key, Step.lost, JobRecord.job_id)
    .join(Step, Step.deployment_id == Deployment.id)
    .outerjoin(JobRecord, and_(JobRecord.step_id == Step.id, JobRecord.status.in_(OPEN_JOB)))
    .where(
        Deployment.id == bindparam("b_deployment"),
        Step.retried_by_id.is_(None),
        Step.status.in_(OPEN_STEP),
        or_(
            and_(Step.gates, Deployment.status == DeploymentStatus.RUNNING),
            and_(
                Step.gates.is_(False),
                Step.epoch == Deployment.epoch,
                Deployment.status.in_(ENDED_DEPLOYMENT),
            ),
        ),
    )
    .order_by(Step.order)
)

QUEUED: Any = (
    select(Deployment.id)
    .where(
        Deployment.target_id == bindparam("b_target"),
        Deployment.status == DeploymentStatus.PENDING,
    )
    .limit(1)
)


@cache
def finish(status: str, *, known: bool, poll: bool, sent: bool) -> Update:
    """
    The end of a claim's row; forgets the intent only where its outcome is known.

    `sent`: this claim made the intent and does not know what came of it. A change may be sent some
    time after its intent was committed, so the time to settle counts from here, where it is over.
    """
    values: dict[str, Any] = {
        "status": status,
        "message": bindparam("b_message"),
        "details": bindparam("b_details"),
        "lease_until": None,
        "owner": None,
        "hinted_at": None,
        "hints": 0,
    }
    if known:
        values |= {"intent_at": None, "intent": None}
    elif sent:
        values |= {"intent_at": db_now()}
    if status == "waiting":
        values |= {"due_at": db_now(bindparam("b_delay", type_=Float()))}
        if poll:
            values |= {"polls": Step.polls + 1}
    else:
        values |= {"ended_at": db_now()}
    return (
        update(Step)
        .where(
            Step.id == bindparam("b_step"),
            Step.fence == bindparam("b_fence"),
            Step.status == "running",
        )
        .values(**values)
    )
