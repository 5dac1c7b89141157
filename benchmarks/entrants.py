"""Who takes part: how each engine's workers and its client are started."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ground import Ground
from benchmarks.meter import family
from tenantry.demo.logs import tail

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Entrant:
    """
    One engine. `workers` are argument lists of its worker processes, `beside` of what else runs.

    `share` scales the number of deployments down for what is much slower; `foreign` ones run in
    the peers' own virtual environment.
    """

    name: str
    module: str
    workers: tuple[tuple[str, ...], ...]
    client: tuple[str, ...] = ()
    beside: tuple[tuple[str, ...], ...] = ()
    calls: int = 20
    share: float = 1.0
    foreign: bool = False


PROCESSES = 2


def _bare(name: str, kind: str, pool: str, processes: int = PROCESSES) -> Entrant:
    workers = tuple(("worker", kind, pool, str(n)) for n in range(processes))
    calls = 2 if kind == "noop" else 20
    return Entrant(name, "bare", workers, (kind, pool), calls=calls)


WATCHDOG = ("work", "watchdog")


def ours(name: str = "ours", processes: int = PROCESSES, *, prefork: bool = False) -> Entrant:
    """Ours with so many worker processes; `prefork` has one with two children instead."""
    argv = ("prefork", "2") if prefork else ("work", "worker", "--queue", "steps")
    return Entrant(name, "ours", (argv,) * processes, beside=(WATCHDOG,))


ENTRANTS = {
    one.name: one
    for one in (
        ours(),
        _bare("bare-noop", "noop", "threads"),
        _bare("bare-threads", "bare", "threads"),
        _bare("bare-as-ours", "bare", "ours"),
        # One process with two children.
        _bare("bare-prefork", "bare", "prefork", processes=1),
        Entrant("usual", "usual", (("worker", str(PROCESSES)),)),
        Entrant("dbos", "dbos_workflow", (("worker",),) * PROCESSES, foreign=True),
        Entrant(
            "procrastinate",
            "procrastinate_jobs",
            (("worker",),) * PROCESSES,
            foreign=True,
        ),
        Entrant(
            "prefect",
            "prefect_flow",
            (("worker",),) * PROCESSES,
            beside=(("server",),),
            share=0.05,
            foreign=True,
        ),
    )
}


class Running:
    """One engine's processes, while they run; use `stop` in every case."""

    def __init__(
        self, entrant: Entrant, ground: Ground, log: Path, more: Mapping[str, str] | None = None
    ) -> None:
        self.entrant = entrant
        self._log = log.open("ab")
        python = ground.peers_python if entrant.foreign else sys.executable
        self._argv = [python, "-m", f"benchmarks.peers.{entrant.module}"]
        self._env = ground.environ(entrant.name) | dict(more or {})
        self.beside: list[subprocess.Popen[Any]] = []
        self.workers: list[subprocess.Popen[Any]] = []
        self.client: subprocess.Popen[Any] | None = None
        try:
            self._start_all()
        except BaseException:
            self.stop()
            raise

    def _start_all(self) -> None:
        servers = [argv for argv in self.entrant.beside if argv == ("server",)]
        for argv in servers:
            self.beside.append(self._start(argv))
        self.client = self._start(("client", *self.entrant.client), pipes=True)
        self.ask("lines")  # answers when its tables are there
        self.workers = [self._start(argv) for argv in self.entrant.workers]
        others = [argv for argv in self.entrant.beside if argv not in servers]
        self.beside += [self._start(argv) for argv in others]

    def _start(self, argv: Sequence[str], *, pipes: bool = False) -> "subprocess.Popen[Any]":
        pipe = subprocess.PIPE if pipes else None
        return subprocess.Popen(
            [*self._argv, *argv],
            env=self._env,
            cwd=ROOT,
            stdin=pipe or subprocess.DEVNULL,
            stdout=pipe or self._log,
            stderr=self._log,
        )

    def ask(self, do: str, **more: Any) -> Any:
        """The client's answer."""
        assert self.client is not None
        assert self.client.stdin is not None
        assert self.client.stdout is not None
        self.client.stdin.write(json.dumps({"do": do, **more}).encode() + b"\n")
        self.client.stdin.flush()
        for line in self.client.stdout:
            if line.startswith(b'{"answer"'):
                return json.loads(line)["answer"]
        raise RuntimeError(f"its client ended: {tail(Path(self._log.name), 3)}")

    @property
    def worker_pids(self) -> list[int]:
        """Roots of the worker processes."""
        return [one.pid for one in self.workers]

    @property
    def pids(self) -> list[int]:
        """The same with what runs beside them."""
        return self.worker_pids + [one.pid for one in self.beside]

    def stop(self) -> None:
        """All of it is gone afterwards."""
        every = [*self.workers, *self.beside[::-1], *filter(None, [self.client])]
        for one in every:
            one.send_signal(signal.SIGTERM)
        for one in every:
            try:
                one.wait(8)
            except subprocess.TimeoutExpired:
                _kill(one)
        self._log.close()


def _kill(process: "subprocess.Popen[Any]") -> None:
    for pid in family([process.pid]):
        os.kill(pid, signal.SIGKILL)
    process.wait()
