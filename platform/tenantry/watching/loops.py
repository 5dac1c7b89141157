"""The prober's life: one thread for each duty, none of which waits for another."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from tenantry.clock import monotonic
from tenantry.watching.claims import Assignment
from tenantry.watching.crew import Crew
from tenantry.watching.prober import Prober
from tenantry.watching.results import Result

log = structlog.get_logger(__name__)
TICK = 1.0
SHORT_TICK = 0.05
# Probes under way get so long at the end; their services come round again anyway.
FAREWELL = 2.0
MOST_UNKEPT = 2000


def run(prober: Prober, stop: threading.Event) -> None:
    """Watches until `stop` is set, then returns within about two seconds."""
    scale = prober.times.scale
    duties: dict[str, tuple[Callable[[], object], float]] = {
        "containers": (prober.judge_containers, 5.0 * scale),
        "hostnames": (prober.look_at_hostnames, 5.0 * scale),
        "enrolment": (prober.enrol, 10.0 * scale),
        "letters": (prober.postman.send_one, 1.0),
        "tidying": (prober.tidy, 60.0),
    }
    for name, (act, pause) in duties.items():
        threading.Thread(
            target=_again, args=(name, act, pause, stop), name=name, daemon=True
        ).start()
    _Probing(prober, min(TICK, prober.rules.interval / 20)).run(stop)


def _again(name: str, act: Callable[[], object], pause: float, stop: threading.Event) -> None:
    while not stop.is_set():
        found = False
        try:
            found = bool(act())
        except Exception as trouble:  # noqa: BLE001 — the prober outlives everything
            log.warning("round failed", duty=name, error=type(trouble).__name__)
        # Where something was found there may be more; a short breath keeps a fault from spinning.
        stop.wait(SHORT_TICK if found else pause)


@dataclass(slots=True)
class _Probing:
    prober: Prober
    tick: float
    _unkept: list[Result] = field(default_factory=list)
    _more: bool = False

    def run(self, stop: threading.Event) -> None:
        crew: Crew[Assignment, Result] = Crew("probe", self.prober.rules.threads, self.prober.ask)
        while not stop.is_set():
            began = monotonic()
            self._round(crew)
            short = self._more or not crew.room
            stop.wait(max(SHORT_TICK, (SHORT_TICK if short else self.tick) + began - monotonic()))
        until = monotonic() + FAREWELL
        while not crew.idle and monotonic() < until:
            self._unkept += crew.take()
            threading.Event().wait(SHORT_TICK)
        self._keep()

    def _round(self, crew: Crew[Assignment, Result]) -> None:
        self._unkept += crew.take()
        self._keep()
        self._more = False
        if not crew.room:
            return
        try:
            claimed = self.prober.claim(crew.room)
        except Exception as trouble:  # noqa: BLE001 — the prober outlives everything
            log.warning("round failed", duty="claim", error=type(trouble).__name__)
            return
        self._more = claimed.more
        for one in claimed.assignments:
            crew.give(one)

    def _keep(self) -> None:
        """What cannot be kept now is kept later, unless its lease has ended by then."""
        if not self._unkept:
            return
        try:
            self.prober.keep(self._unkept)
        except Exception as trouble:  # noqa: BLE001 — the prober outlives everything
            log.warning("round failed", duty="keep", error=type(trouble).__name__)
            self._unkept = self._unkept[-MOST_UNKEPT:]
        else:
            self._unkept = []
