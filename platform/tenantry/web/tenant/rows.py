"""What the list of tenants shows beside each: its latest deployment, its health, its site."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, load_only

from tenantry.models import Deployment, ServiceWatch, TenantService
from tenantry.planning.states import ACTIVE_DEPLOYMENT

OPEN_SITE = ("running", "completed")


@dataclass(frozen=True, slots=True)
class Health:
    """How many services are up and down; `sites` are their hostnames, the first service's first."""

    up: int = 0
    down: int = 0
    other: int = 0
    sites: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """One word for all of them."""
        return "down" if self.down else "up" if self.up else "unknown"

    @property
    def words(self) -> str:
        """`3 up`, `1 of 3 down`; empty where nobody looks."""
        if self.down:
            return f"{self.down} of {self.up + self.down + self.other} down"
        return f"{self.up} up" if self.up else ""


def active_of(session: Session, tenant_ids: Collection[int]) -> dict[int, Deployment]:
    """The active deployment of each of these tenants that has one."""
    if not tenant_ids:
        return {}
    rows = session.scalars(
        select(Deployment).where(
            Deployment.tenant_id.in_(tenant_ids), Deployment.status.in_(ACTIVE_DEPLOYMENT)
        )
    )
    return {row.tenant_id: row for row in rows}


def latest_of(session: Session, tenant_ids: Collection[int]) -> dict[int, Deployment]:
    """The active deployment of each tenant, else its newest; one query, without blueprints."""
    newest = (
        select(func.max(Deployment.id))
        .where(Deployment.tenant_id.in_(tenant_ids))
        .group_by(Deployment.tenant_id)
    )
    rows = session.scalars(
        select(Deployment)
        .where(
            Deployment.tenant_id.in_(tenant_ids),
            or_(Deployment.id.in_(newest), Deployment.status.in_(ACTIVE_DEPLOYMENT)),
        )
        .order_by(Deployment.status.in_(ACTIVE_DEPLOYMENT), Deployment.id)
        .options(
            load_only(
                Deployment.public_id,
                Deployment.tenant_id,
                Deployment.status,
                Deployment.action,
                Deployment.trigger_reason,
                Deployment.queued_at,
                Deployment.ended_at,
            )
        )
    )
    return {row.tenant_id: row for row in rows}


def health_of(session: Session, tenant_ids: Collection[int]) -> dict[int, Health]:
    """By tenant; one query."""
    rows = session.execute(
        select(
            TenantService.tenant_id,
            TenantService.domain,
            ServiceWatch.state,
            ServiceWatch.paused,
        )
        .outerjoin(ServiceWatch, ServiceWatch.tenant_service_id == TenantService.id)
        .where(TenantService.tenant_id.in_(tenant_ids))
        .order_by(TenantService.id)
    )
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.tenant_id, []).append(row)
    return {tenant_id: _health(of) for tenant_id, of in found.items()}


def _health(rows: Iterable[Any]) -> Health:
    watched = [row for row in rows if row.state is not None and not row.paused]
    up = sum(row.state == "up" for row in watched)
    down = sum(row.state == "down" for row in watched)
    sites = tuple(row.domain for row in rows if row.domain)
    return Health(up, down, len(watched) - up - down, sites)
