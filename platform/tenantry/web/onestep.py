"""Everything there is to one step, and a deployment's log as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.clock import iso, utcnow
from tenantry.errors import NotFound
from tenantry.models import Deployment, DeploymentStep, JobRecord, LogEntry, StepAttempt
from tenantry.web.timeline import rows_of

MOST_LINES = 1000
MOST_LOG_LINES = 50_000


@dataclass(frozen=True, slots=True)
class StepFacts:
    """One step with its tries, jobs and last lines."""

    deployment: Deployment
    step: DeploymentStep
    title: str
    attempts: Sequence[StepAttempt]
    jobs: Sequence[JobRecord]
    lines: Sequence[LogEntry]
    retries: Sequence[DeploymentStep]
    deeds: tuple[str, ...]


def one_step(session: Session, deployment: Deployment, public_id: UUID) -> StepFacts:
    """NotFound where the step is not one of that deployment."""
    steps = session.scalars(
        select(DeploymentStep)
        .where(DeploymentStep.deployment_id == deployment.id)
        .order_by(DeploymentStep.order)
    ).all()
    row = next(
        (r for r in rows_of(deployment, steps, utcnow()) if r.step.public_id == public_id), None
    )
    if row is None:
        raise NotFound("There is no such step")
    ids = [row.step.id, *(retry.id for retry in row.retries)]
    return StepFacts(
        deployment=deployment,
        step=row.step,
        title=row.title,
        attempts=_of_steps(session, StepAttempt, ids, StepAttempt.id),
        jobs=_of_steps(session, JobRecord, ids, JobRecord.id),
        lines=_of_steps(session, LogEntry, ids, LogEntry.seq)[-MOST_LINES:],
        retries=row.retries,
        deeds=row.deeds,
    )


def _of_steps(session: Session, table: Any, ids: list[int], newest: Any) -> list[Any]:
    rows = session.scalars(
        select(table).where(table.step_id.in_(ids)).order_by(newest.desc()).limit(MOST_LINES)
    ).all()
    return list(reversed(rows))


def log_of(session: Session, deployment: Deployment) -> Iterator[str]:
    """The log as lines of text, oldest first."""
    rows = session.execute(
        select(LogEntry.at, LogEntry.stream, LogEntry.text)
        .where(LogEntry.deployment_id == deployment.id)
        .order_by(LogEntry.seq)
        .limit(MOST_LOG_LINES)
    )
    for row in rows:
        yield f"{iso(row.at)} {row.stream:6} {row.text}"
