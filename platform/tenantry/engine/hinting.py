"""
Hints for what is due and was not published lately, from the rows (KERNEL §2.4). A part of the
watchdog, and as harmless in any number of copies.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, and_, exists, func, or_, select, union_all, update
from sqlalchemy.orm import aliased

from tenantry.config import Times
from tenantry.engine.dispatch import Dispatcher, queue_of
from tenantry.engine.jobs import Hint
from tenantry.engine.progress import rests
from tenantry.engine.store import locked, transaction
from tenantry.models import Deployment, DeploymentStep
from tenantry.models.dbtime import db_now
from tenantry.planning.states import DONE_STEP, DeploymentStatus

Step = DeploymentStep
# Made once: an alias costs more to build than its statement to run.
first, sibling, just_ended = aliased(Step), aliased(Step), aliased(Step)
BATCH = 500
AT_ONCE = 50
# So many messages are no burden on any queue.
FEW = 10
MOST_DUE = 1_000_000


@dataclass(frozen=True, slots=True)
class Hinting:
    """`queue_lengths` tells how many messages wait in each queue; None where it cannot be asked."""

    engine: Engine
    dispatcher: Dispatcher
    times: Times
    queue_lengths: Callable[[], Mapping[str, int] | None]

    def sweep(self) -> int:
        """Publishes the chains of due heads that nobody hinted lately; returns how many."""
        waiting = self.queue_lengths()
        if waiting is None:
            return 0
        crowded = max(waiting.values(), default=0) >= FEW
        # All of them where a queue is long: those that have no room there must not stand before
        # those of other queues.
        heads = self._due_heads(MOST_DUE if crowded else BATCH)
        if crowded and heads:
            heads = self._with_room(heads, waiting)[:BATCH]
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

    def _due_heads(self, most: int) -> list[Any]:
        with transaction(self.engine) as conn:
            return list(conn.execute(self._heads(self._unhinted(), most=most)).all())

    def _heads(self, *conditions: Any, most: int) -> Any:
        return open_heads(
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
            *conditions,
            most=most,
        )

    def _with_room(self, heads: list[Any], waiting: Mapping[str, int]) -> list[Any]:
        """
        Those that make no queue longer than what is due there: more would be copies.

        Each queue is judged by itself: one that nobody empties must not silence the others.
        """
        due = self._due_by_queue()
        room = {name: max(FEW, due[name]) - length + 1 for name, length in waiting.items()}
        kept = []
        # The longest due first: whoever came lately most likely has a message in the queue still.
        for head in sorted(heads, key=lambda head: head.due_at):
            name = queue_of(head.step_key, head.lost)
            left = room.get(name, 1)
            if left > 0:
                room[name] = left - 1
                kept.append(head)
        return kept

    def _due_by_queue(self) -> Counter[str]:
        every = self._heads(most=MOST_DUE).subquery()
        asked = select(every.c.step_key, every.c.lost, func.count().label("number")).group_by(
            every.c.step_key, every.c.lost
        )
        found: Counter[str] = Counter()
        with transaction(self.engine) as conn:
            for row in conn.execute(asked):
                found[queue_of(row.step_key, row.lost)] += row.number
        return found

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


def open_heads(*conditions: Any, most: int) -> Any:
    """
    Steps whose turn it is, that are due and meet the conditions: gating ones of running deployments
    without an open predecessor, and mail of ended ones in the current epoch. The same order check
    as the claim's.

    Of a deployment that rests, only the step that waits is looked at, once it is due: those behind
    it are due all the while.
    """
    # First those that do not rest, then one short look into each. To find all open steps and then
    # leave out those behind another one reads the whole plan of each, every second.
    awake = (
        select(Deployment.id)
        .where(
            Deployment.status == DeploymentStatus.RUNNING,
            Deployment.cancel_requested.is_(False),
            ~rests(),
        )
        .cte("awake")
        .prefix_with("MATERIALIZED", dialect="postgresql")
    )
    head = (
        select(first.id)
        .where(
            first.deployment_id == awake.c.id,
            first.gates,
            ~first.status.in_(DONE_STEP),
            first.retried_by_id.is_(None),
        )
        .order_by(first.order)
        .limit(1)
        .correlate(awake)
        .scalar_subquery()
    )
    due = (Step.status.in_(("pending", "waiting")), Step.due_at <= db_now(), *conditions)
    heads = select(Step.id, Step.deployment_id, Step.step_key, Step.lost, Step.due_at)
    gating = heads.join(awake, Step.id == head).where(*due)
    mail = heads.join(Deployment, Deployment.id == Step.deployment_id).where(
        Step.gates.is_(False),
        Step.epoch == Deployment.epoch,
        Deployment.status.in_(("succeeded", "failed", "cancelled")),
        *due,
    )
    every = union_all(gating, mail).subquery()
    return select(every).limit(most)
