"""
Our engine as shipped: its workers, its watchdog, its chains and rows.

Only the handlers are others: each begins a change, calls the API with a kept client and is done.
In bulk, deployments are copies of one that the public operations have planned, pending behind a
target that lets nothing in; `go` opens the target and admits them, so that what a request costs
(its checks, its plan, its rows) is outside the clock. One alone is asked for by the public
operation, all of it inside the clock, since the peers write down inside it what they were asked.
"""

import os
import sys
import time
from collections.abc import Sequence
from uuid import uuid4

from sqlalchemy import func, select

from benchmarks.peers.call import call, serve
from benchmarks.rows import ME, Pattern, add_tenant, drain, set_up
from tenantry import app
from tenantry.app import Workshop
from tenantry.models import LogEntry
from tenantry.steps import HANDLERS
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done, Outcome, Wait


def look(ctx: StepContext) -> Outcome:
    """One call, and a long wait: what a step does whose target is not there yet."""
    call(ctx.deployment.public_id, ctx.key)
    return Wait(3600, "not yet")


def step(ctx: StepContext) -> Outcome:
    """One intent, one call."""
    ctx.intend("call")
    call(ctx.deployment.public_id, f"{ctx.key}.{ctx.service.name if ctx.service else ''}")
    return Done("done")


def workshop() -> Workshop:
    """The product's parts with these handlers; mail is the product's own."""
    handler = look if os.environ.get("BENCH_WAITS") else step
    handlers = {name: handler for name in HANDLERS if not name.startswith("email.")}
    vars(app)["HANDLERS"] = {**HANDLERS, **handlers}
    shop = Workshop(os.environ)
    app.set_up_logging(shop.settings, stream=sys.stderr)
    return shop


def work(*argv: str) -> None:
    """`tenantry run …`."""
    from tenantry.cli import commands  # noqa: PLC0415 — the client needs no commands

    commands(["run", *argv], obj=workshop())


def prefork(slots: str) -> None:
    """The same worker in the other pool, to see what the pool decides."""
    argv = ["worker", "--pool", "prefork", "--concurrency", slots, "-Q", "steps", "--events"]
    workshop().celery.worker_main([*argv, "--loglevel", "ERROR", "--without-gossip"])


def client() -> None:
    """Makes deployments and lets them in."""
    shop = Workshop(os.environ)
    set_up(shop)
    pattern = Pattern(shop)

    def prepare(number: int) -> list[str]:
        drain(shop.engine, draining=True)
        return pattern.copies(number)

    def go(_tokens: Sequence[str]) -> float:
        drain(shop.engine, draining=False)
        began = time.monotonic()
        while shop.dispatcher.admit(pattern.target):
            pass
        return began

    def alone() -> dict[str, float]:
        drain(shop.engine, draining=False)
        name = f"alone-{uuid4().hex[:10]}"
        add_tenant(shop, name)
        began = time.monotonic()
        return {shop.desk.deploy(ME, name): began}

    def lines() -> int:
        with shop.engine.begin() as conn:
            return conn.execute(select(func.count()).select_from(LogEntry)).scalar_one()

    serve(go_all=go, prepare=prepare, lines=lines, alone=alone)


if __name__ == "__main__":
    if sys.argv[1] == "client":
        client()
    else:
        role = prefork if sys.argv[1] == "prefork" else work
        role(*sys.argv[2:])
