"""
A worker that dies where it is told: the product's own worker, with a hook set from outside.

The hook looks in the broker for `crash:<step id>:<point>` and, if it stands there, takes it and
kills this very process with SIGKILL. Nothing in the product knows of it.
"""

import os
import signal
import sys
import threading
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


def main() -> None:
    """`python -m tests.crash.worker QUEUE SLOTS`."""
    queue, slots = sys.argv[1:3]
    workshop = app.Workshop(os.environ)
    app.set_up_logging(workshop.settings)
    arm(workshop)
    argv = ["worker", "--pool=threads", "--concurrency", slots, "-Q", queue, "--loglevel=ERROR"]
    argv += ["--hostname", f"{queue}-{os.getpid()}@%h", "--without-gossip", "--without-mingle"]
    workshop.celery.worker_main(argv)


if __name__ == "__main__":
    main()
