"""What PostgreSQL and Valkey have in common here: a program out of a wheel, and data."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from tenantry.demo import placement, processes
from tenantry.demo.logs import tail
from tenantry.demo.ports import free_port
from tenantry.demo.problems import DemoProblem
from tenantry.demo.spawning import Program, spawn
from tenantry.demo.state import FolderLock, KeptSecrets

STOPPED_WITHIN = 10.0
_ATTEMPTS = 3


class Server(ABC):
    """
    One server whose life and data belong to a state folder.

    `start()` brings it up from any state a crash can leave, as a child of this process that dies
    with it. `prepare()` and `program()` are the two halves for a supervisor that does the starting.
    `port=None` takes a free port. With `durable=False` nothing is forced to disk, so a crash of the
    machine (not of the server alone) may lose it.

    One object at a time may use a folder; the second one gets a DemoProblem that names the process.
    """

    name: ClassVar[str]  # of the part, its folder and its log
    called: ClassVar[str]  # to people
    program_name: ClassVar[str]  # to the system
    port_was_taken: ClassVar[str]  # what its log says then

    def __init__(self, state: Path, port: int | None = None, *, durable: bool = True) -> None:
        self.log = state / "logs" / f"{self.name}.log"
        self._home = state / self.name
        self._pointer = self._home / "data-folder"
        self._secrets = KeptSecrets(self._home / "secrets.json")
        self._lock = FolderLock(self._home / "lock")
        self._durable = durable
        self._bases = placement.LASTING_BASES if durable else placement.PASSING_BASES
        self._port_is_fixed = port is not None
        self._port = port
        self._account: placement.Account | None = None
        self._folder: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    # What differs

    @abstractmethod
    def _install(self, data: Path) -> None:
        """Make programs and data ready; the folder is there and ours."""

    @abstractmethod
    def program(self) -> Program:
        """Give the server as a program for a supervisor; `prepare()` comes first."""

    @abstractmethod
    def answers(self) -> bool:
        """Say whether the server does its work now."""

    @abstractmethod
    def _server_pid(self, data: Path) -> int | None:
        """Find the server itself among its processes."""

    # What others need to know

    @property
    def port(self) -> int:
        """The port it listens on: the one asked for, or one chosen the first time it is needed."""
        if self._port is None:
            self._port = free_port()
        return self._port

    @property
    def pid(self) -> int | None:
        """The process id of the running server, whoever started it; None when there is none."""
        return None if self._folder is None else self._server_pid(self._folder)

    # Life

    def prepare(self) -> None:
        """Do all that comes before the server runs: lock, programs, data, port."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock.take(f"The {self.called} of this state folder is in use by {{holder}}; stop it.")
        self._account = placement.unprivileged()
        self._folder = placement.private_folder(
            self._pointer,
            "data",
            account=self._account,
            bases=self._bases,
            may_be_lost=not self._durable,
        )
        self._install(self._folder)
        _ = self.port

    def start(self) -> None:
        """
        Bring the server up and return when it answers; nothing happens when it already runs.

        Raises a DemoProblem with the end of the server's log when it will not come up.
        """
        if self._lock.held and self.pid is not None:
            return
        for attempt in range(1, _ATTEMPTS + 1):
            self.prepare()
            program = self.program()
            self.clear_the_way()
            self._process = spawn(program, self.log)
            if self._came_up(self._process, program.ready_within):
                return
            self._process = None
            last_words = tail(self.log)
            # Between our choosing a free port and its listening there another program can take it.
            lost_the_port = not self._port_is_fixed and self.port_was_taken in last_words
            if attempt == _ATTEMPTS or not lost_the_port:
                self._lock.release()
                raise DemoProblem(f"{self.called} did not start. {self.log} ends:\n{last_words}")
            self._port = None

    def stop(self, *, fast: bool = True) -> None:
        """
        Shut down and return when it is gone; `fast=False` lets clients finish first (10 s at most).

        Works for a server that a supervisor runs as well, though that one will start it again.
        """
        if self._folder is not None:
            self._end(self._folder, self._stop_signals(fast=fast))
        self._reap()
        self._lock.release()

    def kill(self) -> None:
        """Kill the server with all its processes at once, as a crash would."""
        if self._folder is not None:
            self._kill(self._folder)
        self._reap()
        self._lock.release()

    def remove(self) -> None:
        """Stop the server and delete its data and secrets: the end of a test."""
        self.stop()
        placement.forget_folder(self._pointer, "data")
        shutil.rmtree(self._home, ignore_errors=True)
        self._folder = None

    def clear_the_way(self) -> None:
        """
        Make the data ready to be served again, whatever the last server left running.

        A server left over from a demo that was killed is shut down; processes that outlive their
        server are given a moment and are then ended too.
        """
        if self._folder is not None and self._processes(self._folder):
            if self._server_pid(self._folder) is None:
                self._empty_within(self._folder, 5.0)
            self._end(self._folder, self._stop_signals(fast=True))

    # Inside

    @property
    def _data(self) -> Path:
        if self._folder is None:
            raise RuntimeError("prepare() comes first")
        return self._folder

    def _stop_signals(self, *, fast: bool) -> list[tuple[signal.Signals, float]]:
        del fast
        return [(signal.SIGTERM, STOPPED_WITHIN)]

    @staticmethod
    def _mark(data: Path) -> str:
        """Name the data folder in few letters, for the titles of the processes that use it."""
        return f"tenantry-{hashlib.sha256(os.fsencode(data)).hexdigest()[:10]}"

    def _processes(self, data: Path) -> list[int]:
        return processes.titled(self.program_name, self._mark(data))

    def _end(self, data: Path, signals: list[tuple[signal.Signals, float]]) -> None:
        for number, seconds in signals:
            server = self._server_pid(data)
            if server is not None:
                processes.send(server, number)
            if self._empty_within(data, seconds):
                return
        self._kill(data)

    def _kill(self, data: Path) -> None:
        server = self._server_pid(data)
        if server is not None:  # first, or it would see its children die and tidy up
            processes.send(server, signal.SIGKILL)
        for pid in self._processes(data):
            processes.send(pid, signal.SIGKILL)
        self._empty_within(data, 5.0)

    def _empty_within(self, data: Path, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._processes(data):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def _came_up(self, process: "subprocess.Popen[bytes]", within: float) -> bool:
        deadline = time.monotonic() + within
        while process.poll() is None and time.monotonic() < deadline:
            if self.answers():
                return True
            time.sleep(0.02)
        process.kill()
        process.wait()
        return False

    def _reap(self) -> None:
        if self._process is not None:
            self._process.wait()
            self._process = None
