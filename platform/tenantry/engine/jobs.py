"""Jobs, which wait for a time, and hints, which shorten the wait."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, insert, select, update

from tenantry.journal import status_changed
from tenantry.models import DeploymentStep, JobRecord
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.planning.catalogue import kind_of
from tenantry.planning.states import NEW

Step = DeploymentStep
MOST_COUNTDOWNS = 500


@dataclass(frozen=True, slots=True)
class Hint:
    """A chain to be published after the commit: of the rest of a deployment, or of one mail."""

    deployment_id: int
    countdown: float | None = None


def add_job(
    conn: Connection,
    deployment_id: int,
    step_id: int,
    step_key: str,
    *,
    attempt: int,
    delay: float,
) -> None:
    """One scheduled JobRecord for a step that has none open."""
    kind = kind_of(step_key)
    row = conn.execute(
        insert(JobRecord)
        .values(
            public_id=uuid7(),
            job_id=uuid7(),
            deployment_id=deployment_id,
            step_id=step_id,
            job_type=kind.job_type if kind else "retry",
            attempt=attempt,
            next_run_at=db_now(delay),
            status="scheduled",
            result_meta={},
        )
        .returning(JobRecord.id)
    ).scalar_one()
    status_changed(conn, "job", [row], NEW, "scheduled", "waits for its time")


def countdown(
    conn: Connection, deployment_id: int, step_id: int, delay: float, longest: float
) -> tuple[Hint, ...]:
    """A hint by countdown for a short wait, while few are outstanding (KERNEL R11)."""
    if delay > longest:
        return ()
    outstanding = conn.execute(
        select(func.count())
        .select_from(Step)
        .where(Step.status == "waiting", Step.due_at > db_now(), Step.hinted_at.is_not(None))
    ).scalar_one()
    if outstanding >= MOST_COUNTDOWNS:
        return ()
    # Counts as hinted from its due time on: the sweep gives the countdown its chance.
    conn.execute(update(Step).where(Step.id == step_id).values(hinted_at=Step.due_at))
    return (Hint(deployment_id, countdown=delay),)
