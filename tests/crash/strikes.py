"""Each worker that was killed or stood still: when, who took over, and what became of it."""

import contextlib
import os
import signal
import sqlite3
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import func, select

from tenantry.config import Times
from tenantry.engine.claim import lease_of
from tenantry.models import DeploymentStep, StatusChange, StepAttempt
from tenantry.planning.catalogue import KINDS, StepKind
from tests.crash import points
from tests.crash.board import Cell
from tests.crash.points import IN_TRANSACTION, LEASED, SETTLED, STOP, Order, Struck, struck_from
from tests.installation import Installation

REAL_SECONDS = 3.0
SHORT_MOMENT = 2.0
LONGEST_WAY_BACK = 30.0
LONGEST_LOCK = 7.0
LONGEST_WORD = 10.0
NEIGHBOUR, WOKEN = "was killed by a neighbour", "was woken by a neighbour"
# What such a one did says nothing of its cell.
DISTURBED = frozenset({NEIGHBOUR, WOKEN})
PLAIN = StepKind("", "", "")


@dataclass
class Strike:
    """One cell as it was ordered for one step. `struck` is None until its worker was there."""

    cell: Cell
    order: Order
    step_id: int
    step_key: str
    deployment_id: int
    tenant: str
    bound: float
    # A worker stood still inside of a transaction at the time: its locks go with its session.
    beside: bool = False
    # Seconds of its recovery in which SQLite's one lock stood still with somebody else.
    locked_out: float = 0.0
    # It has the only lock for writing that there is: nobody can take over before it wakes.
    locks_all: bool = False
    struck: Struck | None = None
    fence: int = 0
    cut_short: float = 0.0
    thaw_at: float = 0.0
    thawed: float = 0.0
    taken_over: bool = False
    said: str = ""
    # It came back while the step ran elsewhere, so that its fence alone kept it out.
    met: bool = False
    kept_out: bool = False
    recovery: float | None = None

    @property
    def pending(self) -> bool:
        """Whether its worker stands still, or has not said yet how its step ended."""
        frozen = self.struck is not None and self.order.signal == STOP
        return frozen and not self.said

    @property
    def mapped(self) -> bool:
        """Whether the step has no such point, and the nearest one was taken."""
        return self.cell.point != self.order.point or self.order.looks


def bound_of(times: Times, cell: Cell) -> float:
    """
    The promise: lease, grace, two ticks (a round of repairs, a sweep) and three seconds that are
    not scaled.

    Where the dead worker held no lease, the lease of an ordinary step.
    """
    kind = KINDS[cell.kind] if cell.point in LEASED else PLAIN
    ticks = times.repair + times.sweep
    return lease_of(kind, times) + times.reap_grace + ticks + REAL_SECONDS


class Strikes:
    """All of an installation. `look` is called a few times a second."""

    def __init__(self, place: Installation, broker: redis.Redis) -> None:
        self.place = place
        self.broker = broker
        self.times = place.shop.settings.times
        self.all: list[Strike] = []

    def order(self, strike: Strike) -> None:
        """From now on the worker of that step is lost where the order says."""
        self.broker.set(points.ORDER.format(strike.step_id), strike.order.packed())
        self.all.append(strike)

    def withdraw(self, strike: Strike) -> bool:
        """Whether nobody had come to its point; then nobody will."""
        taken_back = bool(self.broker.delete(points.ORDER.format(strike.step_id)))
        if taken_back:
            self.all.remove(strike)
        return taken_back

    def hear(self, strike: Strike) -> None:
        """
        Waits for a worker's word: it took its order away right when we wanted it back, and says
        when and who it is a moment later.
        """
        until = time.monotonic() + LONGEST_WORD
        while strike.struck is None and time.monotonic() < until:
            self.look()
            time.sleep(0.05)
        if strike.struck is None:
            strike.struck, strike.said = Struck(time.time(), 0, 0, whole=True), NEIGHBOUR

    def told(self, strikes: list[Strike]) -> bool:
        """Whether all is known of these: none stands still, and none was taken a moment ago."""
        self.look()
        waiting = [points.ORDER.format(s.step_id) for s in strikes if s.struck is None]
        return not any(s.pending for s in strikes) and (
            not waiting or self.broker.exists(*waiting) == len(waiting)
        )

    def look(self) -> None:
        """Notes new strikes; wakes those that stood still until somebody else took over."""
        waiting = [s for s in self.all if s.struck is None]
        names = [points.STRUCK.format(s.step_id) for s in waiting]
        for strike, text in zip(waiting, self.broker.mget(names) if names else [], strict=True):
            if text:
                self._note(strike, struck_from(text))
        for strike in self.all:
            if strike.pending and strike.struck:
                self._wake(strike, strike.struck)

    def _note(self, strike: Strike, struck: Struck | None) -> None:
        if struck is not None:
            strike.struck = struck
            if strike.order.signal == STOP:
                self._froze(strike, struck)
        elif not strike.cut_short:
            strike.cut_short = time.time()
        elif time.time() > strike.cut_short + SHORT_MOMENT:
            # A neighbour on the same worker had it killed between two words to the broker.
            strike.struck = Struck(strike.cut_short, 0, 0, whole=True)
            strike.said = NEIGHBOUR

    def _froze(self, strike: Strike, struck: Struck) -> None:
        with self.place.shop.desk.reading() as session:
            row = session.execute(
                select(DeploymentStep.fence, DeploymentStep.gates).where(
                    DeploymentStep.id == strike.step_id
                )
            ).one()
        strike.fence = row.fence
        if strike.cell.point in LEASED:
            self.broker.set(points.HOLD.format(strike.step_id), 1)
        lease = strike.bound - REAL_SECONDS
        if not row.gates and strike.cell.point in SETTLED:
            strike.thaw_at = struck.at + lease
        else:
            strike.thaw_at = struck.at + 3 * strike.bound + 15

    def _wake(self, strike: Strike, struck: Struck) -> None:
        said = self.broker.get(points.BACK.format(strike.step_id))
        if not strike.thawed and said:
            # What was sent to a neighbour, on the same process or in its group, came here as well.
            strike.thawed, strike.said = time.time(), WOKEN
            return
        if not strike.thawed:
            strike.taken_over = self.next_claim(strike) is not None
            strike.locks_all = not strike.taken_over and self._locked(strike, struck)
            if strike.taken_over or strike.locks_all or time.time() >= strike.thaw_at:
                strike.thawed = time.time()
                self._thaw(struck)
            return
        if said:
            strike.said = str(said, "utf-8") if isinstance(said, bytes) else said
            strike.kept_out = not self._wrote(strike)
        elif time.time() > strike.thawed + LONGEST_WAY_BACK:
            # With its whole worker: another order meant all of its processes.
            strike.said = NEIGHBOUR
            strike.kept_out = not self._wrote(strike)

    def _thaw(self, struck: Struck) -> None:
        """Wakes it, and with a whole worker all of it but those that stand still by themselves."""
        alone = {s.struck.pid for s in self.all if s.pending and s.struck and not s.thawed}
        woken = _members(struck.group) - alone if struck.whole else set()
        for pid in woken | {struck.pid}:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _locked(self, strike: Strike, struck: Struck) -> bool:
        """
        Whether SQLite's one lock for writing stands still with it: in its own transaction, or in
        that of another step on the same worker. Whoever is awake holds it for a moment only.
        """
        held_for = min(strike.bound - REAL_SECONDS, LONGEST_LOCK)
        if not self.place.shop.settings.sqlite or time.time() < struck.at + held_for:
            return False
        file = str(self.place.shop.engine.url.database)
        with contextlib.closing(sqlite3.connect(file, timeout=REAL_SECONDS)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
        return False

    def _wrote(self, strike: Strike) -> bool:
        """Whether an outcome stands under the fence that was taken from it."""
        if strike.cell.point not in LEASED or not strike.taken_over:
            return False
        with self.place.shop.desk.reading() as session:
            number = session.scalar(
                select(func.count())
                .select_from(StepAttempt)
                .where(StepAttempt.step_id == strike.step_id, StepAttempt.fence == strike.fence)
            )
        return bool(number)

    def finish(self) -> None:
        """
        Notes which strikes fell into the time in which another worker held locks and slept, and
        who came back while the step ran elsewhere.
        """
        for strike in self.all:
            strike.met = bool(self.broker.exists(points.MET.format(strike.step_id)))
        held = [
            (s.struck.at, s.thawed)
            for s in self.all
            if s.struck and s.order.signal == STOP and s.cell.point in IN_TRANSACTION
        ]
        for strike in self.all:
            if strike.struck:
                began = strike.struck.at
                ended = began + (strike.recovery or 0.0)
                strike.beside = any(start < ended and began < end for start, end in held)
                if self.place.shop.settings.sqlite:
                    strike.locked_out = _overlap(held, began, ended)

    def next_claim(self, strike: Strike) -> float | None:
        """
        Seconds from the strike to the next claim of its step; of any step of its deployment where
        its own was settled. None where there was none.
        """
        assert strike.struck is not None
        ids: Any = [strike.step_id]
        if strike.cell.point in SETTLED:
            ids = select(DeploymentStep.id).where(
                DeploymentStep.deployment_id == strike.deployment_id
            )
        moment = datetime.fromtimestamp(strike.struck.at, UTC)
        with self.place.shop.desk.reading() as session:
            at = session.scalar(
                select(func.min(StatusChange.at)).where(
                    StatusChange.thing == "step",
                    StatusChange.thing_id.in_(ids),
                    StatusChange.new == "running",
                    StatusChange.at > moment,
                )
            )
        return at.timestamp() - strike.struck.at if at else None


def _overlap(spans: list[tuple[float, float]], began: float, ended: float) -> float:
    """Seconds between the two that lie in any of these spans."""
    seconds, done = 0.0, began
    for start, end in sorted(spans):
        seconds += max(0.0, min(end, ended) - max(start, done))
        done = max(done, min(end, ended))
    return seconds


def _members(group: int) -> set[int]:
    """Processes of that group."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            # The name before may hold blanks and brackets; state, parent and group come after it.
            if int(stat.read_text().rpartition(")")[2].split()[2]) == group:
                found.add(int(stat.parent.name))
    return found
