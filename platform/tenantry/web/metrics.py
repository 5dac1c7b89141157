"""What Prometheus is told: a few indexed queries for each scrape, nothing kept between them."""

from collections.abc import Iterable
from typing import Any

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy import Connection, Engine, func, select

from tenantry.models import Deployment, DeploymentStep, JobRecord, TargetRow
from tenantry.models.dbtime import db_now
from tenantry.planning.states import ACTIVE_DEPLOYMENT, OPEN_JOB, DeploymentStatus, StepStatus

Step = DeploymentStep


class Fleet(Collector):
    """Gauges over the rows; the database's clock measures every lag."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """One short transaction, six statements."""
        with self._engine.connect() as conn:
            return [
                _by_status(conn, "deployments", Deployment, DeploymentStatus, ()),
                _by_status(conn, "steps", Step, StepStatus, _of_active()),
                *_lags(conn),
                _jobs(conn),
                *_targets(conn),
            ]


def _of_active() -> tuple[Any, ...]:
    """Steps of active deployments: counting all that ever were would read the whole table."""
    active = select(Deployment.id).where(Deployment.status.in_(ACTIVE_DEPLOYMENT))
    return (Step.deployment_id.in_(active),)


def _by_status(
    conn: Connection, name: str, table: Any, known: Iterable[str], where: tuple[Any, ...]
) -> GaugeMetricFamily:
    words = "Steps of active deployments" if name == "steps" else "Deployments"
    gauge = GaugeMetricFamily(f"tenantry_{name}", f"{words} by status", labels=["status"])
    counted = select(table.status, func.count()).where(*where).group_by(table.status)
    numbers: dict[str, int] = dict(conn.execute(counted).all())
    for status in known:
        gauge.add_metric([str(status)], numbers.get(status, 0))
    return gauge


def _lags(conn: Connection) -> list[GaugeMetricFamily]:
    row = conn.execute(
        select(
            db_now().label("now"),
            func.min(Step.due_at).filter(Step.status == "waiting").label("waiting"),
            func.min(Step.due_at).label("due"),
        )
        .join(Deployment, Deployment.id == Step.deployment_id)
        .where(
            Step.status.in_(("pending", "waiting")),
            Step.due_at <= db_now(),
            Deployment.status == DeploymentStatus.RUNNING,
        )
    ).one()

    def late(moment: Any) -> float:
        return max((row.now - moment).total_seconds(), 0.0) if moment else 0.0

    return [
        GaugeMetricFamily(
            "tenantry_waiting_due_lag_seconds",
            "How long the most overdue waiting step is past its time",
            value=late(row.waiting),
        ),
        GaugeMetricFamily(
            "tenantry_oldest_due_step_age_seconds",
            "How long the oldest open step of a running deployment has been due",
            value=late(row.due),
        ),
    ]


def _jobs(conn: Connection) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily("tenantry_open_jobs", "Open jobs by type", labels=["type"])
    counted = (
        select(JobRecord.job_type, func.count())
        .where(JobRecord.status.in_(OPEN_JOB))
        .group_by(JobRecord.job_type)
    )
    numbers: dict[str, int] = dict(conn.execute(counted).all())
    for kind in ("health", "email", "retry"):
        gauge.add_metric([kind], numbers.get(kind, 0))
    return gauge


def _targets(conn: Connection) -> list[GaugeMetricFamily]:
    opened = GaugeMetricFamily(
        "tenantry_target_breaker_open", "1 while a target rests", labels=["target"]
    )
    draining = GaugeMetricFamily(
        "tenantry_target_draining", "1 while a target lets nothing new in", labels=["target"]
    )
    broken = func.coalesce(TargetRow.breaker_until > db_now(), False)
    rows = conn.execute(select(TargetRow.name, broken.label("broken"), TargetRow.draining))
    for row in rows:
        opened.add_metric([row.name], int(bool(row.broken)))
        draining.add_metric([row.name], int(row.draining))
    return [opened, draining]
