"""Who is watched: whatever the newest deployment that succeeded has brought about."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, exists, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tenantry.config import Watching
from tenantry.models import (
    Deployment,
    HostnameWatch,
    ServiceWatch,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.planning.blueprint import Blueprint, from_json
from tenantry.planning.states import DeploymentStatus, TenantStatus
from tenantry.planning.watching import spread
from tenantry.watching.bulk import insert_missing

Watch = ServiceWatch
WATCHES: Any = ServiceWatch.__table__
HOSTNAMES: Any = HostnameWatch.__table__
MOST = 50
FIRST_LOOK = 60.0
NEW: dict[str, Any] = {"fence": 0, "state": "unknown", "failures": 0, "successes": 0, "detail": ""}


def due_tenants(conn: Connection) -> list[Any]:
    """Tenants whose newest success is not what is watched: (id, deployment_id), at most 50."""
    newest = (
        select(Deployment.id)
        .where(Deployment.tenant_id == Tenant.id, Deployment.status == DeploymentStatus.SUCCEEDED)
        .order_by(Deployment.created_at.desc(), Deployment.id.desc())
        .limit(1)
        .correlate(Tenant)
        .scalar_subquery()
    )
    live = (
        select(Tenant.id, newest.label("deployment_id"))
        .where(
            Tenant.completed_at.is_not(None),
            Tenant.deleted_at.is_(None),
            Tenant.status != TenantStatus.ARCHIVED,
            exists().where(TenantService.tenant_id == Tenant.id),
        )
        .subquery()
    )
    watched = exists().where(
        Watch.tenant_id == live.c.id, Watch.deployment_id == live.c.deployment_id
    )
    wanted = select(live).where(live.c.deployment_id.is_not(None), ~watched)
    return list(conn.execute(wanted.order_by(live.c.id).limit(MOST)).all())


def enrol(conn: Connection, tenant_id: int, deployment_id: int, rules: Watching) -> int:
    """
    Watches what this deployment has brought about, as its blueprint says; how many services.

    Safe to repeat. Services keep their place in the interval, their standing and their pause; new
    ones of a paused tenant begin paused.
    """
    blueprint = conn.execute(
        select(Deployment.blueprint).where(Deployment.id == deployment_id)
    ).scalar_one_or_none()
    if blueprint is None:
        return 0
    ids = {
        row.name: row.id
        for row in conn.execute(
            select(TenantService.id, TenantService.name).where(TenantService.tenant_id == tenant_id)
        )
    }
    now, paused = conn.execute(
        select(db_now(), exists().where(Watch.tenant_id == tenant_id, Watch.paused))
    ).one()
    rows = [
        NEW
        | wish
        | {
            "tenant_service_id": ids[name],
            "tenant_id": tenant_id,
            "paused": paused,
            "next_due_at": now + timedelta(seconds=spread(ids[name], rules.interval)),
        }
        for name, wish in _wishes(from_json(blueprint))
        if name in ids
    ]
    if rows:
        conn.execute(_upsert(conn), rows)
    conn.execute(
        update(Watch).where(Watch.tenant_id == tenant_id).values(deployment_id=deployment_id)
    )
    return len(rows)


def _wishes(blueprint: Blueprint) -> Iterable[tuple[str, dict[str, Any]]]:
    scheme = "https" if blueprint.https else "http"
    for spec in blueprint.services:
        url = f"{scheme}://{spec.hostname}{spec.health_path}" if spec.probed_by_http else ""
        kind = "http" if spec.probed_by_http else "containers"
        yield spec.name, {"kind": kind, "url": url, "expected_status": spec.expected_status}
    if blueprint.database is not None:
        yield blueprint.database.service, {"kind": "containers", "url": "", "expected_status": ""}


def _upsert(conn: Connection) -> Any:
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    wish = make(WATCHES)
    new = {name: wish.excluded[name] for name in ("kind", "url", "expected_status")}
    return wish.on_conflict_do_update(index_elements=["tenant_service_id"], set_=new)


def enrol_hostnames(conn: Connection, rules: Watching) -> int:
    """Watches every live hostname of a tenant that was deployed; safe to repeat; how many new."""
    rows = conn.execute(
        select(
            TenantDomain.id,
            TenantDomain.tenant_id,
            db_now().label("now"),
            exists().where(Watch.tenant_id == TenantDomain.tenant_id, Watch.paused).label("paused"),
        )
        .join(Tenant, Tenant.id == TenantDomain.tenant_id)
        .where(
            TenantDomain.deleted_at.is_(None),
            Tenant.deleted_at.is_(None),
            Tenant.completed_at.is_not(None),
            # An additional one is the client's business until it is routed.
            or_(~TenantDomain.additional, TenantDomain.domain_id.is_not(None)),
            ~exists().where(HostnameWatch.tenant_domain_id == TenantDomain.id),
        )
        .limit(MOST)
    ).all()
    # A first look soon, as far as many new ones at once allow.
    soon = min(FIRST_LOOK, rules.hostname_interval)
    new = [
        {
            "public_id": uuid7(),
            "tenant_domain_id": row.id,
            "tenant_id": row.tenant_id,
            "paused": row.paused,
            "next_due_at": row.now + timedelta(seconds=spread(row.id, soon)),
        }
        for row in rows
    ]
    insert_missing(conn, HOSTNAMES, new, "tenant_domain_id", {})
    return len(new)
