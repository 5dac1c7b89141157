"""
`python -m benchmarks.streams`: what open timelines cost, and how soon a change is seen.

The real `tenantry run web` at its defaults over PostgreSQL, in processes of its own. Plain requests
are timed in turns with and without 200 open streams, each of another deployment, so that whatever
else the machine does falls on both; lines are written all the while. Then the time from a commit to
the event at the client, and to the painted page of a real browser.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Engine, select, update

from benchmarks import fleet
from benchmarks.watchers import Watchers
from tenantry.config import load
from tenantry.demo.ports import free_port
from tenantry.demo.postgres import Postgres
from tenantry.engine.store import open_engine
from tenantry.journal import Redactor, logged
from tenantry.models import Deployment
from tenantry.models.dbtime import db_now
from tenantry.steps.outcomes import LogText
from tenantry.web.events.stream import HEARTBEAT
from tenantry.web.staff import add_staff
from tests.conftest import environment, migrate
from tests.web.conftest import PASSWORD, World

PLAIN = "/tenants/"
SLOWER, PIXEL_MS = 1.25, 300.0
TOKEN = re.compile(r'name="csrf_token"[^>]* value="([^"]+)"')
SIZE = fleet.Size(tenants=40, deployments=10)


def main(argv: list[str]) -> int:
    """Prints the figures; 1 where a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--requests", type=int, default=60, help="plain ones in each turn")
    parser.add_argument("--changes", type=int, default=30, help="timed from commit to pixel")
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args(argv)
    base = Path(tempfile.mkdtemp(prefix="streams-"))
    postgres = Postgres(base, durable=False)
    postgres.start()
    try:
        postgres.create_database("streams")
        found = run(postgres.url("streams"), asked)
    finally:
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)
    for name, value in found.items():
        print(f"{name:34} {value}")
    if asked.json:
        asked.json.write_text(json.dumps(found, indent=1) + "\n")
    met = found["slower by"] <= SLOWER and found["commit to pixel p95 ms"] <= PIXEL_MS
    return 0 if met else 1


def run(url: str, asked: argparse.Namespace) -> dict[str, Any]:
    """All figures."""
    engine = open_engine(url)
    migrate(engine)
    fleet.fill(engine, load(environment(url)), SIZE)
    add_staff(World(engine).app, "admin@example.com", "admin", PASSWORD)
    with engine.connect() as conn:
        rows = conn.execute(
            select(Deployment.id, Deployment.public_id)
            .order_by(Deployment.id.desc())
            .limit(asked.streams)
        ).all()
    with served(url) as base, httpx.Client(base_url=base) as client:
        cookie = log_in(client)
        watchers = Watchers(base, cookie, [str(row.public_id) for row in rows])
        with writing(engine, [row.id for row in rows]):
            found = compared(client, watchers, asked)
        found |= arriving(engine, watchers, rows[0].id)
        found |= painting(engine, base, cookie, rows[0], asked.changes)
    engine.dispose()
    return found


@contextmanager
def served(url: str) -> Iterator[str]:
    """`tenantry run web` as it ships."""
    port = free_port()
    env = {**os.environ, **environment(url, PUBLIC_URL=f"http://127.0.0.1:{port}")}
    env["PYTHONPATH"] = "platform"
    command = [sys.executable, "-m", "tenantry", "run", "web", "--bind", f"127.0.0.1:{port}"]
    with subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL) as process:
        try:
            base = f"http://127.0.0.1:{port}"
            _until(lambda: httpx.get(f"{base}/livez").status_code == 200)
            yield base
        finally:
            process.terminate()


def _until(true: Callable[[], bool]) -> None:
    for _ in range(300):
        try:
            if true():
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.1)
    raise SystemExit("the panel does not answer")


def log_in(client: httpx.Client) -> str:
    """The session's cookie."""
    token = TOKEN.search(client.get("/login").text)
    assert token, "no form to log in by"
    form = {"csrf_token": token[1], "email": "admin@example.com", "password": PASSWORD}
    client.post("/login", data=form)
    assert client.get(PLAIN).status_code == 200
    return f"tenantry={client.cookies['tenantry']}"


@contextmanager
def writing(engine: Engine, ids: list[int], each: float = 0.1) -> Iterator[None]:
    """One line each tenth of a second, to the deployments in turn."""
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.wait(each):
            line(engine, ids[number % len(ids)], f"line {number}")
            number += 1

    thread = threading.Thread(target=write)
    thread.start()
    yield
    stop.set()
    thread.join()


def line(engine: Engine, deployment_id: int, words: str) -> float:
    """Writes one line; the moment when it was committed."""
    with engine.begin() as conn:
        logged(conn, Redactor(), deployment_id, None, 1, [LogText([words])])
    return time.time()


def compared(client: httpx.Client, watchers: Watchers, asked: argparse.Namespace) -> dict[str, Any]:
    """Plain requests with and without streams, in turns; each first turn only warms up."""
    took: dict[bool, list[float]] = {False: [], True: []}
    most = 0
    for number in range(asked.rounds + 1):
        for open_ in (False, True):
            if open_:
                watchers.open()
                most = watchers.wait_for_all()
            times = [_timed(client) for _ in range(asked.requests)]
            watchers.close()
            if open_:
                # The panel notices who has gone by what it cannot send them.
                time.sleep(2 * HEARTBEAT + 1)
            if number:
                took[open_] += times
    alone, beside = (statistics.median(took[key]) for key in (False, True))
    return {
        "streams open": most,
        "streams refused": watchers.refused,
        "plain request p50 ms": round(alone, 1),
        "beside streams p50 ms": round(beside, 1),
        "plain request p95 ms": round(_p95(took[False]), 1),
        "beside streams p95 ms": round(_p95(took[True]), 1),
        "slower by": round(beside / alone, 3),
    }


def _timed(client: httpx.Client) -> float:
    start = time.perf_counter()
    assert client.get(PLAIN).status_code == 200
    return (time.perf_counter() - start) * 1000


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def arriving(engine: Engine, watchers: Watchers, deployment_id: int) -> dict[str, Any]:
    """From a commit to the event at a client, beside all the other streams."""
    watchers.open()
    watchers.wait_for_all()
    took = []
    for number in range(40):
        words = f"timed {number}"
        committed = line(engine, deployment_id, words)
        seen = watchers.seen(words, 5.0)
        took.append((seen - committed) * 1000)
        time.sleep(0.11)
    watchers.close()
    return {
        "commit to event p50 ms": round(statistics.median(took)),
        "commit to event p95 ms": round(_p95(took)),
    }


def painting(engine: Engine, base: str, cookie: str, row: Any, changes: int) -> dict[str, Any]:
    """From a commit to the frame in which a browser has painted it."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    from tests.web.test_browser import CHROMIUM, FLAGS  # noqa: PLC0415

    with engine.begin() as conn:
        conn.execute(update(Deployment).where(Deployment.id == row.id).values(status="running"))
    name, _, value = cookie.partition("=")
    took = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        context = browser.new_context()
        context.add_cookies([{"name": name, "value": value, "url": base}])
        page = context.new_page()
        page.goto(f"{base}/deployments/{row.public_id}")
        page.wait_for_selector(".how.is-live")
        for number in range(changes):
            page.evaluate(WATCH)
            with engine.begin() as conn:
                conn.execute(
                    update(Deployment)
                    .where(Deployment.id == row.id)
                    .values(actor=f"change {number}", updated_at=db_now())
                )
            committed = time.time()
            took.append(page.evaluate("window.painted") - committed * 1000)
            time.sleep(0.13)
        browser.close()
    return {
        "commit to pixel p50 ms": round(statistics.median(took)),
        "commit to pixel p95 ms": round(_p95(took)),
    }


# The head of the page names who asked; two frames later the change is on the screen.
WATCH = """() => {
  window.painted = new Promise((done) => {
    const seen = new MutationObserver(() => {
      seen.disconnect();
      requestAnimationFrame(() => requestAnimationFrame(() => done(Date.now())));
    });
    seen.observe(document.querySelector(".live"), { childList: true });
  });
}"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
