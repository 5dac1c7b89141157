"""Outages open and close under the lock of their watch, with their letters in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects import postgresql, sqlite

from tenantry.clock import iso
from tenantry.models import Outage, ProjectTemplate, Tenant
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.watching.letters import News, duration, outbox

TABLE: Any = Outage.__table__


@dataclass(frozen=True, slots=True)
class Fallen:
    """A service that counts as down since `since`."""

    tenant_id: int
    service_id: int
    service_name: str
    since: datetime
    problem: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What letters say of a tenant, and whom they go to."""

    tenant_id: int
    public_id: str
    name: str
    subdomain: str
    product: str
    recipients: tuple[str, ...]


def open_all(conn: Connection, fallen: Sequence[Fallen], now: datetime, public_url: str) -> None:
    """One outage for each, and one letter for each that did not stand open before."""
    if not fallen:
        return
    rows = [_row(one, now) for one in fallen]
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    fresh = make(TABLE).on_conflict_do_nothing().returning(Outage.public_id)
    made = set(conn.execute(fresh, rows).scalars())
    tenants = facts_of(conn, {one.tenant_id for one in fallen})
    news = [
        _down(one, row["public_id"], tenants[one.tenant_id], public_url)
        for one, row in zip(fallen, rows, strict=True)
        if row["public_id"] in made
    ]
    outbox(conn, news)


def recover(conn: Connection, back: Mapping[int, datetime], public_url: str) -> None:
    """Closes the outages of these services (id → first good answer), with one letter for each."""
    if not back:
        return
    ended = conn.execute(
        select(
            Outage.id,
            Outage.public_id,
            Outage.tenant_id,
            Outage.tenant_service_id,
            Outage.service_name,
            Outage.started_at,
            Outage.problem,
        ).where(Outage.tenant_service_id.in_(list(back)), Outage.ended_at.is_(None))
    ).all()
    for row in ended:
        at = max(back[row.tenant_service_id], row.started_at)
        conn.execute(
            update(Outage).where(Outage.id == row.id).values(ended_at=at, ending="recovered")
        )
    tenants = facts_of(conn, {row.tenant_id for row in ended})
    outbox(
        conn,
        [
            _up(row, back[row.tenant_service_id], tenants[row.tenant_id], public_url)
            for row in ended
        ],
    )


def close(conn: Connection, service_ids: Sequence[int], ending: str) -> None:
    """Ends outages that nobody watches any more; no letter, for nothing is known to be well."""
    if service_ids:
        conn.execute(
            update(Outage)
            .where(Outage.tenant_service_id.in_(list(service_ids)), Outage.ended_at.is_(None))
            .values(ended_at=db_now(), ending=ending)
        )


def facts_of(conn: Connection, tenant_ids: set[int]) -> dict[int, Facts]:
    """By tenant; recipients are the product's and the tenant's own of this moment."""
    rows = conn.execute(
        select(
            Tenant.id,
            Tenant.public_id,
            Tenant.name,
            Tenant.subdomain,
            Tenant.notify_emails.label("own"),
            ProjectTemplate.name.label("product"),
            ProjectTemplate.notify_emails.label("products"),
        )
        .join(ProjectTemplate, ProjectTemplate.id == Tenant.project_id)
        .where(Tenant.id.in_(list(tenant_ids)))
    ).all()
    return {
        row.id: Facts(
            row.id,
            str(row.public_id),
            row.name,
            row.subdomain,
            row.product,
            tuple(dict.fromkeys([*row.products, *row.own])),
        )
        for row in rows
    }


def tenant_page(public_url: str, facts: Facts) -> str:
    """Where people look next."""
    return f"{public_url}/tenants/{facts.public_id}"


def _row(one: Fallen, now: datetime) -> dict[str, Any]:
    return {
        "public_id": uuid7(),
        "tenant_id": one.tenant_id,
        "tenant_service_id": one.service_id,
        "service_name": one.service_name,
        "started_at": one.since,
        "opened_at": now,
        "ending": "",
        "problem": one.problem,
    }


def _down(one: Fallen, public_id: UUID, facts: Facts, public_url: str) -> News:
    return News(
        tenant_id=facts.tenant_id,
        recipients=facts.recipients,
        thread=str(public_id),
        message_id=f"<{public_id}.down@tenantry>",
        subject=f"{facts.name}: {one.service_name} is down",
        rows=(
            ("Tenant", f"{facts.name} ({facts.subdomain})"),
            ("Product", facts.product),
            ("Service", one.service_name),
            ("Down since", iso(one.since)),
            ("What it said", one.problem),
        ),
        link=tenant_page(public_url, facts),
        good=False,
    )


def _up(row: Any, at: datetime, facts: Facts, public_url: str) -> News:
    return News(
        tenant_id=facts.tenant_id,
        recipients=facts.recipients,
        thread=str(row.public_id),
        message_id=f"<{row.public_id}.recovered@tenantry>",
        subject=f"{facts.name}: {row.service_name} is up again",
        rows=(
            ("Tenant", f"{facts.name} ({facts.subdomain})"),
            ("Product", facts.product),
            ("Service", row.service_name),
            ("Down since", iso(row.started_at)),
            ("Up again since", iso(at)),
            ("Was down for", duration((at - row.started_at).total_seconds())),
            ("What it said", row.problem),
        ),
        link=tenant_page(public_url, facts),
        good=True,
    )
