"""Who is probed now: due rows are claimed in batches, in two statements."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, exists, or_, select

from tenantry.config import Watching
from tenantry.engine.store import locked
from tenantry.models import Deployment, ServiceWatch, TargetRow, Tenant, TenantService
from tenantry.models.dbtime import db_now
from tenantry.planning.states import DeploymentStatus, TenantStatus
from tenantry.planning.watching import next_due, next_slot, too_late
from tenantry.watching.bulk import update_many
from tenantry.watching.outages import close

Watch = ServiceWatch
WATCHES: Any = ServiceWatch.__table__
# Rows that are looked at beside those that there is room for: moved or skipped, they are cheap.
MORE = 200
_SPREAD = random.Random()  # noqa: S311 — spreads load, guards nothing


@dataclass(frozen=True, slots=True)
class Assignment:
    """
    One probe, which is this process's alone until its lease ends.

    `planned` says that a deployment was under way at the claim, `resting` that the target is
    paused by its breaker; `late` is in seconds.
    """

    watch_id: int
    fence: int
    tenant_id: int
    project_id: int
    service_type: str
    url: str
    expected_status: str
    target_name: str
    server_id: str | None
    app_id: str | None
    app_name: str | None
    compose: bool
    planned: bool
    resting: bool
    late: float


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a claim brought; `more` says that another one at once would find further rows."""

    assignments: tuple[Assignment, ...]
    more: bool


def claim(
    conn: Connection, kind: str, room: int, rules: Watching, *, lease: float, ahead: float = 0.0
) -> Claimed:
    """
    Claims at most `room` services that are due within `ahead` seconds, the longest due first.

    Those of suspended and archived tenants are set aside and say so; those that are far too late
    wait for their next time, so that a prober that was away does not make a burst.
    """
    rows = conn.execute(_due(kind, room + MORE, ahead)).all()
    taken: list[Assignment] = []
    moves: list[dict[str, Any]] = []
    aside: list[Any] = []
    for row in rows:
        interval = float(row.interval_seconds or rules.interval)
        if is_aside(row):
            aside.append(row)
            moves.append(_move(row, next_slot(row.next_due_at, row.now, interval)))
        elif too_late(row.next_due_at, row.now, interval):
            moves.append(_move(row, next_slot(row.next_due_at, row.now, interval)))
        elif len(taken) < room:
            taken.append(_assignment(row))
            due = next_due(row.next_due_at, row.now, interval, _SPREAD.uniform(-1, 1))
            moves.append(_move(row, due, row.now + timedelta(seconds=lease)))
    update_many(conn, WATCHES, moves, {})
    set_aside(conn, aside)
    return Claimed(tuple(taken), more=len(rows) == room + MORE)


def _due(kind: str, most: int, ahead: float) -> Any:
    statement = (
        select(
            *(WATCHES.c[name] for name in _OF_WATCH),
            TenantService.service_type,
            TenantService.app_id,
            TenantService.app_name,
            TenantService.compose_id,
            Tenant.project_id,
            Tenant.status.label("tenant_status"),
            Tenant.deleted_at,
            Tenant.target_name,
            Tenant.server_id,
            db_now().label("now"),
            deploying(Watch.tenant_id).label("planned"),
            (TargetRow.breaker_until > db_now()).label("resting"),
        )
        .join(TenantService, TenantService.id == Watch.tenant_service_id)
        .join(Tenant, Tenant.id == Watch.tenant_id)
        .outerjoin(TargetRow, TargetRow.name == Tenant.target_name)
        .where(
            Watch.kind == kind,
            ~Watch.paused,
            Watch.next_due_at <= db_now(ahead),
            or_(Watch.leased_until.is_(None), Watch.leased_until < db_now()),
        )
        .order_by(Watch.next_due_at)
        .limit(most)
    )
    return locked(statement, of=Watch, skip=True)


_OF_WATCH = (
    "id tenant_id tenant_service_id url expected_status interval_seconds next_due_at fence state"
).split()


def deploying(tenant_id: Any) -> Any:
    """Whether a deployment of that tenant is under way: it may restart what it likes."""
    return exists().where(
        Deployment.tenant_id == tenant_id, Deployment.status == DeploymentStatus.RUNNING
    )


def is_aside(row: Any) -> bool:
    """Whether nobody expects this tenant's services to answer."""
    away = {TenantStatus.SUSPENDED, TenantStatus.ARCHIVED}
    return row.deleted_at is not None or row.tenant_status in away


def set_aside(conn: Connection, rows: Sequence[Any]) -> None:
    """Says of locked watches that they are skipped, and ends their outages without a letter."""
    fresh = [row for row in rows if row.state != "skipped"]
    if not fresh:
        return
    told = [{"id": row.id, "detail": f"Not probed: the tenant is {_why(row)}"} for row in fresh]
    nothing = {"failures": 0, "successes": 0, "run_since": None}
    update_many(conn, WATCHES, told, {"state": "skipped", "state_since": db_now(), **nothing})
    for ending in ("suspended", "archived"):
        close(conn, [row.tenant_service_id for row in fresh if _why(row) == ending], ending)


def _why(row: Any) -> str:
    suspended = row.deleted_at is None and row.tenant_status == TenantStatus.SUSPENDED
    return "suspended" if suspended else "archived"


def _move(row: Any, due: datetime, leased_until: datetime | None = None) -> dict[str, Any]:
    taken = leased_until is not None
    return {
        "id": row.id,
        "next_due_at": due,
        "leased_until": leased_until,
        "fence": row.fence + taken,
    }


def _assignment(row: Any) -> Assignment:
    return Assignment(
        watch_id=row.id,
        fence=row.fence + 1,
        tenant_id=row.tenant_id,
        project_id=row.project_id,
        service_type=row.service_type,
        url=row.url,
        expected_status=row.expected_status,
        target_name=row.target_name,
        server_id=row.server_id,
        app_id=row.app_id,
        app_name=row.app_name,
        compose=row.compose_id is not None,
        planned=row.planned,
        resting=bool(row.resting),
        late=(row.now - row.next_due_at).total_seconds(),
    )
