"""
A bare Celery chain: no database, nothing stored, nothing survives.

`bare` calls the API in each step. `noop` calls it in the first and the last one only, to show when
they came. Both take the settings of a new Celery application; with `threads` they take our pool
and our Celery settings instead, task events included.
"""

import sys
from typing import Any

from celery import Celery, chain

from benchmarks.peers.call import STEPS, broker, call, serve

app = Celery("bare", broker=broker())
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)


@app.task(name="bare.step")  # type: ignore[untyped-decorator]
def step(token: str, number: int) -> None:
    """Calls, and that is all."""
    call(token, number)


@app.task(name="bare.noop")  # type: ignore[untyped-decorator]
def noop(token: str, number: int) -> None:
    """Does nothing between the first and the last."""
    if number in {0, STEPS - 1}:
        call(token, number)


def like_ours(queue: str = "steps") -> None:
    """Our settings of Celery, its queues apart."""
    from tenantry.tasks import settings_of  # noqa: PLC0415 — the plain way needs nothing of ours

    app.conf.update({k: v for k, v in settings_of(broker()).items() if k != "beat_schedule"})
    app.conf.task_default_queue = queue


def main() -> None:
    """`bare.py ROLE bare|noop prefork|threads`."""
    role, kind, pool = sys.argv[1:4]
    if pool == "threads":
        like_ours()
    if role == "client":
        task: Any = {"bare": step, "noop": noop}[kind]
        serve(go=lambda t: chain(task.si(t, n) for n in range(STEPS)).apply_async())
        return
    argv = ["worker", "--pool", pool, "--loglevel", "ERROR"]
    if pool == "threads":
        argv += ["--concurrency", "40", "-Q", "steps", "--events"]
        argv += ["--hostname", f"{sys.argv[4]}@%h", "--without-gossip", "--without-mingle"]
    else:
        argv += ["--concurrency", sys.argv[4]]
    app.worker_main(argv)


if __name__ == "__main__":
    main()
