"""
Workers that die where they are told: the product's own `run worker`, with a trap set from outside.

`python -m tests.crash.worker POOL QUEUE:SLOTS:COUNT …` keeps so many of each alive. It only forks:
everything is imported once, and a death costs no start of Python.
"""

import ctypes
import gc
import importlib
import os
import signal
import sys
import time

from tenantry import app
from tenantry.cli import commands, processes
from tenantry.planning.catalogue import SUSPECT_QUEUE
from tests.crash.trap import Trap

TOLD = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
PR_SET_PDEATHSIG = 1
# What a worker imports on its way up.
LATER = """
celery.bin.celery celery.apps.worker celery.worker.components celery.worker.worker
celery.worker.consumer celery.worker.strategy celery.worker.autoscale celery.concurrency.thread
celery.concurrency.prefork celery.concurrency.asynpool celery.app.events celery.app.amqp
celery.app.control celery.app.log celery.events.state billiard.pool billiard.heap
billiard.popen_fork billiard.sharedctypes billiard.synchronize kombu.transport.redis
kombu.asynchronous.hub psycopg
""".split()


def work(pool: str, queue: str, slots: str) -> None:
    """One worker, until it is killed or told to stop."""
    workshop = app.Workshop(os.environ)
    app.set_up_logging(workshop.settings)
    Trap(workshop).set()
    if pool == "prefork" and queue != SUSPECT_QUEUE:
        _, plenty, more = processes.POOLS[queue]
        processes.POOLS[queue] = ("prefork", plenty, more)
    commands(["run", "worker", "--queue", queue, "--concurrency", slots], obj=workshop)


class Keeper:
    """Keeps workers alive, each in a process group of its own."""

    def __init__(self, pool: str, wanted: list[tuple[str, str]]) -> None:
        self._pool = pool
        self._wanted = wanted
        self._born: dict[int, tuple[str, str]] = {}

    def run(self) -> None:
        """For ever."""
        for name in LATER:
            importlib.import_module(name)
        gc.freeze()
        for told in TOLD:
            signal.signal(told, self._stop)
        for queue, slots in self._wanted:
            self._fork(queue, slots)
        while True:
            pid, status = os.wait()
            queue, slots = self._born.pop(pid)
            # Those of its processes that outlived it have nobody left to work for.
            _kill(pid)
            if not os.WIFSIGNALED(status):
                time.sleep(0.5)
            self._fork(queue, slots)

    def _fork(self, queue: str, slots: str) -> None:
        pid = os.fork()
        if pid:
            self._born[pid] = queue, slots
            return
        os.setpgid(0, 0)
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        for told in TOLD:
            signal.signal(told, signal.SIG_DFL)
        try:
            work(self._pool, queue, slots)
        finally:
            os._exit(1)

    def _stop(self, _signal: int, _frame: object) -> None:
        for pid in self._born:
            _kill(pid)
        os._exit(0)


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> None:
    """Reads the arguments."""
    pool, *crews = sys.argv[1:]
    wanted = []
    for crew in crews:
        queue, slots, count = crew.split(":")
        wanted += [(queue, slots)] * int(count)
    Keeper(pool, wanted).run()


if __name__ == "__main__":
    main()
