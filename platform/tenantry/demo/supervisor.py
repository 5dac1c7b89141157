"""
Runs a list of programs as one installation: starts them, restarts what dies, leaves nothing behind.

Everything started here is stopped by `stop_all()`. If this process is killed before it can do so,
the system ends the children (see child) and a guardian ends the rest (see guardian).
"""

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tenantry.demo.guardian import Guardian
from tenantry.demo.life import Life
from tenantry.demo.logs import tail, trim
from tenantry.demo.problems import DemoProblem
from tenantry.demo.spawning import Program

_TICK = 0.05
_TRIM_EVERY = 2.0
_GROUND_SHARE = 0.4  # of the time to stop: what the databases are sure to get for themselves
_TO_KILL = 0.3  # of the time to stop: what killing takes when asking was not enough


@dataclass(frozen=True)
class ChildStatus:
    """How one program is when asked; `pid` is None while it waits to be started again."""

    name: str
    pid: int | None
    ready: bool
    restarts: int


class Supervisor:
    """
    The parent of all programs of an installation.

    `say` gets one sentence for each death and return, from a thread of ours. What a program writes
    goes to `logs/<name>.log`; over `log_cap` bytes it moves to `<name>.log.1`. All methods may be
    called from any thread.
    """

    def __init__(
        self, logs: Path, say: Callable[[str], None] = print, *, log_cap: int = 5_000_000
    ) -> None:
        self._logs = logs
        self._say = say
        self._log_cap = log_cap
        self._lives: dict[str, Life] = {}
        self._lock = threading.RLock()
        self._stopping = threading.Event()
        self._watch: threading.Thread | None = None
        self._guardian: Guardian | None = None

    # Starting

    def launch(self, program: Program) -> None:
        """Start a program without waiting until it is ready; `await_ready` does that."""
        with self._lock:
            if self._stopping.is_set():
                raise RuntimeError("the supervisor was stopped")
            if program.name in self._lives:
                raise ValueError(f"{program.name} runs already")
            if self._guardian is None:
                self._guardian = Guardian()
            life = Life(program, self._logs / f"{program.name}.log", self._guardian)
            # Known before it is started, so that a Ctrl-C in between leaves nothing unknown.
            self._lives[program.name] = life
            try:
                life.start()
            except Exception:
                del self._lives[program.name]
                raise
            if self._watch is None:
                self._watch = threading.Thread(
                    target=self._look_after, name="supervisor", daemon=True
                )
                self._watch.start()

    def start(self, program: Program) -> float:
        """
        Start a program, wait until it is ready, and give the seconds that took.

        Raises a DemoProblem with the end of its log when it dies or is not ready in its time; the
        program is stopped then and forgotten.
        """
        began = time.monotonic()
        self.launch(program)
        self.await_ready(program.name)
        return time.monotonic() - began

    def await_ready(self, name: str) -> None:
        """Wait until a launched program is ready; see `start` for what happens when it is not."""
        life = self._lives[name]
        deadline = life.began + life.program.ready_within
        while not life.look():
            died = life.deaths > 0
            if died or time.monotonic() > deadline:
                what = "died" if died else f"was not ready in {life.program.ready_within:.0f} s"
                self.stop(name)
                raise DemoProblem(f"{name} {what}. {life.log} ends:\n{tail(life.log)}")
            if self._stopping.wait(_TICK):
                raise DemoProblem(f"{name} was stopped before it was ready.")

    # Looking

    def status(self) -> list[ChildStatus]:
        """Say how all programs are, in the order of their start."""
        with self._lock:
            return [
                ChildStatus(name, life.pid, life.ready and life.pid is not None, life.restarts)
                for name, life in self._lives.items()
            ]

    def pid(self, name: str) -> int | None:
        """Give the process id of a program; None when it is not running now."""
        with self._lock:
            return self._lives[name].pid if name in self._lives else None

    # Stopping

    def stop(self, name: str) -> None:
        """Stop one program with all it started, and forget it."""
        with self._lock:
            life = self._lives.pop(name, None)
        if life is not None:
            life.ask_to_stop()
            life.finish(time.monotonic() + life.program.stop_within)

    def stop_all(self, within: float = 5.0) -> list[str]:
        """
        Stop everything, the last started first, and return when nothing is left.

        The upper floors go together, and floor 0 after them. What does not follow its stop signal
        in its share of the time is killed with its whole family; the names of those are returned.
        Calling it again is nothing.
        """
        began = time.monotonic()
        self._stopping.set()
        with self._lock:
            lives = list(reversed(self._lives.values()))
            self._lives.clear()
        upper = [life for life in lives if life.program.floor > 0]
        ground = [life for life in lives if life.program.floor <= 0]
        share = within * (1 - _GROUND_SHARE) if ground else within
        killed = _end(upper, began + share - _TO_KILL)
        killed += _end(ground, began + within - _TO_KILL)
        if self._guardian is not None:
            self._guardian.dismiss()
            self._guardian = None
        if self._watch is not None and self._watch is not threading.current_thread():
            self._watch.join(timeout=2)
        return killed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop_all()

    # Inside

    def _look_after(self) -> None:
        trimmed = time.monotonic()
        while not self._stopping.wait(_TICK):
            with self._lock:
                lives = list(self._lives.values())
                for life in lives:
                    self._revive(life)
            # Asking may take seconds, so the lock is not held.
            for life in lives:
                if life.restarts and not life.ready and life.look():
                    self._tell(f"{life.program.name} is back.")
            if time.monotonic() > trimmed + _TRIM_EVERY:
                trimmed = time.monotonic()
                for life in lives:
                    trim(life.log, self._log_cap)

    def _revive(self, life: Life) -> None:
        if (obituary := life.note_death()) is not None:
            self._tell(obituary)
        elif life.wake is not None and time.monotonic() >= life.wake:
            try:
                life.start()
            except Exception as error:  # noqa: BLE001 - the others must still be looked after
                delay = life.put_off()
                self._tell(
                    f"{life.program.name} cannot be started ({error}); again in {delay:.1f} s"
                )
            else:
                life.restarts += 1

    def _tell(self, sentence: str) -> None:
        # The console may be gone, with its terminal; the programs must still be looked after.
        with contextlib.suppress(Exception):
            self._say(sentence)


def _end(lives: list[Life], deadline: float) -> list[str]:
    """Ask all to stop, in this order, then see each of them gone; give the names of the killed."""
    for life in lives:
        life.ask_to_stop()
    return [life.program.name for life in lives if not life.finish(deadline)]


def await_stop_signal() -> signal.Signals:
    """Wait for Ctrl-C, a request to end, or the end of the terminal; from the main thread only."""
    asked = threading.Event()
    came: list[signal.Signals] = []

    def note(number: int, _frame: object) -> None:
        came.append(signal.Signals(number))
        asked.set()

    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, note)
    while not asked.wait(0.5):  # without an end to the wait some systems hold signals back
        pass
    return came[0]
