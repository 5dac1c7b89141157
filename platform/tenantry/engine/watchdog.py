"""
Repairs from the rows (KERNEL §2.4). Its own process, in any number of copies: every action is a
compare-and-set, so doing it twice does nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, exists, select, update
from sqlalchemy.orm import aliased

from tenantry.config import Times
from tenantry.engine.claim import lease_of, settle_of
from tenantry.engine.dispatch import Dispatcher
from tenantry.engine.hinting import Hinting
from tenantry.engine.jobs import Hint
from tenantry.engine.patience import uncounted
from tenantry.engine.progress import (
    end,
    fail,
    finish_cancel,
    gating_steps_left,
    lock_deployment,
    rests,
)
from tenantry.engine.store import transaction
from tenantry.engine.transitions import move, move_known
from tenantry.models import Deployment, DeploymentStep, JobRecord
from tenantry.models.dbtime import db_now
from tenantry.planning.catalogue import kind_of
from tenantry.planning.states import DONE_STEP, DeploymentStatus

log = structlog.get_logger(__name__)
Step = DeploymentStep
# Made once: an alias costs more to build than its statement to run.
open_step = aliased(Step)
MOST_LOST = 6
BATCH = 500
# A mail row of an old epoch was not given up: nobody wants it any more.
JOB_AFTER = {"pending": "scheduled", "failed": "failed", "skipped": "cancelled"}


@dataclass(frozen=True, slots=True)
class Watchdog:
    """`queue_lengths` tells how many messages wait in each queue; None where it cannot be asked."""

    engine: Engine
    dispatcher: Dispatcher
    times: Times
    queue_lengths: Callable[[], Mapping[str, int] | None]

    def sweep(self) -> int:
        """Publishes the chains of due heads that nobody hinted lately; returns how many."""
        return Hinting(self.engine, self.dispatcher, self.times, self.queue_lengths).sweep()

    def repair(self) -> dict[str, int]:
        """The five-second round; returns what was done, for the metrics."""
        done = {
            "reaped": self._each(self._expired(), self._reap),
            "cancelled": self._each(self._cancels(), self._cancel),
            "completed": self._each(self._finished(), self._complete),
            "admitted": sum(self.dispatcher.admit(target) for target in self._queues()),
        }
        for what, number in done.items():
            if number:
                log.info("repaired", what=what, number=number)
        return done

    def _each(self, ids: list[Any], act: Callable[[Any], list[Hint] | None]) -> int:
        number = 0
        for row in ids:
            try:
                hints = act(row)
            except Exception as trouble:  # noqa: BLE001 — one bad row must not stop the rest
                log.warning("repair failed", row=str(row), error=type(trouble).__name__)
                continue
            if hints is not None:
                number += 1
                self.dispatcher.publish(hints)
        return number

    def _expired(self) -> list[Any]:
        with transaction(self.engine) as conn:
            return list(
                conn.execute(
                    select(Step.id, Step.deployment_id, Step.fence)
                    .where(
                        Step.status == "running",
                        Step.lease_until < db_now(-self.times.reap_grace),
                    )
                    .limit(BATCH)
                ).all()
            )

    def _reap(self, row: Any) -> list[Hint] | None:
        """One step whose worker is gone: back in line, or failed at the sixth loss."""
        with transaction(self.engine) as conn:
            deployment = lock_deployment(conn, row.deployment_id, skip=True)
            step = conn.execute(
                select(Step.__table__, db_now().label("now")).where(Step.id == row.id)
            ).one_or_none()
            if deployment is None or step is None or step.fence != row.fence:
                return None
            new = self._reaped_status(deployment, step)
            if not self._back(conn, step, new, deployment.epoch):
                return None
            if new == "failed" and step.gates:
                return fail(conn, deployment, step.step_key, f"worker lost {MOST_LOST} times")
            if deployment.cancel_requested:
                return finish_cancel(conn, deployment)
            return []

    def _reaped_status(self, deployment: Any, step: Any) -> str:
        if step.lost + 1 >= MOST_LOST:
            return "failed"
        if not step.gates and step.epoch != deployment.epoch:
            return "skipped"
        return "pending"

    def _back(self, conn: Any, step: Any, new: str, epoch: int) -> bool:
        kind = kind_of(step.step_key)
        due = step.now
        if step.intent_at is not None and kind is not None:
            due = max(due, step.intent_at + timedelta(seconds=settle_of(kind, self.times)))
        lost = f"its worker was lost (loss {step.lost + 1})"
        values: dict[str, Any] = {
            "lost": Step.lost + 1,
            "lease_until": None,
            "owner": None,
            "hinted_at": None,
            "hints": 0,
            "message": lost,
        }
        values |= {"due_at": due} if new == "pending" else {"ended_at": db_now()}
        if new == "pending" and kind is not None and kind.patience is not None:
            # From its last sign of life on nobody looked, nor will before it is due.
            since = step.lease_until - timedelta(seconds=lease_of(kind, self.times))
            values["details"] = uncounted(step.meta, epoch, (due - since).total_seconds())
        statement = (
            update(Step)
            .where(
                Step.id == step.id,
                Step.fence == step.fence,
                Step.status == "running",
                Step.lease_until < db_now(-self.times.reap_grace),
            )
            .values(status=new, **values)
        )
        if not move_known(
            conn,
            "step",
            "running",
            new,
            statement,
            {},
            row_id=step.id,
            reason=lost,
            actor="watchdog",
        ):
            return False
        move(
            conn,
            "job",
            JOB_AFTER[new],
            JobRecord.step_id == step.id,
            JobRecord.status == "running",
            reason=lost,
            next_run_at=due,
        )
        return True

    def _cancels(self) -> list[Any]:
        with transaction(self.engine) as conn:
            return list(
                conn.execute(
                    select(Deployment.id)
                    .where(
                        Deployment.cancel_requested, Deployment.status.in_(("pending", "running"))
                    )
                    .limit(BATCH)
                ).scalars()
            )

    def _cancel(self, deployment_id: int) -> list[Hint] | None:
        with transaction(self.engine) as conn:
            deployment = lock_deployment(conn, deployment_id, skip=True)
            if deployment is None or not deployment.cancel_requested:
                return None
            return finish_cancel(conn, deployment) or None

    def _finished(self) -> list[Any]:
        with transaction(self.engine) as conn:
            return list(
                conn.execute(
                    select(Deployment.id)
                    .where(
                        Deployment.status == DeploymentStatus.RUNNING,
                        ~rests(),
                        ~exists().where(
                            open_step.deployment_id == Deployment.id,
                            open_step.gates,
                            ~open_step.status.in_(DONE_STEP),
                            open_step.retried_by_id.is_(None),
                        ),
                    )
                    .limit(BATCH)
                ).scalars()
            )

    def _complete(self, deployment_id: int) -> list[Hint] | None:
        with transaction(self.engine) as conn:
            deployment = lock_deployment(conn, deployment_id, skip=True)
            if deployment is None or deployment.status != DeploymentStatus.RUNNING:
                return None
            if gating_steps_left(conn, deployment_id):
                return None
            return end(conn, deployment, DeploymentStatus.SUCCEEDED, summary="All steps done.")

    def _queues(self) -> list[int]:
        """Targets that somebody waits for."""
        with transaction(self.engine) as conn:
            return list(
                conn.execute(
                    select(Deployment.target_id)
                    .where(Deployment.status == DeploymentStatus.PENDING)
                    .distinct()
                ).scalars()
            )
