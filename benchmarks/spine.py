"""
`make bench-spine`: a plan of 18 steps against the stand-in at full speed.

Prints the seconds from request to running, our own work for each step (the wall time of a claim,
its intents and its settle, without the calls to the target) and the round trips for each step. Real
PostgreSQL; the engine runs in this process, one step after the other, so that nothing else is
measured. Ratios against a bare SELECT in the same run make runs on different machines comparable.
"""

import json
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import event, text

from tenantry.engine.dispatch import Chain
from tests.installation import PRODUCT, Installation, servers
from tests.stage import ME, Stage

ROUNDS = 30
# project, db × 2, application × 4 × 2, deploy + wait × 2, domain, DNS, health: 18 gating steps.
PLAN = PRODUCT | {
    "notify_emails": [],
    "secrets": [],
    "services": [
        {
            "name": "backend",
            "service_type": "backend",
            "repo_url": "https://github.com/acme/backend",
            "expose_domain": False,
        },
        {
            "name": "frontend",
            "service_type": "frontend",
            "order": 2,
            "repo_url": "https://github.com/acme/frontend",
        },
    ],
}


class Meter:
    """
    Counts statements, transactions and round trips, whoever sends them.

    At the driver's own cursors, since the hot path goes past SQLAlchemy. A transaction that
    SQLAlchemy opens costs two round trips more than its statements: BEGIN and COMMIT.
    """

    def __init__(self, engine: Any) -> None:
        self.statements = 0
        self.transactions = 0
        self.round_trips = 0
        event.listen(engine, "connect", self._connected)
        event.listen(engine, "commit", self._commit)
        engine.dispose()  # connections made before are not counted at

    def _connected(self, connection: Any, _record: Any) -> None:
        meter = self

        class Counting(psycopg.Cursor[Any]):
            def execute(self, *given: Any, **named: Any) -> Any:
                meter.statements += 1
                meter.round_trips += 1
                meter.transactions += self.connection.autocommit
                return super().execute(*given, **named)

        driver = getattr(connection, "driver_connection", connection)
        driver.cursor_factory = Counting

    def _commit(self, *_: Any) -> None:
        self.transactions += 1
        self.round_trips += 2


@contextmanager
def outside(stage: Stage) -> Iterator[list[float]]:
    """Seconds of every handler's own time beside its intents."""
    spent: list[float] = [0.0]
    plain = dict(stage.handlers)

    def timed(name: str) -> Any:
        def handler(ctx: Any) -> Any:
            began, inside = time.perf_counter(), 0.0
            intend = ctx.begin_change

            def begin_change(what: Any) -> None:
                nonlocal inside
                t = time.perf_counter()
                intend(what)
                inside += time.perf_counter() - t

            ctx.begin_change = begin_change
            try:
                return plain[name](ctx)
            finally:
                spent[0] += time.perf_counter() - began - inside

        return handler

    stage.handlers = {name: timed(name) for name in plain}
    yield spent
    stage.handlers = plain


def main() -> int:
    """Runs the rounds and prints one table, as text and as JSON."""
    base = Path(tempfile.mkdtemp(prefix="bench-"))
    postgres, valkey = servers(base)
    try:
        with Installation(
            base / "place", postgres.url(), valkey.url(), speed=0, divisor=15
        ) as place:
            shop = place.shop
            stage = Stage(shop.engine, shop.settings)
            stage.ports = shop.ports
            place.product(PLAN)
            figures = measure(stage, place)
            print(table(figures))
            print(json.dumps(figures))
            return 0
    finally:
        valkey.remove()
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)


def measure(stage: Stage, place: Installation) -> dict[str, Any]:
    """All figures of one run; the first rounds warm connections up and are left out."""
    meter = Meter(stage.engine)
    own, statements, transactions, trips, whole, steps = [], [], [], [], [], 0
    for number in range(ROUNDS + 3):
        place.tenant(f"bench{number}")
        began = time.perf_counter()
        stage.desk.deploy(ME, f"bench{number}")
        rows = []
        with outside(stage) as spent:
            runner = stage.runner()
            while stage.sent:
                rows += _run(runner, stage.sent.pop(0), spent, meter)
        if number < 3:
            continue
        whole.append(time.perf_counter() - began)
        own += [row[0] for row in rows]
        statements += [row[1] for row in rows]
        transactions += [row[2] for row in rows]
        trips += [row[3] for row in rows]
        steps = sum(1 for step in stage.steps() if step.gates) // (number + 1)
    bare = _bare(stage)
    own.sort()
    return {
        "steps": steps,
        "request to running s": round(statistics.median(whole), 3),
        "own ms median": round(statistics.median(own) * 1000, 2),
        "own ms p95": round(own[int(len(own) * 0.95)] * 1000, 2),
        "statements median": statistics.median(statements),
        "transactions median": statistics.median(transactions),
        "round trips median": statistics.median(trips),
        "bare select ms": round(bare * 1000, 3),
        "own in bare selects": round(statistics.median(own) / bare, 1),
    }


def _run(runner: Any, chain: Chain, spent: list[float], meter: Meter) -> list[Any]:
    rows = []
    for link in chain.links:
        before = (time.perf_counter(), spent[0])
        counted = (meter.statements, meter.transactions, meter.round_trips)
        goes_on = runner.run(chain.deployment_id, link.step_id, chain.epoch)
        took = time.perf_counter() - before[0] - (spent[0] - before[1])
        now = (meter.statements, meter.transactions, meter.round_trips)
        rows.append((took, *(b - a for a, b in zip(counted, now, strict=True))))
        if not goes_on:
            break
    return rows


def _bare(stage: Stage) -> float:
    samples = []
    for _ in range(200):
        began = time.perf_counter()
        with stage.engine.begin() as conn:
            conn.execute(text("SELECT 1"))
        samples.append(time.perf_counter() - began)
    return statistics.median(samples)


def table(figures: dict[str, Any]) -> str:
    """Two columns."""
    return "\n".join(f"{name:24}{value}" for name, value in figures.items())


if __name__ == "__main__":
    sys.exit(main())
