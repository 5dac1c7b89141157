"""What a process needs to run any number of seeds: a quiet log, virtual time, a database."""

import gc
import logging
import multiprocessing
import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from queue import Queue
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from tenantry.demo.postgres import Postgres
from tests.simulate.clockwork import Clock, installed
from tests.simulate.controls import CONTROLS
from tests.simulate.database import Store
from tests.simulate.run import Setting, Verdict, run
from tests.simulate.trials import Caught, try_out
from tests.simulate.world import home


@dataclass
class Bench:
    """A store and its clock."""

    store: Store
    clock: Clock


@contextmanager
def bench(url: str | None) -> Iterator[Bench]:
    """A quiet process under virtual time; without an address, on SQLite in memory."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    clock = Clock()
    with installed(clock, lambda _seconds: None):
        yield Bench(Store(clock, url, home), clock)


@contextmanager
def databases(on: str, number: int) -> Iterator[list[str | None]]:
    """So many empty databases, one for each process: of a PostgreSQL of their own, or in memory."""
    if on == "sqlite":
        yield [None] * number
        return
    with TemporaryDirectory() as folder:
        server = Postgres(Path(folder), durable=False)
        server.start()
        try:
            names = [f"simulate_{place}" for place in range(number)]
            for name in names:
                server.create_database(name)
            yield [server.url(name) for name in names]
        finally:
            server.remove()


_kept: list[Any] = []


def _begin(urls: "Queue[str | None]") -> None:
    # Kept open for the life of this process, which ends with its pool.
    context = bench(urls.get())
    _kept.extend((context, context.__enter__()))
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


@contextmanager
def crew(on: str, processes: int) -> Iterator[Any]:
    """A pool of processes with a bench each, for `one_seed` and `one_control`."""
    with ExitStack() as stack:
        urls = stack.enter_context(databases(on, processes))
        # Not a manager's: each process takes one before it does anything else.
        queue: Any = multiprocessing.SimpleQueue()
        for url in urls:
            queue.put(url)
        yield stack.enter_context(multiprocessing.Pool(processes, _begin, (queue,)))


def one_seed(seed: int, *, weather: Setting) -> Verdict:
    own: Bench = _kept[1]
    return run(own.store, own.clock, seed, setting=weather)


def one_control(number: int, base: int) -> Caught:
    own: Bench = _kept[1]
    return try_out(own.store, own.clock, CONTROLS[number], base)


def base_of_commit() -> int:
    """Other seeds with each commit, and the same for everybody who has it."""
    command = ["git", "rev-parse", "--short=6", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return int(done.stdout.strip()[:6], 16) if done.returncode == 0 else 0


def spent() -> str:
    """What the machine has given to this: seconds alone say nothing where others use it too."""
    times, cores = os.times(), os.cpu_count()
    cpu = times.user + times.system + times.children_user + times.children_system
    return f"{cpu:.0f} s of CPU, load {os.getloadavg()[2]:.1f} on {cores} cores"
