"""
Deployments: starting, resuming and cancelling them. Every command is one compare-and-set; the
loser of a race gets a Conflict that names the winner (KERNEL R13, R14).
"""

from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tenantry.engine.jobs import Hint
from tenantry.engine.progress import finish_cancel, lock_deployment
from tenantry.errors import Conflict, Invalid, NotFound, NothingToDo
from tenantry.journal import status_changed
from tenantry.models import (
    Deployment,
    DeploymentStep,
    TemplateRelease,
    Tenant,
    TenantService,
)
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.operations import certificates, targets
from tenantry.operations.actors import Actor, record
from tenantry.operations.preparing import prepare
from tenantry.operations.wishes import Shaped, Wish
from tenantry.planning.actions import ACTIONS, ADOPT, BACKUP, DEPLOY, SUSPEND, TEARDOWN
from tenantry.planning.blueprint import to_json
from tenantry.planning.planner import changes, plan
from tenantry.planning.states import NEW, DeploymentStatus
from tenantry.ports import SecretStore

Step = DeploymentStep
FOR_RESUME = ("failed", "cancelled")
DEPLOYMENT = Wish()
# What a tenant that is leaving may still do.
WHILE_LEAVING = (SUSPEND, BACKUP, TEARDOWN)


def create(
    session: Session,
    actor: Actor,
    tenant: Tenant,
    store: SecretStore,
    *,
    wish: Wish = DEPLOYMENT,
    request_key: str | None = None,
) -> Deployment:
    """
    A pending deployment with all its steps; admission follows in the caller's next transaction.

    Conflict where one is active for the tenant, where the action does not fit its state, and where
    nothing differs (`NothingToDo`). The same `request_key` again returns the first answer instead
    of a second deployment.
    """
    if request_key and (again := by_request(session, tenant, request_key)):
        return again
    refuse_if_active(session, tenant)
    refuse_if_away(tenant, wish.action)
    shaped, release = prepare(session, actor, tenant, store, wish)
    if not changes(shaped.blueprint):
        raise NothingToDo(f"{tenant.name} is as it should be: nothing differs")
    certificates.reserve(session, tenant, shaped.blueprint)
    deployment = _row(session, actor, tenant, wish, shaped, release)
    deployment.request_key = request_key
    try:
        with session.begin_nested():
            session.add(deployment)
            session.flush()
    except IntegrityError:
        if request_key and (again := by_request(session, tenant, request_key)):
            return again
        refuse_if_active(session, tenant)
        raise Conflict("Another deployment of this tenant was started a moment ago") from None
    _write_plan(session, deployment, shaped.blueprint)
    status_changed(
        session.connection(), "deployment", [deployment.id], NEW, "pending", "created", actor.name
    )
    record(
        session,
        actor,
        f"deployment.{'create' if wish.action == DEPLOY else wish.action}",
        deployment,
        reason=wish.why,
        after={"tenant": tenant.subdomain, **wish.as_details()},
    )
    return deployment


def _row(
    session: Session,
    actor: Actor,
    tenant: Tenant,
    wish: Wish,
    shaped: Shaped,
    release: TemplateRelease | None,
) -> Deployment:
    target = targets.usable(session, tenant.target_name)
    reason = wish.action
    if wish.action == DEPLOY:
        reason = "redeploy" if tenant.completed_at else "initial"
    return Deployment(
        public_id=uuid7(),
        tenant_id=tenant.id,
        target_id=target.id,
        release_id=release.id if release else None,
        triggered_by_id=actor.user_id,
        action=wish.action,
        trigger_reason=reason,
        creator_type=actor.creator,
        status=DeploymentStatus.PENDING,
        queued_at=db_now(),
        blueprint=to_json(shaped.blueprint),
        details={
            **wish.as_details(),
            "release": release.number if release else None,
            "differing": {name: list(parts) for name, parts in shaped.differing.items()},
        },
        tenant_name=tenant.name,
        subdomain=tenant.subdomain,
        template_name=tenant.project.name,
        actor=actor.name,
    )


def _write_plan(session: Session, deployment: Deployment, blueprint: Any) -> None:
    services = dict(
        session.execute(
            select(TenantService.name, TenantService.id).where(
                TenantService.tenant_id == deployment.tenant_id
            )
        ).all()
    )
    rows: list[dict[str, Any]] = [
        {
            "public_id": uuid7(),
            "deployment_id": deployment.id,
            "tenant_service_id": services.get(step.service or ""),
            "service_name": step.service,
            "step_key": step.key,
            "order": step.order,
            "gates": step.gates,
            "details": {},
            "message": "",
        }
        for step in plan(blueprint)
    ]
    insert_steps(session, rows)


def insert_steps(session: Session, rows: list[dict[str, Any]]) -> None:
    """Pending rows; mail is due only when its deployment has ended."""
    conn = session.connection()
    for gates in (True, False):
        some = [row for row in rows if row["gates"] is gates]
        if some:
            due = db_now() if gates else None
            ids = conn.execute(
                insert(Step).values(status="pending", due_at=due).returning(Step.id), some
            ).scalars()
            status_changed(conn, "step", list(ids), NEW, "pending", "planned")


def refuse_if_active(session: Session, tenant: Tenant) -> None:
    """Conflict, with the winner, where a deployment of the tenant is active."""
    active = session.execute(
        select(Deployment.public_id, Deployment.status).where(
            Deployment.tenant_id == tenant.id, Deployment.status.in_(("pending", "running"))
        )
    ).first()
    if active:
        raise Conflict(
            f"A deployment of {tenant.name} is already {active.status}", winner=str(active[0])
        )


def refuse_if_away(tenant: Tenant, action: str = DEPLOY) -> None:
    """Conflict where the action does not fit the tenant's state."""
    if tenant.status not in ACTIONS[action].from_states:
        raise Conflict(f"{tenant.name} is {tenant.status}: {action} is not possible now")
    if tenant.teardown_at is not None and action not in WHILE_LEAVING:
        raise Conflict(f"{tenant.name} is leaving: take that back first, then {action}")
    if tenant.adopted_at and tenant.completed_at is None and action != ADOPT:
        # Not marked yet, so nothing of it would be found: a second project would be made.
        raise Conflict(f"{tenant.name} is being taken over: resume that, or give it up, first")


def by_request(session: Session, tenant: Tenant, request_key: str) -> Deployment | None:
    """What this key has started before; Conflict where that was another tenant's."""
    found = session.scalar(select(Deployment).where(Deployment.request_key == request_key))
    if found is not None and found.tenant_id != tenant.id:
        raise Conflict("This idempotency key was used for another tenant")
    return found


def cancel(session: Session, actor: Actor, deployment: Deployment) -> list[Hint]:
    """
    Asks for a cancel. Ends the deployment at once where no step runs; a running step ends first.

    Conflict where it has ended, or a cancel was asked for already.
    """
    conn = session.connection()
    session.flush()
    row = lock_deployment(conn, deployment.id)
    asked = conn.execute(
        update(Deployment)
        .where(
            Deployment.id == deployment.id,
            Deployment.status.in_(("pending", "running")),
            Deployment.cancel_requested.is_(False),
        )
        .values(cancel_requested=True, cancelled_by_id=actor.user_id)
        .returning(Deployment.id)
    ).all()
    if not asked:
        words = "is being cancelled already" if row and row.cancel_requested else "has ended"
        raise Conflict(f"This deployment {words}", winner=str(deployment.public_id))
    hints = finish_cancel(conn, row, actor.name)
    session.expire(deployment)
    record(session, actor, "deployment.cancel", deployment)
    return hints


def find(session: Session, public_id: str) -> Deployment:
    """By public id; NotFound otherwise."""
    try:
        key = UUID(public_id)
    except ValueError:
        raise NotFound("There is no such deployment") from None
    found = session.scalar(select(Deployment).where(Deployment.public_id == key))
    if found is None:
        raise NotFound("There is no such deployment")
    return found


def latest(session: Session, tenant: Tenant) -> Deployment:
    """The tenant's newest deployment; NotFound where it has none."""
    found = session.scalar(
        select(Deployment)
        .where(Deployment.tenant_id == tenant.id)
        .order_by(Deployment.id.desc())
        .limit(1)
    )
    if found is None:
        raise NotFound(f"{tenant.name} was never deployed")
    return found


def place_in_line(session: Session, deployment: Deployment) -> int | None:
    """How many wait for the same target up to this one, from 1; None where it does not wait."""
    if deployment.status != DeploymentStatus.PENDING:
        return None
    return session.scalar(
        select(func.count())
        .select_from(Deployment)
        .where(
            Deployment.target_id == deployment.target_id,
            Deployment.status == DeploymentStatus.PENDING,
            tuple_(Deployment.queued_at, Deployment.id)
            <= tuple_(deployment.queued_at, deployment.id),
        )
    )


def need_reason(reason: str) -> str:
    """A reason of 3 to 500 characters."""
    words = " ".join(reason.split())
    if not 3 <= len(words) <= 500:  # noqa: PLR2004 — what fits a line of history
        raise Invalid("reason", "must have 3 to 500 characters")
    return words
