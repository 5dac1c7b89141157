"""Everything there is to one step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.errors import NotFound
from tenantry.journal import Redactor
from tenantry.models import Deployment, DeploymentStep, JobRecord, LogEntry, StepAttempt
from tenantry.planning.blueprint import from_json
from tenantry.planning.sends import sends
from tenantry.web.timeline.log import MOST_OF_STEP
from tenantry.web.timeline.rows import Row, rows_of

# More tries than anybody reads: the newest of them.
MOST_TRIES = 100
# What a step notes for itself: where it stopped reading, when it last stood in line.
OWN_NOTES = frozenset({"log", "looks", "seen", "seen_in", "memory", "unwatched"})


@dataclass(frozen=True, slots=True)
class StepFacts:
    """
    One step with its tries, jobs and last lines; `asked` is what it sends by the frozen plan.

    `cut` says that older lines of its log are left out.
    """

    deployment: Deployment
    row: Row
    asked: tuple[tuple[str, str], ...]
    attempts: Sequence[StepAttempt]
    jobs: Sequence[JobRecord]
    lines: Sequence[LogEntry]
    cut: bool

    @property
    def step(self) -> DeploymentStep:
        """The step itself; its retries stand in `row`."""
        return self.row.step

    @property
    def ids(self) -> str:
        """Public ids of the step and its retries, whose lines its log shows."""
        return " ".join(str(s.public_id) for s in (self.row.step, *self.row.retries))

    @property
    def answer(self) -> dict[str, Any]:
        """What the target answered, as it was kept; of a check, the last answer."""
        kept = self.row.shown.details or {}
        return {k: v for k, v in kept.items() if k not in OWN_NOTES and v not in (None, {}, [])}


def one_step(session: Session, deployment: Deployment, public_id: UUID) -> StepFacts:
    """NotFound where the step is not one of that deployment; four queries."""
    row = row_of(session, deployment, public_id)
    ids = ids_of(row)
    lines = _newest(session, LogEntry, ids, LogEntry.seq, MOST_OF_STEP + 1)
    return StepFacts(
        deployment=deployment,
        row=row,
        asked=_asked(deployment, row),
        attempts=_newest(session, StepAttempt, ids, StepAttempt.id, MOST_TRIES),
        jobs=_newest(session, JobRecord, ids, JobRecord.id, MOST_TRIES),
        lines=lines[-MOST_OF_STEP:],
        cut=len(lines) > MOST_OF_STEP,
    )


def row_of(session: Session, deployment: Deployment, public_id: UUID) -> Row:
    """The row of a step; NotFound where it is not one of that deployment."""
    steps = session.scalars(
        select(DeploymentStep)
        .where(DeploymentStep.deployment_id == deployment.id)
        .order_by(DeploymentStep.order)
    ).all()
    rows = rows_of(deployment, steps, utcnow())
    row = next((row for row in rows if row.step.public_id == public_id), None)
    if row is None:
        raise NotFound("There is no such step")
    return row


def ids_of(row: Row) -> list[int]:
    """A step and its retries."""
    return [row.step.id, *(retry.id for retry in row.retries)]


def _newest(session: Session, table: Any, ids: list[int], newest: Any, most: int) -> list[Any]:
    rows = session.scalars(
        select(table).where(table.step_id.in_(ids)).order_by(newest.desc()).limit(most)
    ).all()
    return list(reversed(rows))


def _asked(deployment: Deployment, row: Row) -> tuple[tuple[str, str], ...]:
    """A plan names secrets and holds none; what somebody typed elsewhere is masked by its shape."""
    redact = Redactor().redact
    found = sends(from_json(deployment.blueprint), row.step.step_key, row.service)
    return tuple((name, redact(value)) for name, value in found)
