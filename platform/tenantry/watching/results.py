"""What probes saw is kept in batches: checks, sums, standing, outages and letters together."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from tenantry.engine.store import locked
from tenantry.journal import cap_line, status_changed
from tenantry.models import HealthCheck, HealthRollup, ServiceWatch, Tenant, TenantService
from tenantry.models.dbtime import db_now
from tenantry.planning.watching import (
    BUCKETS,
    Change,
    Standing,
    Thresholds,
    bucket_of,
    judge,
)
from tenantry.watching.bulk import add_up, insert_many, update_many
from tenantry.watching.claims import WATCHES, Assignment, deploying, is_aside, set_aside
from tenantry.watching.outages import Fallen, open_all, recover

Watch = ServiceWatch
CHECKS: Any = HealthCheck.__table__
ROLLUPS: Any = HealthRollup.__table__
SUMS = ("checks", "failed", "planned", *BUCKETS)
NOTHING = dict.fromkeys((*SUMS, "slowest_ms"), 0)


@dataclass(frozen=True, slots=True)
class Seen:
    """How a service answered. `ok` is None where nobody can say, as when its target is away."""

    ok: bool | None
    status: int | None = None
    latency_ms: int | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """An assignment, carried out."""

    assignment: Assignment
    seen: Seen


@dataclass(frozen=True, slots=True)
class _Judged:
    row: Any
    seen: Seen
    planned: bool
    standing: Standing
    change: Change


def keep(conn: Connection, results: Sequence[Result], rules: Thresholds, public_url: str) -> int:
    """
    Keeps what was seen, and returns how much of it.

    Left aside is whatever is not its prober's any more: a lease that ended, a fence that another
    claim has raised, a watch that is paused by now.
    """
    mine = {result.assignment.watch_id: result for result in results}
    rows = [
        row
        for row in conn.execute(_locked(list(mine))).all()
        if row.held and row.fence == mine[row.id].assignment.fence and not row.paused
    ]
    away = [row for row in rows if is_aside(row)]
    set_aside(conn, away)
    judged = [_judged(row, mine[row.id], rules) for row in rows if not is_aside(row)]
    known = [one for one in judged if one.seen.ok is not None]
    insert_many(conn, CHECKS, [_check(one) for one in known])
    add_up(
        conn,
        ROLLUPS,
        [row for one in known for row in _sums(one)],
        SUMS,
        "slowest_ms",
    )
    update_many(conn, WATCHES, [_update(one) for one in judged], {"leased_until": None})
    _moved(conn, judged)
    _tell(conn, judged, public_url)
    return len(judged)


def _locked(ids: list[int]) -> Any:
    statement = (
        select(
            *(WATCHES.c[name] for name in _OF_WATCH),
            TenantService.name.label("service_name"),
            Tenant.status.label("tenant_status"),
            Tenant.deleted_at,
            db_now().label("now"),
            (Watch.leased_until >= db_now()).label("held"),
            deploying(Watch.tenant_id).label("deploying"),
        )
        .join(TenantService, TenantService.id == Watch.tenant_service_id)
        .join(Tenant, Tenant.id == Watch.tenant_id)
        .where(Watch.id.in_(ids))
        .order_by(Watch.id)
    )
    return locked(statement, of=Watch)


_OF_WATCH = (
    "id tenant_id tenant_service_id fence paused state state_since failures successes run_since "
    "probed_at http_status latency_ms"
).split()


def _judged(row: Any, result: Result, rules: Thresholds) -> _Judged:
    before = Standing(row.state, row.state_since, row.failures, row.successes, row.run_since)
    planned = result.assignment.planned or row.deploying
    if result.seen.ok is None:
        return _Judged(row, result.seen, planned, before, Change.NOTHING)
    after, change = judge(before, row.now, rules, ok=result.seen.ok, planned=planned)
    return _Judged(row, result.seen, planned, after, change)


def _check(one: _Judged) -> dict[str, Any]:
    return {
        "tenant_service_id": one.row.tenant_service_id,
        "at": one.row.now,
        "ok": one.seen.ok,
        "http_status": one.seen.status,
        "latency_ms": one.seen.latency_ms,
        "problem": cap_line(one.seen.words),
        "planned": one.planned,
    }


def _sums(one: _Judged) -> list[dict[str, Any]]:
    """One row for its hour and one for its day."""
    counts: dict[str, Any] = dict(NOTHING)
    if one.planned:
        counts["planned"] = 1
    else:
        counts["checks"] = 1
        counts["failed"] = 0 if one.seen.ok else 1
        if one.seen.ok and one.seen.latency_ms is not None:
            counts[bucket_of(one.seen.latency_ms)] = 1
            counts["slowest_ms"] = one.seen.latency_ms
    hour = one.row.now.replace(minute=0, second=0, microsecond=0)
    service = {"tenant_service_id": one.row.tenant_service_id}
    return [
        service | {"period": "hour", "starts_at": hour} | counts,
        service | {"period": "day", "starts_at": hour.replace(hour=0)} | counts,
    ]


def _update(one: _Judged) -> dict[str, Any]:
    known = one.seen.ok is not None
    return {
        "id": one.row.id,
        "state": one.standing.state,
        "state_since": one.standing.since,
        "failures": one.standing.failures,
        "successes": one.standing.successes,
        "run_since": one.standing.run_since,
        "probed_at": one.row.now if known else one.row.probed_at,
        "http_status": one.seen.status if known else one.row.http_status,
        "latency_ms": one.seen.latency_ms if known else one.row.latency_ms,
        "detail": cap_line(one.seen.words),
    }


def _moved(conn: Connection, judged: Sequence[_Judged]) -> None:
    """What people are told of a service has changed: a line of its history."""
    for one in judged:
        if one.standing.state != one.row.state:
            status_changed(
                conn,
                "service",
                [one.row.tenant_service_id],
                one.row.state,
                one.standing.state,
                one.seen.words or "it answered",
                "watching",
            )


def _tell(conn: Connection, judged: Sequence[_Judged], public_url: str) -> None:
    if not judged:
        return
    now: datetime = judged[0].row.now
    fallen = [
        Fallen(
            one.row.tenant_id,
            one.row.tenant_service_id,
            one.row.service_name,
            _since(one),
            cap_line(one.seen.words),
        )
        for one in judged
        if one.change == Change.OPENED
    ]
    open_all(conn, fallen, now, public_url)
    back = {one.row.tenant_service_id: _since(one) for one in judged if one.change == Change.CLOSED}
    recover(conn, back, public_url)


def _since(one: _Judged) -> datetime:
    assert one.standing.since is not None
    return one.standing.since
