"""
A worker that dies where it is told: the product's own worker, with a hook set from outside.

The hook looks in the broker for `crash:<step id>:<point>` and, if it stands there, takes it and
kills this very process with SIGKILL. Nothing in the product knows of it.
"""

import os
import signal
import sys
import threading
import time
from typing import Any

import redis

from tenantry import app
from tenantry.engine.runner import Runner

KEY = "crash:{step}:{point}"
_now = threading.local()


def arm(workshop: app.Workshop) -> None:
    """Sets the hook and remembers which step each thread is at."""
    client = redis.Redis.from_url(workshop.settings.redis_url)
    plain = Runner.run

    def run(self: Runner, deployment_id: int, step_id: int, epoch: int, **more: Any) -> bool:
        _now.step = step_id
        return plain(self, deployment_id, step_id, epoch, **more)

    def hook(point: str) -> None:
        if client.getdel(KEY.format(step=_now.step, point=point)):
            os.kill(os.getpid(), signal.SIGKILL)

    Runner.run = run  # type: ignore[method-assign]
    workshop.hook = hook


def work(queue: str, slots: str) -> None:
    """One worker, until it is killed or told to stop."""
    workshop = app.Workshop(os.environ)
    app.set_up_logging(workshop.settings)
    arm(workshop)
    argv = ["worker", "--pool=threads", "--concurrency", slots, "-Q", queue, "--loglevel=ERROR"]
    argv += ["--hostname", f"{queue}-{os.getpid()}@%h", "--without-gossip", "--without-mingle"]
    workshop.celery.worker_main(argv)


def main() -> None:
    """
    `python -m tests.crash.worker QUEUE SLOTS`: a worker, and another one whenever it was killed.

    This process only forks: everything is imported once, and a death costs no start of Python.
    """
    queue, slots = sys.argv[1:3]
    child = 0

    def stop(_signal: int, _frame: object) -> None:
        if child:
            os.kill(child, signal.SIGKILL)
        os._exit(0)

    for told in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
        signal.signal(told, stop)
    while True:
        child = os.fork()
        if child == 0:
            for told in (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT):
                signal.signal(told, signal.SIG_DFL)
            work(queue, slots)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            time.sleep(1)


if __name__ == "__main__":
    main()
