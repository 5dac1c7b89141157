"""The history of a tenant: moves of the tenant itself, of its services and of its deployments."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from tenantry.models import Deployment, StatusChange, Tenant, TenantService
from tenantry.planning.actions import ACTIONS

PAGE = 50
Change = StatusChange


@dataclass(frozen=True, slots=True)
class Moved:
    """
    One move. `name` is the tenant's, the service's, or the title of the deployment's action;
    `deployment` its public id where it is one. `old` is ∅ for what did not exist before.
    """

    id: int
    at: datetime
    thing: str
    name: str
    old: str
    new: str
    reason: str
    actor: str
    deployment: UUID | None = None


def of_tenant(
    session: Session, tenant: Tenant, *, before: int | None = None, most: int = PAGE
) -> list[Moved]:
    """Newest first; `before` is the id of the last one of the page before. Three queries."""
    services: Any = select(TenantService.id).where(TenantService.tenant_id == tenant.id)
    deployments: Any = select(Deployment.id).where(Deployment.tenant_id == tenant.id)
    parts = [
        _newest("tenant", Change.thing_id == tenant.id, before, most),
        _newest("service", Change.thing_id.in_(services), before, most),
        _newest("deployment", Change.thing_id.in_(deployments), before, most),
    ]
    ids = union_all(*parts).subquery()
    rows = session.scalars(
        select(Change).where(Change.id.in_(select(ids.c.id))).order_by(Change.id.desc()).limit(most)
    ).all()
    names = {("tenant", tenant.id): (tenant.name, None)} | _names(session, rows)
    return [_moved(row, *names.get((row.thing, row.thing_id), (row.thing, None))) for row in rows]


def _newest(thing: str, which: Any, before: int | None, most: int) -> Any:
    """Of each kind no more than the page needs, by its index."""
    found = select(Change.id).where(Change.thing == thing, which)
    if before is not None:
        found = found.where(Change.id < before)
    newest = found.order_by(Change.id.desc()).limit(most).subquery()
    return select(newest.c.id)


def _names(session: Session, rows: Any) -> dict[tuple[str, int], tuple[str, UUID | None]]:
    def of(thing: str) -> set[int]:
        return {row.thing_id for row in rows if row.thing == thing}

    services = session.execute(
        select(TenantService.id, TenantService.name).where(TenantService.id.in_(of("service")))
    )
    deployments = session.execute(
        select(Deployment.id, Deployment.action, Deployment.public_id).where(
            Deployment.id.in_(of("deployment"))
        )
    )
    found: dict[tuple[str, int], tuple[str, UUID | None]] = {
        ("service", row.id): (row.name, None) for row in services
    }
    for row in deployments:
        found["deployment", row.id] = ACTIONS[row.action].title, row.public_id
    return found


def _moved(row: StatusChange, name: str, deployment: UUID | None) -> Moved:
    return Moved(
        row.id, row.at, row.thing, name, row.old, row.new, row.reason, row.actor, deployment
    )
