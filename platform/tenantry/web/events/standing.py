"""
How watched deployments stand, for any number of them in two to three small queries.

The mark is made of what every write touches, so that it differs whenever a page would.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.errors import NotFound
from tenantry.models import Deployment, DeploymentStep, TargetRow
from tenantry.planning.states import ACTIVE_DEPLOYMENT, DeploymentStatus

Step = DeploymentStep
LENGTH = 12
# A longer line is not counted to its end for somebody who watches from the back.
LONGEST_LINE = 2000


@dataclass(frozen=True, slots=True)
class Standing:
    """
    `mark` changes with whatever a page shows; `active` is pending or running; `next_seq` is the
    number of the next log line; `place` in line from 1, None where it does not wait.
    """

    mark: str
    active: bool
    next_seq: int
    place: int | None

    @property
    def event(self) -> str:
        """The id of an event that has told all of this: a stream goes on from it."""
        return f"{self.next_seq - 1}-{self.mark}"


def standings(session: Session, ids: Collection[int]) -> dict[int, Standing]:
    """By deployment; one that is gone is missing."""
    if not ids:
        return {}
    rows = session.execute(
        select(
            Deployment.id,
            Deployment.status,
            Deployment.updated_at,
            Deployment.next_seq,
            Deployment.epoch,
            Deployment.cancel_requested,
            Deployment.target_id,
            TargetRow.draining,
            TargetRow.max_in_flight,
            TargetRow.breaker_until,
        )
        .join(TargetRow, TargetRow.id == Deployment.target_id)
        .where(Deployment.id.in_(ids))
    ).all()
    steps = _steps(session, ids)
    places = _places(session, rows)
    now = utcnow()
    return {
        row.id: Standing(
            _mark(
                row.status,
                row.updated_at,
                row.next_seq,
                row.epoch,
                row.cancel_requested,
                row.draining,
                row.max_in_flight,
                row.breaker_until,
                row.breaker_until is not None and row.breaker_until > now,
                places.get(row.id),
                steps.get(row.id),
            ),
            row.status in ACTIVE_DEPLOYMENT,
            row.next_seq,
            places.get(row.id),
        )
        for row in rows
    }


def standing_of(session: Session, deployment: Deployment) -> Standing:
    """Of one; asked before what a page shows is read, so that the next event tells the rest."""
    found = standings(session, [deployment.id]).get(deployment.id)
    if found is None:
        raise NotFound("There is no such deployment")
    return found


def _steps(session: Session, ids: Collection[int]) -> Mapping[int, tuple[Any, ...]]:
    found = session.execute(
        select(
            Step.deployment_id,
            func.count(),
            func.max(Step.updated_at),
            func.sum(Step.attempts + Step.polls + Step.fence + Step.hints),
        )
        .where(Step.deployment_id.in_(ids))
        .group_by(Step.deployment_id)
    )
    return {row[0]: (row[1], row[2], int(row[3])) for row in found}


def _places(session: Session, rows: Collection[Any]) -> dict[int, int]:
    """Places in line of those that wait; asked only where one does."""
    targets = {row.target_id for row in rows if row.status == DeploymentStatus.PENDING}
    if not targets:
        return {}
    line = session.execute(
        select(Deployment.target_id, Deployment.id)
        .where(Deployment.target_id.in_(targets), Deployment.status == DeploymentStatus.PENDING)
        .order_by(Deployment.target_id, Deployment.queued_at, Deployment.id)
        .limit(LONGEST_LINE)
    )
    found, before, place = {}, None, 0
    for target, deployment in line:
        place = place + 1 if target == before else 1
        before = target
        found[deployment] = place
    return found


def _mark(*facts: Any) -> str:
    return hashlib.sha256(repr(facts).encode()).hexdigest()[:LENGTH]
