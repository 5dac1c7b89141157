"""
From rows to Celery chains, after the commit.

A chain is a string of reminders over the open gating steps in order. Losing, doubling or delaying
one is harmless, so an error while publishing is logged and left to the watchdog (KERNEL R16).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

import structlog
from sqlalchemy import Engine

from tenantry.clock import monotonic
from tenantry.engine.jobs import Hint
from tenantry.engine.progress import admit
from tenantry.engine.statements import OPEN_LINKS, QUEUED
from tenantry.engine.store import transaction
from tenantry.models.base import uuid7
from tenantry.planning.catalogue import STEPS_QUEUE, SUSPECT_QUEUE, kind_of

log = structlog.get_logger(__name__)
LONGEST_FAILING = 1.0


@dataclass(frozen=True, slots=True)
class Link:
    """One task of a chain."""

    step_id: int
    queue: str


@dataclass(frozen=True, slots=True)
class Chain:
    """What is handed to the broker: ids and an epoch. `task_id` names the head."""

    deployment_id: int
    epoch: int
    links: tuple[Link, ...]
    task_id: UUID
    countdown: float | None = None


Send = Callable[[Chain], None]


class Dispatcher:
    """Publishes chains. Safe to share between threads; `send` decides how long it may take."""

    def __init__(self, engine: Engine, send: Send) -> None:
        self._engine = engine
        self._send = send

    def publish(self, hints: Iterable[Hint]) -> int:
        """
        Publishes each hint once; returns how many went out. Never raises for the broker.

        Once failing has taken a second none is tried any more: all would wait for the same broker,
        one after the other. The watchdog repeats them.
        """
        began = monotonic()
        sent = 0
        for hint in {h.deployment_id: h for h in hints}.values():
            chain = self.chain_of(hint)
            if chain is None:
                continue
            try:
                self._send(chain)
            except Exception as trouble:  # noqa: BLE001 — any broker trouble is the watchdog's
                log.warning("not published", error=type(trouble).__name__, chain=chain.task_id.hex)
                # A connection that the broker has closed fails at once, and the next one goes out.
                if monotonic() - began > LONGEST_FAILING:
                    break
                continue
            sent += 1
        return sent

    def admit(self, target_id: int) -> int:
        """
        Lets waiting deployments of a target in, and publishes them.

        Asks first whether one waits at all, which locks nothing: whoever adds one later admits it.
        """
        with transaction(self._engine) as conn:
            if conn.execute(QUEUED, {"b_target": target_id}).first() is None:
                return 0
        with transaction(self._engine) as conn:
            hints = admit(conn, target_id)
        self.publish(hints)
        return len(hints)

    def chain_of(self, hint: Hint) -> Chain | None:
        """The chain as the rows want it now; None where nothing is open."""
        with transaction(self._engine) as conn:
            rows = conn.execute(OPEN_LINKS, {"b_deployment": hint.deployment_id}).all()
        if not rows:
            return None
        return Chain(
            deployment_id=hint.deployment_id,
            epoch=rows[0].epoch,
            links=tuple(Link(row.id, queue_of(row.step_key, row.lost)) for row in rows),
            task_id=rows[0].job_id or uuid7(),
            countdown=hint.countdown,
        )


def queue_of(step_key: str, lost: int) -> str:
    """A step that has lost a worker is tried only where it can hurt no bystander (KERNEL R21)."""
    if lost:
        return SUSPECT_QUEUE
    kind = kind_of(step_key)
    return kind.queue if kind else STEPS_QUEUE
