"""What is known of a tenant before its target is looked at; one short transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, exists, func, select

from tenantry.models import Deployment, DeploymentStep, DriftFinding, Tenant, TenantService
from tenantry.planning.actions import SUSPEND, UNSUSPEND
from tenantry.planning.blueprint import BackupPlan, Blueprint, from_json
from tenantry.planning.drift import PRODUCT, Difference, Environment
from tenantry.planning.recorded import Kept
from tenantry.planning.states import ACTIVE_DEPLOYMENT, DeploymentStatus
from tenantry.steps.environment import KEYS

RECENT = 8
MOST = 100
OPEN = ("open", "ignored")


@dataclass(frozen=True, slots=True)
class Wanted:
    """
    What a tenant should become: blueprints of now, and what is waiting to be deployed.

    Made above this floor: a product's template and a tenant's settings are its business. `backup`
    is the policy of now, and `backup_mover` whose it is.
    """

    blueprints: tuple[Blueprint, ...] = ()
    moved: tuple[Difference, ...] = ()
    backup: BackupPlan | None = None
    backup_mover: str = PRODUCT


@dataclass(frozen=True, slots=True)
class Attempt:
    """A deployment that ended without success after everything that is applied."""

    blueprint: Blueprint
    suspended: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """`stamp` moves with each deployment: what was seen across one is worth nothing."""

    tenant: Any
    services: Sequence[Any]
    blueprints: tuple[Blueprint, ...]
    attempts: tuple[Attempt, ...]
    nightly: BackupPlan | None
    stamp: tuple[int, ...]
    with_schedules: frozenset[int] = field(default_factory=frozenset)

    @property
    def suspended(self) -> bool:
        """Whether it rests."""
        return bool(self.tenant.status == "suspended")


def facts_of(conn: Connection, tenant_id: int) -> Facts | None:
    """None where there is nothing to compare: never up, gone, or a deployment is under way."""
    active = exists().where(
        Deployment.tenant_id == Tenant.id, Deployment.status.in_(ACTIVE_DEPLOYMENT)
    )
    tenant = conn.execute(
        select(Tenant.__table__).where(
            Tenant.id == tenant_id,
            Tenant.deleted_at.is_(None),
            Tenant.completed_at.is_not(None),
            Tenant.dokploy_project_id.is_not(None),
            ~active,
        )
    ).one_or_none()
    if tenant is None:
        return None
    services = conn.execute(
        select(TenantService.__table__)
        .where(TenantService.tenant_id == tenant_id)
        .order_by(TenantService.id)
    ).all()
    ended = _ended(conn, tenant_id, RECENT)
    return Facts(
        tenant,
        services,
        tuple(from_json(row.blueprint) for row in ended),
        _attempts(ended, suspended=tenant.status == "suspended"),
        _nightly(conn, tenant_id),
        stamp_of(conn, tenant_id),
        _with_schedules(conn, tenant_id),
    )


def _ended(conn: Connection, tenant_id: int, most: int) -> Sequence[Any]:
    return conn.execute(
        select(Deployment.id, Deployment.status, Deployment.action, Deployment.blueprint)
        .where(Deployment.tenant_id == tenant_id, Deployment.status.not_in(ACTIVE_DEPLOYMENT))
        .order_by(Deployment.id.desc())
        .limit(most)
    ).all()


def older_blueprints(conn: Connection, tenant_id: int) -> tuple[Blueprint, ...]:
    """Those behind the recent ones: a part may have been rolled out long ago."""
    return tuple(from_json(row.blueprint) for row in _ended(conn, tenant_id, MOST)[RECENT:])


def stamp_of(conn: Connection, tenant_id: int) -> tuple[int, ...]:
    """The newest deployment, all epochs and what is active, in three numbers."""
    active = func.count().filter(Deployment.status.in_(ACTIVE_DEPLOYMENT))
    row = conn.execute(
        select(func.max(Deployment.id), func.sum(Deployment.epoch), active).where(
            Deployment.tenant_id == tenant_id
        )
    ).one()
    return tuple(int(number or 0) for number in row)


def _attempts(ended: Sequence[Any], *, suspended: bool) -> tuple[Attempt, ...]:
    found = []
    for row in ended:
        if row.status == DeploymentStatus.SUCCEEDED:
            break
        resting = {SUSPEND: True, UNSUSPEND: False}.get(row.action, suspended)
        found.append(Attempt(from_json(row.blueprint), resting))
    return tuple(found)


def _nightly(conn: Connection, tenant_id: int) -> BackupPlan | None:
    """The plan that the last successful `backup.schedule` has stored."""
    row = conn.execute(
        select(Deployment.blueprint)
        .join(DeploymentStep, DeploymentStep.deployment_id == Deployment.id)
        .where(
            Deployment.tenant_id == tenant_id,
            DeploymentStep.step_key == "backup.schedule",
            DeploymentStep.status == "success",
        )
        .order_by(DeploymentStep.ended_at.desc())
        .limit(1)
    ).one_or_none()
    return from_json(row.blueprint).backup if row else None


def _with_schedules(conn: Connection, tenant_id: int) -> frozenset[int]:
    """Services of which a schedule was found before: looked at again until it is gone."""
    found = conn.execute(
        select(DriftFinding.tenant_service_id).where(
            DriftFinding.tenant_id == tenant_id,
            DriftFinding.state.in_(OPEN),
            DriftFinding.thing.like("% schedule %"),
        )
    ).scalars()
    return frozenset(key for key in found if key is not None)


def kept_of(row: Any) -> Kept:
    """A service's row as plain values."""
    applied = dict(row.applied or {})
    environment = None
    if row.env_fingerprint is not None:
        environment = Environment(row.env_fingerprint, dict(applied.get(KEYS) or {}))
    return Kept(
        name=row.name,
        marker=row.external_ref,
        object_id=row.app_id or row.compose_id or row.db_id,
        app_name=row.app_name or "",
        applied=applied,
        environment=environment,
        paused=tuple(i for i in row.paused or () if not i.startswith("domain:")),
        is_stack=row.compose_id is not None,
    )
