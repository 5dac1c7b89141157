"""
How long a deployment still takes, by the medians of earlier runs.

Looked up again for each page: earlier runs stay as they were, so the same forecast stands there
after the end, beside what it really took.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.models import Deployment, DeploymentStep
from tenantry.planning.catalogue import kind_name
from tenantry.planning.states import DONE_STEP, DeploymentStatus
from tenantry.web.timeline.rows import OPEN, Row, chains

Step = DeploymentStep
RUNS = 20
# Among so many latest deployments of all products; a rarer product is not looked for further back.
LOOKED_AT = 2000
# Seconds that a step takes longer than usual before that is worth a word.
LATE = 5.0


@dataclass(frozen=True, slots=True)
class Medians:
    """Seconds by step of a service and by kind of step, and of how many runs."""

    runs: int
    by_step: Mapping[tuple[str, str | None], float]
    by_kind: Mapping[str, float]

    def of(self, step: Any) -> float | None:
        """What such a step usually takes; None where none is known."""
        found = self.by_step.get((step.step_key, step.service_name))
        return self.by_kind.get(kind_name(step.step_key)) if found is None else found


@dataclass(frozen=True, slots=True)
class Forecast:
    """
    `whole` is what all its steps usually take and `left` what is still to come; both None where
    too little is known. `slow` is the usual time of the step at work where that is exceeded.
    """

    runs: int = 0
    whole: float | None = None
    left: float | None = None
    slow: float | None = None

    def error(self, took: float | None) -> str:
        """How far off it was, in words."""
        if not self.whole or took is None:
            return ""
        off = round(100 * (took - self.whole) / self.whole)
        return f"{abs(off)} % {'longer' if off > 0 else 'sooner'}" if off else "as forecast"


def forecast(
    session: Session, deployment: Deployment, rows: Sequence[Row], now: datetime
) -> Forecast:
    """One query; none for what ended otherwise than by success."""
    ended = deployment.status not in {"pending", "running", "succeeded"}
    # The time of a resumed one holds the hours until somebody resumed it.
    if ended or not rows or (deployment.status == "succeeded" and deployment.epoch):
        return Forecast()
    return reckoned(medians(session, deployment), rows, now)


def reckoned(usual: Medians, rows: Sequence[Row], now: datetime) -> Forecast:
    """Pure: what these medians say of these rows at that moment."""
    wanted = [row for row in rows if row.status != "skipped"]
    times = [usual.of(row.step) for row in wanted]
    known = [seconds for seconds in times if seconds is not None]
    if not known or 2 * len(known) < len(wanted):
        return Forecast()
    left, slow = 0.0, None
    for row, seconds in zip(wanted, times, strict=True):
        if row.status in DONE_STEP:
            continue
        spent = (row.seconds or 0.0) if row.status in OPEN else 0.0
        if seconds is not None and spent > 1.5 * seconds + LATE:
            slow = seconds
        due = row.shown.due_at if row.status == "waiting" else None
        wait = (due - now).total_seconds() if due else 0.0
        left += max((seconds or 0.0) - spent, wait, 0.0)
    return Forecast(usual.runs, sum(known), left, slow)


def medians(session: Session, deployment: Deployment) -> Medians:
    """Of the last succeeded runs of the same product and action before this one."""
    latest = (
        select(Deployment.id, Deployment.created_at, Deployment.template_name, Deployment.action)
        .where(
            Deployment.status == DeploymentStatus.SUCCEEDED,
            Deployment.created_at < deployment.created_at,
        )
        .order_by(Deployment.created_at.desc())
        .limit(LOOKED_AT)
        .subquery()
    )
    runs = (
        select(latest.c.id)
        .where(
            latest.c.template_name == deployment.template_name,
            latest.c.action == deployment.action,
        )
        .order_by(latest.c.created_at.desc())
        .limit(RUNS)
        .subquery()
    )
    steps = session.execute(
        select(
            Step.id,
            Step.deployment_id,
            Step.step_key,
            Step.service_name,
            Step.status,
            Step.started_at,
            Step.ended_at,
            Step.retried_by_id,
        )
        .join(runs, runs.c.id == Step.deployment_id)
        .where(Step.gates, Step.started_at.is_not(None))
    ).all()
    return medians_of(steps)


def medians_of(steps: Iterable[Any]) -> Medians:
    """Pure: a check that was repeated took as long as all its tries."""
    by_step, by_kind = defaultdict(list), defaultdict(list)
    found = list(steps)
    for chain in chains(found):
        first, last = chain[0], chain[-1]
        if last.status == "success" and first.started_at and last.ended_at:
            seconds = (last.ended_at - first.started_at).total_seconds()
            by_step[first.step_key, first.service_name].append(seconds)
            by_kind[kind_name(first.step_key)].append(seconds)
    return Medians(
        runs=len({step.deployment_id for step in found}),
        by_step={key: median(times) for key, times in by_step.items()},
        by_kind={key: median(times) for key, times in by_kind.items()},
    )
