"""What it takes to start one program so that it cannot outlive us."""

import os
import queue
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from tenantry.demo.placement import Account

_CHILD = Path(__file__).with_name("child.py")


@dataclass(frozen=True, kw_only=True)
class Program:
    """
    A program to be run, as a value.

    `env` is the whole environment (None: ours). `ready` is asked again and again until it says
    True; without one the program is ready when it has lived for a moment. `before` runs ahead of
    each start, restarts included. `floor` 0 is for what others stand on: it is stopped after all
    the rest is gone. `death_signal` is what the program gets from the system when we are killed.
    """

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    ready: Callable[[], bool] | None = None
    ready_within: float = 30.0
    before: Callable[[], None] | None = None
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 3.0
    death_signal: signal.Signals = signal.SIGKILL
    account: Account | None = None
    floor: int = 1


def spawn(program: Program, log: Path) -> "subprocess.Popen[bytes]":
    """
    Start the program in a session of its own, its output appended to `log` (mode 0600).

    When this process dies, even by SIGKILL, the system (Linux) sends the program `death_signal`.
    May be called from any thread: the tie is to a thread that lives as long as the process does,
    since the system takes the death of the starting thread for the death of the parent.
    """
    return _spawner.run(lambda: _start(program, log))


def _start(program: Program, log: Path) -> "subprocess.Popen[bytes]":
    env = dict(os.environ if program.env is None else program.env)
    first, *rest = (str(part) for part in program.argv)
    found = shutil.which(first, path=env.get("PATH")) or first
    user, group = ("-", "-") if program.account is None else program.account.numbers
    tie = [str(os.getpid()), str(int(program.death_signal)), user, group, "--"]
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", str(_CHILD), *tie, found, *rest],
            env=env,
            cwd=program.cwd,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    finally:
        os.close(output)


class _Spawner:
    """One thread for the life of the process, which starts what others ask for."""

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._asked: queue.SimpleQueue[
            tuple[Callable[[], subprocess.Popen[bytes]], Future[subprocess.Popen[bytes]]]
        ] = queue.SimpleQueue()
        self._lock = threading.Lock()

    def run(self, start: Callable[[], "subprocess.Popen[bytes]"]) -> "subprocess.Popen[bytes]":
        with self._lock:
            # A forked copy of this process has the object but not the thread.
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._serve, name="spawner", daemon=True)
                self._thread.start()
        answer: Future[subprocess.Popen[bytes]] = Future()
        self._asked.put((start, answer))
        return answer.result()

    def _serve(self) -> None:
        while True:
            start, answer = self._asked.get()
            try:
                answer.set_result(start())
            except BaseException as error:  # noqa: BLE001 - it belongs to the one who asked
                answer.set_exception(error)


_spawner = _Spawner()
