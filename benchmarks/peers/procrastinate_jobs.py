"""
Procrastinate: one job for each step, which stores its log line and defers the next.

Its workers are asynchronous and listen for new jobs. A worker that is killed leaves its jobs
`doing` until something outside finds them.
"""

import asyncio
import sys

import httpx
import psycopg
from procrastinate import App, PsycopgConnector
from psycopg_pool import AsyncConnectionPool

from benchmarks.peers import lines
from benchmarks.peers.call import LIMITS, STEPS, api, database, serve

AT_ONCE = 40
app = App(connector=PsycopgConnector(conninfo=database(), min_size=2, max_size=20))
_kept: dict[str, httpx.AsyncClient] = {}
_pool = AsyncConnectionPool(
    database(), min_size=2, max_size=20, open=False, kwargs={"autocommit": True}
)


@app.task(name="step")
async def step(token: str, number: int) -> None:
    """The call, its line, and the next one."""
    if "client" not in _kept:
        _kept["client"] = httpx.AsyncClient(base_url=api(), limits=LIMITS, timeout=20)
    (await _kept["client"].get(f"/{token}/{number}")).raise_for_status()
    async with _pool.connection() as conn:
        await conn.execute(lines.INSERT, (token, number, f"step {number}: done"))
    if number < STEPS - 1:
        await step.defer_async(token=token, number=number + 1)


async def work() -> None:
    """One worker process."""
    await _pool.open()
    async with app.open_async():
        await app.run_worker_async(concurrency=AT_ONCE)


def prepare() -> None:
    """Its tables, once."""
    with psycopg.connect(database()) as conn:
        row = conn.execute("SELECT to_regclass('procrastinate_jobs')").fetchone()
    if row and row[0] is None:
        with app.open():
            app.schema_manager.apply_schema()
    lines.make_table()


def main() -> None:
    """`procrastinate_jobs.py ROLE`."""
    if sys.argv[1] != "client":
        asyncio.run(work())
        return
    prepare()
    with app.open():
        serve(go=lambda token: step.defer(token=token, number=0), lines=lines.count)


if __name__ == "__main__":
    main()
