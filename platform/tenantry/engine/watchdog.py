"""
Repairs from the rows (KERNEL §2.4). Its own process, in any number of copies: every action is a
compare-and-set, so doing it twice does nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, and_, exists, func, or_, select, update
from sqlalchemy.orm import aliased

from tenantry.config import Times
from tenantry.engine.claim import settle_of
from tenantry.engine.dispatch import Dispatcher, queue_of
from tenantry.engine.jobs import Hint
from tenantry.engine.progress import (
    end,
    fail,
    finish_cancel,
    gating_steps_left,
    lock_deployment,
    open_heads,
    rests,
)
from tenantry.engine.store import locked, transaction
from tenantry.engine.transitions import move, move_known
from tenantry.models import Deployment, DeploymentStep, JobRecord
from tenantry.models.dbtime import db_now
from tenantry.planning.catalogue import kind_of
from tenantry.planning.states import DONE_STEP, DeploymentStatus

log = structlog.get_logger(__name__)
Step = DeploymentStep
# Made once: an alias costs more to build than its statement to run.
sibling, just_ended, open_step = aliased(Step), aliased(Step), aliased(Step)
MOST_LOST = 6
BATCH = 500
AT_ONCE = 50
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
        heads = self._due_heads()
        if not heads:
            return 0
        waiting = self.queue_lengths()
        if waiting is None:
            return 0
        # Hints on top of a full queue only make it longer. Each queue is judged by itself: one
        # that nobody empties must not silence the others.
        room = self._in_flight()
        heads = [h for h in heads if waiting.get(queue_of(h.step_key, h.lost), 0) <= room]
        sent = 0
        # Marked right before they go out: what is marked and waits behind hundreds of others would
        # count as lost before it was sent.
        for start in range(0, len(heads), AT_ONCE):
            hints = self._mark_hinted(heads[start : start + AT_ONCE])
            went = self.dispatcher.publish(hints)
            if hints and not went:
                break
            sent += went
        return sent

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

    def _due_heads(self) -> list[Any]:
        statement = open_heads(
            ~exists().where(
                sibling.deployment_id == Step.deployment_id,
                sibling.gates,
                sibling.status == "running",
            ),
            # A predecessor that ended this moment hands over by its own chain.
            ~exists().where(
                just_ended.deployment_id == Step.deployment_id,
                just_ended.ended_at > db_now(-self.times.hint_grace),
            ),
            self._unhinted(),
            most=BATCH,
        )
        with transaction(self.engine) as conn:
            return list(conn.execute(statement).all())

    def _unhinted(self) -> Any:
        """Nobody has hinted it, or so long ago that the hint counts as lost."""
        repeat = self.times.hint_repeat
        return or_(
            Step.hinted_at.is_(None),
            and_(Step.hints == 0, Step.hinted_at < db_now(-repeat)),
            and_(Step.hints == 1, Step.hinted_at < db_now(-2 * repeat)),
            and_(Step.hints == 2, Step.hinted_at < db_now(-4 * repeat)),  # noqa: PLR2004
            Step.hinted_at < db_now(-self.times.hint_cap),
        )

    def _in_flight(self) -> int:
        with transaction(self.engine) as conn:
            number = conn.execute(
                select(func.count())
                .select_from(Deployment)
                .where(Deployment.status == DeploymentStatus.RUNNING)
            ).scalar_one()
        return max(10, number)

    def _mark_hinted(self, heads: list[Any]) -> list[Hint]:
        # Asked again, under the lock: a second watchdog may have hinted them since they were read.
        ids = select(Step.id).where(
            Step.id.in_([row.id for row in heads]),
            Step.status.in_(("pending", "waiting")),
            self._unhinted(),
        )
        with transaction(self.engine) as conn:
            # Whoever has a row locked is at work on it, or stands still: neither needs a hint.
            free = set(conn.execute(locked(ids, skip=True)).scalars())
            conn.execute(
                update(Step)
                .where(Step.id.in_(free))
                .values(hinted_at=db_now(), hints=Step.hints + 1)
            )
        return [Hint(row.deployment_id) for row in heads if row.id in free]

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
            if not self._back(conn, step, new):
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

    def _back(self, conn: Any, step: Any, new: str) -> bool:
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
