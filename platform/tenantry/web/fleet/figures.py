"""Numbers of the fleet: tenants, targets and their lines, jobs, outcomes by day, medians, steps."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import and_, case, func, or_, select
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.models import Deployment, DeploymentStep, JobRecord, TargetRow, Tenant
from tenantry.models.dbtime import day_of, db_now, seconds_between
from tenantry.planning.actions import DEPLOY
from tenantry.planning.catalogue import kind_of
from tenantry.planning.states import OPEN_JOB

DAYS, WEEK = 30, 7
LATE_SECONDS = 60
# Steps whose times are looked at: the newest, however many there are.
SAMPLE = 4_000
SLOWEST = 8
FEWEST = 3
# Seconds; what is over sooner holds nobody up.
LONG = 1.0
EPOCH = date(1970, 1, 1)
OUTCOMES = ("succeeded", "failed", "cancelled")
Step = DeploymentStep


@dataclass(frozen=True, slots=True)
class Line:
    """One target: what runs on it, what waits for it, and why."""

    name: str
    running: int
    waiting: int
    limit: int
    draining: bool
    resting_until: datetime | None
    reason: str

    @property
    def why(self) -> str:
        """Why those in line wait; empty where none does."""
        if not self.waiting:
            return ""
        if self.resting_until is not None:
            return f"{self.name} rests"
        if self.draining:
            return f"{self.name} is draining"
        return f"{self.name} takes {self.limit} at a time"


@dataclass(frozen=True, slots=True)
class Jobs:
    """Open jobs by what they are for, and how many are late since when."""

    by_type: dict[str, int]
    late: int
    oldest: datetime | None

    @property
    def all(self) -> int:
        """How many are open."""
        return sum(self.by_type.values())


@dataclass(frozen=True, slots=True)
class Day:
    """How many of a day's deployments ended how; `under_way` has not ended yet."""

    on: date
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    under_way: int = 0

    @property
    def all(self) -> int:
        """However they ended."""
        return self.succeeded + self.failed + self.cancelled + self.under_way


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days: how many ended well and badly, and how long the good ones took."""

    good: int
    bad: int
    median: float | None

    @property
    def rate(self) -> float | None:
        """0 to 1; None where nothing ended."""
        return self.good / (self.good + self.bad) if self.good + self.bad else None


@dataclass(frozen=True, slots=True)
class Slow:
    """A kind of step of a service, and how long it usually takes."""

    step_key: str
    service: str | None
    median: float
    most: float
    number: int = field(default=0)


def tenants_by_state(session: Session) -> dict[str, int]:
    """Those that are here; the most frequent state first."""
    counted = (
        select(Tenant.status, func.count())
        .where(Tenant.deleted_at.is_(None))
        .group_by(Tenant.status)
        .order_by(func.count().desc(), Tenant.status)
    )
    return dict(session.execute(counted).all())


def lines(session: Session) -> list[Line]:
    """Every target with what runs and what waits, counted by partial indexes."""

    def counted(status: str) -> Any:
        return (
            select(func.count())
            .where(Deployment.target_id == TargetRow.id, Deployment.status == status)
            .scalar_subquery()
        )

    rows = session.execute(
        select(
            TargetRow.name,
            counted("running").label("running"),
            counted("pending").label("pending"),
            TargetRow.max_in_flight,
            TargetRow.draining,
            case((TargetRow.breaker_until > db_now(), TargetRow.breaker_until)).label("until"),
            TargetRow.breaker_reason,
        ).order_by(TargetRow.name)
    )
    return [Line(*row) for row in rows]


def open_jobs(session: Session) -> Jobs:
    """By type; late is what was due more than a minute ago and is still scheduled."""
    late = and_(JobRecord.status == "scheduled", JobRecord.next_run_at < db_now(-LATE_SECONDS))
    rows = session.execute(
        select(
            JobRecord.job_type,
            func.count().label("number"),
            func.count().filter(late).label("late"),
            func.min(JobRecord.next_run_at).filter(late).label("oldest"),
        )
        .where(JobRecord.status.in_(OPEN_JOB))
        .group_by(JobRecord.job_type)
    ).all()
    return Jobs(
        {row.job_type: row.number for row in rows},
        sum(row.late for row in rows),
        min((row.oldest for row in rows if row.oldest), default=None),
    )


def days(session: Session) -> list[Day]:
    """The last thirty days by when a deployment was asked for, the oldest first, none missing."""
    today = utcnow().date()
    first = today - timedelta(days=DAYS - 1)
    day = day_of(Deployment.created_at)
    rows = session.execute(
        select(day.label("day"), Deployment.status, func.count().label("number"))
        .where(Deployment.created_at >= _midnight(first))
        .group_by(day, Deployment.status)
    )
    found: dict[date, dict[str, int]] = {}
    for row in rows:
        name = row.status if row.status in OUTCOMES else "under_way"
        kept = found.setdefault(EPOCH + timedelta(days=row.day), {})
        kept[name] = kept.get(name, 0) + row.number
    return [Day(on, **found.get(on, {})) for on in (first + timedelta(n) for n in range(DAYS))]


def weeks(session: Session, month: Sequence[Day]) -> tuple[Week, Week]:
    """The last seven days and the seven before, the present one included."""
    begun = _midnight(utcnow().date() - timedelta(days=WEEK - 1))
    medians = _medians(session, begun)
    now, before = month[-WEEK:], month[-2 * WEEK : -WEEK]
    return _week(now, medians.get(0)), _week(before, medians.get(1))


def _week(span: Sequence[Day], median: float | None) -> Week:
    return Week(sum(d.succeeded for d in span), sum(d.failed for d in span), median)


def _medians(session: Session, begun: datetime) -> dict[int, float]:
    """Of roll-outs that ended well: 0 is this week's, 1 that of the week before."""
    took = seconds_between(Deployment.started_at, Deployment.ended_at)
    week = case((Deployment.created_at >= begun, 0), else_=1).label("week")
    one = (
        select(week, took.label("took"))
        .where(
            Deployment.created_at >= begun - timedelta(days=WEEK),
            Deployment.status == "succeeded",
            Deployment.action == DEPLOY,
            Deployment.started_at.is_not(None),
        )
        .subquery()
    )
    rows = session.execute(_middle(one.c.week, one.c.took))
    return {row[0]: row.median for row in rows}


def _middle(group: Any, value: Any) -> Any:
    """
    The median, the longest and the number of each group, for both databases.

    PostgreSQL's own function for it sorts just as much, and SQLite has none.
    """
    ranked = select(
        group.label("of"),
        value.label("took"),
        func.row_number().over(partition_by=group, order_by=value).label("place"),
        func.count().over(partition_by=group).label("number"),
    ).subquery()
    half = (ranked.c.number + 1) // 2, (ranked.c.number + 2) // 2
    return select(
        ranked.c.of,
        func.avg(ranked.c.took)
        .filter(or_(ranked.c.place == half[0], ranked.c.place == half[1]))
        .label("median"),
        func.max(ranked.c.took).label("most"),
        func.count().label("number"),
    ).group_by(ranked.c.of)


def slowest(session: Session) -> list[Slow]:
    """Steps of a second or more that take longest by their median; of the newest that went well."""
    newest = select(func.coalesce(func.max(Step.id), 0) - SAMPLE).scalar_subquery()
    key = Step.step_key.label("key")
    one = (
        select(key, seconds_between(Step.started_at, Step.ended_at).label("took"))
        .where(Step.id > newest, Step.status == "success", Step.started_at.is_not(None))
        .subquery()
    )
    asked = _middle(one.c.key, one.c.took).subquery()
    rows = session.execute(
        select(asked)
        .where(asked.c.number >= FEWEST, asked.c.median >= LONG)
        .order_by(asked.c.median.desc(), asked.c.of)
        .limit(SLOWEST)
    )
    return [Slow(row.of, service_in(row.of), row.median, row.most, row.number) for row in rows]


def service_in(step_key: str) -> str | None:
    """The service that a key names, as in `service.backend.deploy`."""
    parts = step_key.split(".")
    return parts[1] if len(parts) == 3 and kind_of(step_key) else None  # noqa: PLR2004


def _midnight(on: date) -> datetime:
    return datetime.combine(on, datetime.min.time(), utcnow().tzinfo)
