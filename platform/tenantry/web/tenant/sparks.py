"""The last checks of services as small charts: one query for all of them, by an index each."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from tenantry.models import HealthCheck

MOST = 50
# More services than that have no chart: each is a part of one statement.
MOST_SERVICES = 30
LOWEST = 14.0


@dataclass(frozen=True, slots=True)
class Check:
    """One check; `height` is in hundredths, of the slowest of its row."""

    at: datetime
    ok: bool
    status: int | None
    took: int | None
    problem: str
    height: float

    @property
    def words(self) -> str:
        """`200 in 34 ms`, or what was wrong."""
        if not self.ok:
            return self.problem or (f"HTTP {self.status}" if self.status else "It did not answer")
        parts = [str(self.status)] if self.status else ["well"]
        return " in ".join([*parts, f"{self.took} ms"] if self.took is not None else parts)


@dataclass(frozen=True, slots=True)
class Spark:
    """The last checks of one service, the oldest first."""

    checks: tuple[Check, ...]

    @property
    def failed(self) -> int:
        """How many of them failed."""
        return sum(not check.ok for check in self.checks)

    @property
    def words(self) -> str:
        """What the chart says, for whoever does not see it."""
        took = [check.took for check in self.checks if check.ok and check.took is not None]
        many = f"Last {len(self.checks)} checks: "
        many += f"{self.failed} failed" if self.failed else "all well"
        return f"{many}, median {median(took):.0f} ms" if took else many


def sparks(session: Session, service_ids: Collection[int]) -> dict[int, Spark]:
    """By service; those that were never checked are left out."""
    parts = [_newest(one) for one in list(service_ids)[:MOST_SERVICES]]
    if not parts:
        return {}
    rows: dict[int, list[Any]] = {}
    for row in session.execute(union_all(*parts)):
        rows.setdefault(row.tenant_service_id, []).append(row)
    return {service_id: _spark(found) for service_id, found in rows.items()}


def _newest(service_id: int) -> Any:
    # Ranked over all services at once, every check that was ever kept would be read.
    newest = (
        select(
            HealthCheck.tenant_service_id,
            HealthCheck.at,
            HealthCheck.ok,
            HealthCheck.http_status,
            HealthCheck.latency_ms,
            HealthCheck.problem,
        )
        .where(HealthCheck.tenant_service_id == service_id)
        .order_by(HealthCheck.at.desc())
        .limit(MOST)
        .subquery()
    )
    return select(newest)


def _spark(rows: list[Any]) -> Spark:
    slowest = max((row.latency_ms or 0 for row in rows if row.ok), default=0)
    ordered = sorted(rows, key=lambda row: row.at)
    return Spark(tuple(_check(row, slowest) for row in ordered))


def _check(row: Any, slowest: int) -> Check:
    # One that failed stands out by its whole height, not by its colour alone.
    share = 100 * (row.latency_ms or 0) / slowest if slowest else LOWEST
    height = 100.0 if not row.ok else round(min(max(share, LOWEST), 92.0), 1)
    return Check(row.at, row.ok, row.http_status, row.latency_ms, row.problem, height)
