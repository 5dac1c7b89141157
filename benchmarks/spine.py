"""
`make bench-spine`: a plan of 18 steps against the stand-in at full speed.

Prints the seconds from request to running, our own work for each step (the wall time of a claim,
its intents, its settle and the handing over to the broker, without the calls to the target), and
what goes over the wire to PostgreSQL for each step. Real PostgreSQL that forces to disk, and a real
broker; the engine runs in this process, one step after the other, so that nothing else is measured:
what Celery does around a task is left out. Ratios against a bare SELECT in the same run make runs
on different machines comparable.

Round trips are counted in rounds of their own, since to write them down takes time. A step without
one is an error of the counting: 1.
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
from typing import Any, NamedTuple
from uuid import uuid4

from celery import signature
from sqlalchemy import text

from benchmarks.wire import Seen, Wire
from tenantry.demo.postgres import Postgres
from tenantry.demo.valkey import Valkey
from tenantry.engine.dispatch import Chain, Dispatcher
from tenantry.engine.runner import Runner
from tenantry.tasks import RUN_STEP, sender
from tests.installation import PRODUCT, Installation
from tests.stage import ME, Stage

WARM, ROUNDS, COUNTED = 3, 30, 5
GOAL = 4  # round trips
# A transaction that must reach the disk.
ONE_MORE = "UPDATE target SET max_in_flight = max_in_flight"
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


class Row(NamedTuple):
    """One step: seconds of our own work, of these for Celery's message, and what went out."""

    took: float
    handing_over: float
    seen: Seen


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
    wire = Wire(base)
    postgres, valkey = Postgres(base), Valkey(base, durable=False)
    try:
        postgres.start()
        valkey.start()
        with Installation(
            base / "place", postgres.url(), valkey.url(), speed=0, divisor=15
        ) as place:
            place.product(PLAN)
            figures = measure(Line(place), wire)
            print(table(figures))
            print(json.dumps(figures))
            return 0 if figures["round trips least"] else 1
    finally:
        wire.close()
        valkey.remove()
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)


class Line:
    """A stage whose chains go to a real broker, which nobody reads, and are run here."""

    def __init__(self, place: Installation) -> None:
        self.place, self.shop = place, place.shop
        self.stage = Stage(self.shop.engine, self.shop.settings)
        self.stage.ports = self.shop.ports
        send = sender(self.shop.celery)

        def publish(chain: Chain) -> None:
            send(chain)
            self.stage.sent.append(chain)

        self.stage.dispatcher = Dispatcher(self.shop.engine, publish)

    def round(self, name: str, wire: Wire) -> list[Row]:
        """One deployment of a new tenant from its request on: its steps."""
        stage, rows = self.stage, []
        self.place.tenant(name)
        stage.desk.deploy(ME, name)
        with outside(stage) as spent:
            runner = stage.runner()
            while stage.sent:
                rows += self._run(runner, stage.sent.pop(0), spent, wire)
        return rows

    def _run(self, runner: Runner, chain: Chain, spent: list[float], wire: Wire) -> list[Row]:
        rows = []
        for number, link in enumerate(chain.links, start=1):
            follow = self._follow(chain, number)
            seen, before, began = wire.seen(), spent[0], time.perf_counter()
            goes_on = runner.run(chain.deployment_id, link.step_id, chain.epoch)
            ran = time.perf_counter()
            if goes_on and follow:
                # As Celery does when a task of a chain has ended well.
                signature(follow.pop(), app=self.shop.celery).apply_async(chain=follow)
            ended = time.perf_counter()
            now = zip(wire.seen(), seen, strict=True)
            sent = Seen(*(after - then for after, then in now))
            rows.append(Row(ended - began - (spent[0] - before), ended - ran, sent))
            if not goes_on:
                break
        return rows

    def _follow(self, chain: Chain, done: int) -> list[dict[str, Any]]:
        """The rest of a chain as it travels: the next one is the last."""
        rest = [
            self.shop.celery.signature(
                RUN_STEP,
                args=(chain.deployment_id, link.step_id, chain.epoch),
                immutable=True,
                options={"queue": link.queue, "task_id": str(uuid4())},
            )
            for link in chain.links[done:]
        ]
        return [dict(one) for one in reversed(rest)]


def measure(line: Line, wire: Wire) -> dict[str, Any]:
    """All figures of one run; the first rounds warm connections up and are left out."""
    for number in range(WARM):
        line.round(f"warm{number}", wire)
    own, over, whole, before = [], [], [], _bytes(line)
    for number in range(ROUNDS):
        began = time.perf_counter()
        rows = line.round(f"bench{number}", wire)
        whole.append(time.perf_counter() - began)
        own += [row.took for row in rows]
        over += [row.handing_over for row in rows]
    after = _bytes(line)
    bare, commit = _bare(line.stage, "SELECT 1"), _bare(line.stage, ONE_MORE)
    wire.listen()
    seen = [row.seen for n in range(COUNTED) for row in line.round(f"count{n}", wire)]
    own.sort()
    per_step = [(new - old) / len(own) for new, old in zip(after, before, strict=True)]
    return {
        "steps": len(own) // ROUNDS,
        "request to running s": round(statistics.median(whole), 3),
        "own ms median": round(statistics.median(own) * 1000, 2),
        "own ms p95": round(own[int(len(own) * 0.95)] * 1000, 2),
        "of it handing over ms": round(statistics.median(over) * 1000, 2),
        "statements median": statistics.median(one.statements for one in seen),
        "transactions median": statistics.median(one.transactions for one in seen),
        "transactions mean": round(statistics.mean(one.transactions for one in seen), 1),
        "round trips median": statistics.median(one.round_trips for one in seen),
        "round trips mean": round(statistics.mean(one.round_trips for one in seen), 1),
        "steps with 4 or fewer": f"{sum(n.round_trips <= GOAL for n in seen) / len(seen):.0%}",
        "round trips least": min(one.round_trips for one in seen),
        "round trips most": max(one.round_trips for one in seen),
        # With all that a deployment brings along: its request, its tenant, its mail.
        "WAL bytes/step": round(per_step[0]),
        "table bytes/step": round(per_step[1]),
        "bare select ms": round(bare * 1000, 3),
        "the same with a write ms": round(commit * 1000, 3),
        "own in bare selects": round(statistics.median(own) / bare, 1),
    }


def _bytes(line: Line) -> tuple[int, int]:
    """Written ahead so far, and in tables with their indexes."""
    with line.stage.engine.begin() as conn:
        row = conn.execute(
            text(
                "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn,"
                " (SELECT sum(pg_total_relation_size(oid)) FROM pg_class"
                " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace)"
            )
        ).one()
    return int(row[0]), int(row[1])


def _bare(stage: Stage, statement: str) -> float:
    samples = []
    for _ in range(200):
        began = time.perf_counter()
        with stage.engine.begin() as conn:
            conn.execute(text(statement))
        samples.append(time.perf_counter() - began)
    return statistics.median(samples)


def table(figures: dict[str, Any]) -> str:
    """Two columns."""
    return "\n".join(f"{name:28}{value}" for name, value in figures.items())


if __name__ == "__main__":
    sys.exit(main())
