"""
`make bench-pages`: every page of the panel over a large fleet: server time, queries, bytes.

1,000 tenants, 5,000 services, 20,000 deployments, over 400,000 steps and 4 million log lines in
PostgreSQL; `--small` takes a fiftieth. Pages are asked in turn, so that whatever else the machine
does falls on all of them. Server time is that of the whole request in this process, packed as a
browser takes it. Bytes are what goes over the wire: the page itself, and on a first visit every
file of ours that it names.
"""

import argparse
import gzip
import json
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import event, text

from benchmarks import fleet
from tenantry.config import load
from tenantry.demo.postgres import Postgres
from tenantry.engine.store import open_engine
from tenantry.memory import keep_for_good
from tenantry.web.panel import VIEWS
from tenantry.web.staff import add_staff
from tests.conftest import environment, migrate
from tests.web.conftest import PASSWORD, World

GZIP = {"Accept-Encoding": "gzip"}
SLOWEST_MS, MOST_QUERIES, FIRST_BYTES, LATER_BYTES = 100.0, 12, 250_000, 30_000
SMALL = fleet.Size(tenants=20, deployments=20)
ONE = {
    "tenant": "SELECT public_id FROM tenant ORDER BY id DESC LIMIT 1 OFFSET 7",
    "deployment": "SELECT public_id FROM deployment ORDER BY id DESC LIMIT 1 OFFSET 7",
    "failed": "SELECT public_id FROM deployment WHERE status = 'failed' ORDER BY id DESC LIMIT 1",
    "cause": "SELECT max(cause) FROM deployment WHERE cause <> ''",
    "step": "SELECT d.public_id || '/steps/' || s.public_id FROM deployment d"
    " JOIN deployment_step s ON s.deployment_id = d.id ORDER BY d.id DESC, s.id LIMIT 1 OFFSET 90",
    "product": "SELECT public_id FROM project_template ORDER BY id LIMIT 1",
}


class Counter:
    """Statements since it was last asked."""

    def __init__(self, engine: Any) -> None:
        self.number = 0
        event.listen(engine, "before_cursor_execute", self._note)

    def _note(self, *_: Any) -> None:
        self.number += 1

    def taken(self) -> int:
        """How many; counts from nothing again."""
        number, self.number = self.number, 0
        return number


def main(argv: list[str]) -> int:
    """Prints the table; 1 where a page misses a goal."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true", help="a fiftieth of everything")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--json", type=Path, help="also writes all figures there")
    asked = parser.parse_args(argv)
    base = Path(tempfile.mkdtemp(prefix="pages-"))
    # Pages only read: what is filled need not survive the machine.
    postgres = Postgres(base, durable=False)
    postgres.start()
    try:
        postgres.create_database("fleet")
        engine = open_engine(postgres.url("fleet"))
        migrate(engine)
        began = time.monotonic()
        rows = fleet.fill(engine, load(environment(postgres.url("fleet"))), _size(asked))
        print(f"filled in {time.monotonic() - began:.0f} s: {_listed(rows)}", flush=True)
        figures = measure(engine, asked.rounds)
        engine.dispose()
    finally:
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)
    print(table(figures))
    if asked.json:
        asked.json.write_text(json.dumps({"rows": rows, "pages": figures}, indent=1) + "\n")
    return 1 if any(one["misses"] for one in figures) else 0


def _size(asked: argparse.Namespace) -> fleet.Size:
    return SMALL if asked.small else fleet.Size()


def _listed(rows: dict[str, int]) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in rows.items())


def pages(engine: Any) -> dict[str, str]:
    """Name and address of every page: all lists, and one of each thing."""
    with engine.connect() as conn:
        one = {name: conn.execute(text(query)).scalar_one() for name, query in ONE.items()}
    found = {"overview": "/"}
    for entries in VIEWS.values():
        found |= {endpoint: f"/{endpoint}/" for _, _, _, endpoint in entries}
    tenant, deployment = f"/tenants/{one['tenant']}", f"/deployments/{one['deployment']}"
    return found | {
        "tenants, searched": "/tenants/?search=clinic",
        "tenants, filtered": "/tenants/?flt0_status_equals=running&sort=name",
        "deployments, page 100": "/deployments/?page=100",
        "deployments, failed": "/deployments/?flt0_status_equals=failed",
        "one tenant": tenant,
        "its environment": f"{tenant}/environment",
        "its backups": f"{tenant}/backups",
        "its audit": f"{tenant}/audit",
        "its health": f"{tenant}/health",
        "its log, searched": f"{tenant}/log?q=warning",
        "one deployment": deployment,
        "a deployment's log": f"{deployment}/log",
        "that log, searched": f"{deployment}/log?q=warning",
        "compared": f"{deployment}/compare",
        "its live part": f"{deployment}/live",
        "a failed one": f"/deployments/{one['failed']}",
        "a cause": f"/failures/cause?cause={quote(one['cause'])}",
        "found": "/find?q=clinic",
        "one step": f"/deployments/{one['step']}",
        "one product": f"/products/details/?id={one['product']}",
        "new tenant": "/tenants/new",
    }


def measure(engine: Any, rounds: int) -> list[dict[str, Any]]:
    """Each page as an admin sees it, in turn; the first two rounds only warm up."""
    world = World(engine)
    # As the server does when it has loaded the panel.
    keep_for_good()
    add_staff(world.app, "admin@example.com", "admin", PASSWORD)
    client = world.client("admin")
    counter = Counter(world.engine)
    took: defaultdict[str, list[float]] = defaultdict(list)
    queries: defaultdict[str, int] = defaultdict(int)
    weight: dict[str, tuple[int, int]] = {}
    addresses = pages(engine)
    for number in range(rounds + 2):
        for name, url in addresses.items():
            counter.taken()
            start = time.perf_counter()
            answer = client.get(url, headers=GZIP)
            seconds = time.perf_counter() - start
            if answer.status_code != 200:
                raise SystemExit(f"{name}: {url} answers {answer.status_code}")
            if number < 2:
                weight[name] = weighed(client, answer)
                continue
            took[name].append(seconds * 1000)
            queries[name] = max(queries[name], counter.taken())
    return [_line(name, took[name], queries[name], *weight[name]) for name in addresses]


def _line(name: str, took: list[float], queries: int, first: int, later: int) -> dict[str, Any]:
    p95 = statistics.quantiles(took, n=20)[-1]
    found: dict[str, Any] = {
        "page": name,
        "p50 ms": round(statistics.median(took), 1),
        "p95 ms": round(p95, 1),
        "queries": queries,
        "first visit KB": round(first / 1000, 1),
        "later KB": round(later / 1000, 1),
    }
    goals = {
        "time": p95 <= SLOWEST_MS,
        "queries": queries <= MOST_QUERIES,
        "first": first <= FIRST_BYTES,
        "later": later <= LATER_BYTES,
    }
    return found | {"misses": ", ".join(goal for goal, met in goals.items() if not met)}


def weighed(client: Any, answer: Any) -> tuple[int, int]:
    """Bytes of the page with all of our files that it names, and of the page alone."""
    packed = answer.headers.get("Content-Encoding") == "gzip"
    page = (gzip.decompress(answer.data) if packed else answer.data).decode()
    files = set(re.findall(r"/static/[^\"'#)\s]+", page))
    bodies = [client.get(name, headers=GZIP).data for name in files]
    return len(answer.data) + sum(map(len, bodies)), len(answer.data)


def table(figures: list[dict[str, Any]]) -> str:
    """One line for each page, the slowest last."""
    lines = sorted(figures, key=lambda one: one["p95 ms"])
    names = list(lines[0])
    rows = [names, *([str(line[name]) for name in names] for line in lines)]
    wide = [max(len(row[n]) for row in rows) for n in range(len(names))]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(r, wide, strict=True)) for r in rows
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
