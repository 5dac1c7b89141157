"""
Deployments: starting, resuming and cancelling them. Every command is one compare-and-set; the
loser of a race gets a Conflict that names the winner (KERNEL R13, R14).
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from tenantry.engine.progress import Hint, finish_cancel, lock_deployment, lock_tenant
from tenantry.engine.transitions import move
from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.journal import status_changed
from tenantry.models import (
    Deployment,
    DeploymentStep,
    IntegrationSecret,
    JobRecord,
    ProjectTemplate,
    TemplateRelease,
    Tenant,
    TenantService,
)
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.operations import blueprints, targets, templates, tenants
from tenantry.operations.actors import Actor, record
from tenantry.planning.blueprint import to_json
from tenantry.planning.environment import check_values, known_names
from tenantry.planning.planner import plan
from tenantry.planning.states import NEW, DeploymentStatus
from tenantry.ports import SecretStore

Step = DeploymentStep
MAIL_KEYS = ("email.notify_success", "email.notify_failure")
FOR_RESUME = ("failed", "cancelled")


def create(
    session: Session,
    actor: Actor,
    tenant: Tenant,
    store: SecretStore,
    *,
    reason: str | None = None,
    request_key: str | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Deployment:
    """
    A pending deployment with all its steps; admission follows in the caller's next transaction.

    Conflict where one is active for the tenant. The same `request_key` again returns the first
    answer instead of a second deployment.
    """
    if request_key and (again := _by_request(session, tenant, request_key)):
        return again
    _refuse_if_active(session, tenant)
    _refuse_if_away(tenant)
    deployment, blueprint = _frozen(session, actor, tenant, store, reason, overrides)
    deployment.request_key = request_key
    try:
        with session.begin_nested():
            session.add(deployment)
            session.flush()
    except IntegrityError:
        if request_key and (again := _by_request(session, tenant, request_key)):
            return again
        _refuse_if_active(session, tenant)
        raise Conflict("Another deployment of this tenant was started a moment ago") from None
    _write_plan(session, deployment, blueprint)
    status_changed(
        session.connection(), "deployment", [deployment.id], NEW, "pending", "created", actor.name
    )
    record(session, actor, "deployment.create", deployment, after={"tenant": tenant.subdomain})
    return deployment


def _frozen(
    session: Session,
    actor: Actor,
    tenant: Tenant,
    store: SecretStore,
    reason: str | None,
    overrides: Mapping[str, Any] | None,
) -> tuple[Deployment, Any]:
    template = tenant.project
    tenants.sync_services(session, actor, tenant, template, store)
    release = _release(session, template, actor)
    _copy_sources(tenant, release.snapshot)
    names = _secret_ids(session, template.id)
    if overrides and "env" in overrides:
        services = [s["name"] for s in release.snapshot["services"]]
        known = known_names(services, names, database=template.db_required)
        overrides = {**overrides, "env": check_values(overrides["env"], known)}
    blueprint = blueprints.make(tenant, release, names, overrides)
    target = targets.usable(session, tenant.target_name)
    deployment = Deployment(
        public_id=uuid7(),
        tenant_id=tenant.id,
        target_id=target.id,
        release_id=release.id,
        triggered_by_id=actor.user_id,
        trigger_reason=reason or ("redeploy" if tenant.completed_at else "initial"),
        creator_type=actor.creator,
        status=DeploymentStatus.PENDING,
        queued_at=db_now(),
        blueprint=to_json(blueprint),
        details={"overrides": dict(overrides or {}), "release": release.number},
        tenant_name=tenant.name,
        subdomain=tenant.subdomain,
        template_name=template.name,
        actor=actor.name,
    )
    return deployment, blueprint


def _release(session: Session, template: ProjectTemplate, actor: Actor) -> TemplateRelease:
    """The release of now. Two first deployments of one product may both number it."""
    try:
        with session.begin_nested():
            return templates.freeze(session, template, actor)
    except IntegrityError:
        return templates.freeze(session, template, actor)


def _secret_ids(session: Session, project_id: int) -> dict[str, int]:
    rows = session.execute(
        select(IntegrationSecret.name, IntegrationSecret.id).where(
            IntegrationSecret.project_id == project_id
        )
    )
    return {row.name: row.id for row in rows}


def _copy_sources(tenant: Tenant, snapshot: Mapping[str, Any]) -> None:
    """Sources follow the release, except where staff have overridden them for this tenant."""
    by_name = {item["name"]: item for item in snapshot["services"]}
    for row in tenant.services:
        item = by_name.get(row.name)
        if item and not row.source_overridden:
            row.repo_url, row.repo_branch = item["repo_url"], item["repo_branch"]
            row.image = item["image"]


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
    _insert_steps(session, rows)


def _insert_steps(session: Session, rows: list[dict[str, Any]]) -> None:
    conn = session.connection()
    for gates in (True, False):
        some = [row for row in rows if row["gates"] is gates]
        if some:
            due = db_now() if gates else None
            ids = conn.execute(
                insert(Step).values(status="pending", due_at=due).returning(Step.id), some
            ).scalars()
            status_changed(conn, "step", list(ids), NEW, "pending", "planned")


def _refuse_if_active(session: Session, tenant: Tenant) -> None:
    active = session.execute(
        select(Deployment.public_id, Deployment.status).where(
            Deployment.tenant_id == tenant.id, Deployment.status.in_(("pending", "running"))
        )
    ).first()
    if active:
        raise Conflict(
            f"A deployment of {tenant.name} is already {active.status}", winner=str(active[0])
        )


def _refuse_if_away(tenant: Tenant) -> None:
    if tenant.deleted_at is not None or tenant.status in {"archived", "suspended"}:
        raise Conflict(f"{tenant.name} is {tenant.status}")


def _by_request(session: Session, tenant: Tenant, request_key: str) -> Deployment | None:
    found = session.scalar(select(Deployment).where(Deployment.request_key == request_key))
    if found is not None and found.tenant_id != tenant.id:
        raise Conflict("This idempotency key was used for another tenant")
    return found


def resume(
    session: Session,
    actor: Actor,
    deployment: Deployment,
    *,
    only_failed: bool = False,
    reason: str = "",
) -> Deployment:
    """
    Continues the same deployment from the step that failed, under a new epoch.

    `only_failed` puts only failed steps back; all others that are not done are skipped. Conflict
    where it is not failed or cancelled, where another is active, where a newer one succeeded,
    where the tenant is away, or where only failed steps are wanted and none has failed.
    """
    conn = session.connection()
    session.flush()
    row = lock_deployment(conn, deployment.id)
    if row is None or row.status not in FOR_RESUME:
        raise _resume_refused(session, deployment)
    if _superseded(session, deployment):
        raise Conflict("A newer deployment of this tenant supersedes this one")
    if only_failed and not _has_failed(session, deployment):
        raise Conflict("No step of this deployment has failed; resume it as a whole")
    _back_in_line(session, deployment, actor)
    lock_tenant(conn, deployment.tenant_id)
    session.refresh(deployment.tenant)
    _refuse_if_away(deployment.tenant)
    epoch = row.epoch + 1
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
    _new_mail(session, deployment, epoch)
    session.expire(deployment)
    record(session, actor, "deployment.resume", deployment, reason=reason, after={"epoch": epoch})
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
        _refuse_if_active(session, deployment.tenant)
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
    _insert_steps(session, rows)


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
