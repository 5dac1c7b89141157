"""Which host holds what, and which did what: workers sign claims by host and process."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from tenantry.models import DeploymentStep, StepAttempt
from tests.chaos.field import Field

Step = DeploymentStep


class Claims:
    """Looks into the rows of an installation."""

    def __init__(self, field: Field) -> None:
        self._desk = field.place.shop.desk

    def held(self, host: str, among: Iterable[int] | None = None) -> list[int]:
        """Steps whose claim a worker of that host holds; of these here, where some are given."""
        query = select(Step.id).where(Step.status == "running", _of(Step.owner, host))
        if among is not None:
            query = query.where(Step.id.in_(list(among)))
        with self._desk.reading() as session:
            return list(session.scalars(query))

    def taken_over(self, steps: Iterable[int]) -> int:
        """How many of these have lost a worker."""
        query = select(func.count()).where(Step.id.in_(list(steps)), Step.lost > 0)
        with self._desk.reading() as session:
            return int(session.scalar(query) or 0)

    def mail_troubles(self) -> dict[str, int]:
        """Why tries of mails failed, and how often: one without an answer may have arrived."""
        query = (
            select(StepAttempt.message, func.count())
            .join(Step, Step.id == StepAttempt.step_id)
            .where(Step.gates.is_(False), StepAttempt.outcome == "failed")
            .group_by(StepAttempt.message)
        )
        with self._desk.reading() as session:
            return dict(session.execute(query).tuples().all())

    def done_by(self, host: str, since: datetime) -> int:
        """Steps that this host claimed since then and brought to their goal."""
        query = select(func.count()).where(
            _of(StepAttempt.owner, host),
            StepAttempt.started_at > since,
            StepAttempt.outcome == "success",
        )
        with self._desk.reading() as session:
            return int(session.scalar(query) or 0)


def _of(owner: InstrumentedAttribute[str | None], host: str) -> ColumnElement[bool]:
    return owner.startswith(f"{host}:", autoescape=True)
