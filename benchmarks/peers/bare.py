"""
A bare Celery chain: no database, nothing stored, nothing survives.

`bare` calls the API in each step; `noop` in the first and the last one only, to show when they
came. Both take the settings of a new Celery application; pools are `prefork`, `threads` as ours, or
`ours`: that pool with our settings of Celery and our transport too, task events included.
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


def like_ours() -> None:
    """Our settings of Celery, without what is to be done at a time."""
    from tenantry.tasks import settings_of  # noqa: PLC0415 — the plain way needs nothing of ours

    app.conf.update({k: v for k, v in settings_of(broker()).items() if k != "beat_schedule"})
    app.steps["consumer"].add("tenantry.broker:FlushEvents")


def main() -> None:
    """`bare.py client|worker bare|noop prefork|threads|ours [NAME]`."""
    role, kind, pool = sys.argv[1:4]
    if pool == "ours":
        like_ours()
    if role == "client":
        task: Any = {"bare": step, "noop": noop}[kind]
        serve(go=lambda t: chain(task.si(t, n) for n in range(STEPS)).apply_async())
        return
    argv = ["worker", "--loglevel", "ERROR", "--hostname", f"{sys.argv[4]}@%h"]
    if pool == "prefork":
        argv += ["--pool", "prefork", "--concurrency", "2"]
    else:
        argv += ["--pool", "threads", "--concurrency", "40", "--without-gossip", "--without-mingle"]
    if pool == "ours":
        argv += ["-Q", "steps", "--events"]
    app.worker_main(argv)


if __name__ == "__main__":
    main()
