"""What pages and commands show of watching: each function is one query, for one or for many."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Connection, case, func, literal, select, union_all

from tenantry.models import (
    HealthRollup,
    HostnameWatch,
    Outage,
    ServiceWatch,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.models.dbtime import db_now
from tenantry.planning.watching import BUCKETS, percentile, uptime

Span = Literal["day", "week", "month"]
# Span → the period whose sums are added up, and how many seconds back.
SPANS: dict[Span, tuple[str, float]] = {
    "day": ("hour", 86_400.0),
    "week": ("hour", 7 * 86_400.0),
    "month": ("day", 30 * 86_400.0),
}
Sums = HealthRollup


@dataclass(frozen=True, slots=True)
class ServiceState:
    """
    How one service stands. `state` is unknown, up, down, skipped or paused, since `since`;
    `failures` counts the present run of failed probes.
    """

    service_id: int
    service_name: str
    tenant_id: int
    tenant_name: str
    subdomain: str
    kind: str
    url: str
    state: str
    since: datetime | None
    failures: int
    probed_at: datetime | None
    next_due_at: datetime
    http_status: int | None
    latency_ms: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class OutageSeen:
    """One outage; `ended_at` None while it lasts, `seconds` until now then."""

    public_id: UUID
    service_id: int
    service_name: str
    started_at: datetime
    ended_at: datetime | None
    ending: str
    problem: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Uptime:
    """
    A span of one service. `share` is 0 to 1, None where nobody looked; probes during deployments
    (`planned`) count for nothing. The percentiles are about right: see planning.watching.
    """

    checks: int
    failed: int
    planned: int
    share: float | None
    p50_ms: int | None
    p95_ms: int | None


NOBODY_LOOKED = Uptime(0, 0, 0, None, None, None)


@dataclass(frozen=True, slots=True)
class HostnameState:
    """What was last seen of one hostname; the details are sentences for people, or empty."""

    hostname: str
    tenant_id: int
    checked_at: datetime | None
    dns_state: str
    dns_detail: str
    addresses: tuple[str, ...]
    certificate_state: str
    certificate_detail: str
    certificate_until: datetime | None
    certificate_issuer: str


def states(conn: Connection, tenant_ids: Collection[int] | None = None) -> list[ServiceState]:
    """Watched services of these tenants, or of all live ones, by tenant and name."""
    watch = ServiceWatch
    shown = case((watch.paused, "paused"), else_=watch.state)
    query = (
        select(
            watch.tenant_service_id,
            TenantService.name,
            watch.tenant_id,
            Tenant.name.label("tenant_name"),
            Tenant.subdomain,
            watch.kind,
            watch.url,
            shown.label("state"),
            watch.state_since,
            watch.failures,
            watch.probed_at,
            watch.next_due_at,
            watch.http_status,
            watch.latency_ms,
            watch.detail,
        )
        .join(TenantService, TenantService.id == watch.tenant_service_id)
        .join(Tenant, Tenant.id == watch.tenant_id)
        .where(Tenant.deleted_at.is_(None))
        .order_by(Tenant.subdomain, TenantService.id)
    )
    if tenant_ids is not None:
        query = query.where(watch.tenant_id.in_(list(tenant_ids)))
    return [ServiceState(*row) for row in conn.execute(query)]


def outages(
    conn: Connection, tenant_id: int | None = None, *, only_open: bool = False, most: int = 50
) -> list[OutageSeen]:
    """Outages of a tenant, or of all, the newest first."""
    query = select(Outage, db_now().label("now")).order_by(Outage.started_at.desc()).limit(most)
    if tenant_id is not None:
        query = query.where(Outage.tenant_id == tenant_id)
    if only_open:
        query = query.where(Outage.ended_at.is_(None))
    return [
        OutageSeen(
            row.public_id,
            row.tenant_service_id,
            row.service_name,
            row.started_at,
            row.ended_at,
            row.ending,
            row.problem,
            ((row.ended_at or row.now) - row.started_at).total_seconds(),
        )
        for row in conn.execute(query)
    ]


def uptimes(conn: Connection, service_ids: Collection[int]) -> dict[int, dict[Span, Uptime]]:
    """
    Day, week and month of many services in one query over sums; every service is in the answer.

    The day and the week are whole hours and the month is whole days, the present ones included.
    """
    ids = list(service_ids)
    found: dict[int, dict[Span, Uptime]] = {
        number: dict.fromkeys(SPANS, NOBODY_LOOKED) for number in ids
    }
    if ids:
        for row in conn.execute(union_all(*(_summed(span, ids) for span in SPANS))):
            span: Span = row.span
            found[row.tenant_service_id][span] = _uptime(row)
    return found


def _summed(span: Span, ids: list[int]) -> Any:
    period, seconds = SPANS[span]
    columns = ("checks", "failed", "planned", *BUCKETS)
    sums = [func.sum(getattr(Sums, name)).label(name) for name in columns]
    return (
        select(
            literal(span).label("span"),
            Sums.tenant_service_id,
            *sums,
            func.max(Sums.slowest_ms).label("slowest_ms"),
        )
        .where(
            Sums.tenant_service_id.in_(ids),
            Sums.period == period,
            Sums.starts_at > db_now(-seconds),
        )
        .group_by(Sums.tenant_service_id)
    )


def _uptime(row: Any) -> Uptime:
    counts = [int(getattr(row, name)) for name in BUCKETS]
    return Uptime(
        checks=int(row.checks),
        failed=int(row.failed),
        planned=int(row.planned),
        share=uptime(int(row.checks), int(row.failed)),
        p50_ms=percentile(counts, 0.50, row.slowest_ms),
        p95_ms=percentile(counts, 0.95, row.slowest_ms),
    )


def hostnames(conn: Connection, tenant_ids: Collection[int] | None = None) -> list[HostnameState]:
    """Watched hostnames of these tenants, or of all live ones."""
    watch = HostnameWatch
    query = (
        select(
            TenantDomain.hostname,
            watch.tenant_id,
            watch.checked_at,
            watch.dns_state,
            watch.dns_detail,
            watch.addresses,
            watch.certificate_state,
            watch.certificate_detail,
            watch.certificate_until,
            watch.certificate_issuer,
        )
        .join(TenantDomain, TenantDomain.id == watch.tenant_domain_id)
        .where(TenantDomain.deleted_at.is_(None))
        .order_by(TenantDomain.hostname)
    )
    if tenant_ids is not None:
        query = query.where(watch.tenant_id.in_(list(tenant_ids)))
    rows = conn.execute(query).all()
    return [HostnameState(**row._asdict() | {"addresses": tuple(row.addresses)}) for row in rows]
