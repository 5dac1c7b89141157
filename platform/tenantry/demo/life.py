"""One supervised program: its process, and what became of it so far."""

import contextlib
import signal
import subprocess
import time
from pathlib import Path

from tenantry.demo import processes
from tenantry.demo.guardian import Guardian
from tenantry.demo.processes import Running
from tenantry.demo.spawning import Program, spawn

_SETTLED_AFTER = 0.3  # without a ready check: alive for that long is ready
_FIRST_DELAY = 0.5
_LONGEST_DELAY = 30.0
_HEALTHY_AFTER = 60.0  # a program that lived that long starts again with a short delay


class Life:
    """
    A program from its first start to its last end, with all restarts.

    Whoever holds it decides when; nothing here waits, except `finish`.
    """

    def __init__(self, program: Program, log: Path, guardian: Guardian) -> None:
        self.program = program
        self.log = log
        self.began = 0.0
        self.deaths = 0
        self.restarts = 0
        self.wake: float | None = None  # when to start it again
        self.ready = False
        self._guardian = guardian
        self._process: subprocess.Popen[bytes] | None = None
        self._family: list[Running] = []

    @property
    def pid(self) -> int | None:
        """The process id; None when it does not run now."""
        process = self._process  # another thread may note its death meanwhile
        return None if process is None or process.poll() is not None else process.pid

    def start(self) -> None:
        """Start it, for the first time or again."""
        if self.program.before is not None:
            self.program.before()
        self._process = spawn(self.program, self.log)
        self.began = time.monotonic()
        self.wake = None
        self.ready = False
        self._guardian.note(self._process.pid, self.program.stop_signal)

    def look(self) -> bool:
        """Say whether it is ready, asking it when that is not known yet."""
        if self.pid is None:
            return False
        if not self.ready:
            ask = self.program.ready
            settled = time.monotonic() - self.began > _SETTLED_AFTER
            try:
                self.ready = settled if ask is None else ask()
            except Exception:  # noqa: BLE001 - whatever keeps it from answering, it is not ready
                self.ready = False
        return self.ready

    def note_death(self) -> str | None:
        """
        Say how it died and when it starts again, once for each death; None when nothing happened.

        What it left running in its group is killed, so that the next one finds its ports free.
        """
        if self._process is None or self._process.poll() is None:
            return None
        died, self._process = self._process, None
        processes.send_group(died.pid, signal.SIGKILL)
        self._guardian.forget(died.pid)
        lived = time.monotonic() - self.began
        if lived > _HEALTHY_AFTER:
            self.deaths = 0
        delay = self.put_off()
        return (
            f"{self.program.name} {_how(died.returncode)} after {lived:.0f} s; it starts again in "
            f"{delay:.1f} s. Its log: {self.log}"
        )

    def put_off(self) -> float:
        """Count a death, and give the seconds until the next start: longer each time, up to 30."""
        self.deaths += 1
        delay = min(_LONGEST_DELAY, _FIRST_DELAY * 2.0 ** min(self.deaths - 1, 10))
        self.wake = time.monotonic() + delay
        self.ready = False
        return delay

    def ask_to_stop(self) -> None:
        """Send it its stop signal, and note what belongs to it for the end."""
        self.wake = None
        if self._process is not None:
            # Now or never: once the leader is gone nothing tells whose its children were.
            self._family = processes.family(self._process.pid)
            if self._process.poll() is None:
                processes.send(self._process.pid, self.program.stop_signal)

    def finish(self, deadline: float) -> bool:
        """
        Wait until it is gone, killing it and all that belongs to it at the deadline.

        False when it had to be killed.
        """
        if self._process is None:
            return True
        left = max(0.0, deadline - time.monotonic())
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=min(left, self.program.stop_within))
        by_itself = self._process.poll() is not None
        processes.send_group(self._process.pid, signal.SIGKILL)
        for each in processes.still_running(self._family):
            processes.send(each.pid, signal.SIGKILL)
        self._process.wait()
        processes.gone_within(2.0, self._family)
        self._guardian.forget(self._process.pid)
        self._process = None
        return by_itself


def _how(code: int) -> str:
    if code < 0:
        with contextlib.suppress(ValueError):
            return f"was killed by {signal.Signals(-code).name}"
    return f"ended with code {code}"
