"""
Prefect 3 with its local server as it comes, on SQLite: a background task runs a flow of 20 tasks.

Two task workers take the background tasks; the server is a third process beside them. On
PostgreSQL it wants an extension that the one of the wheel does not have.
"""

import os
import sqlite3
import sys
import time
import urllib.request
from pathlib import Path

FOLDER = Path(os.environ["BENCH_FOLDER"])
PORT = int(os.environ.get("BENCH_PREFECT_PORT", "42917"))
os.environ |= {
    "PREFECT_HOME": str(FOLDER / "prefect"),
    "PREFECT_API_URL": f"http://127.0.0.1:{PORT}/api",
    "PREFECT_LOGGING_LEVEL": "ERROR",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_ENABLED": "false",
    "PREFECT_TASKS_DEFAULT_PERSIST_RESULT": "true",
    "DO_NOT_TRACK": "1",
}

from prefect import flow, get_run_logger, task  # noqa: E402 — its settings come first
from prefect.task_worker import serve as serve_tasks  # noqa: E402

from benchmarks.peers.call import STEPS, call, serve  # noqa: E402


@task(name="step")
def step(token: str, number: int) -> str:
    """The call and its line, in Prefect's own log."""
    call(token, number)
    get_run_logger().error("step %s: done", number)
    return "done"


@flow(name="deployment")
def deployment(token: str) -> str:
    """Twenty tasks, one after the other."""
    for number in range(STEPS):
        step(token, number)
    return "done"


@task(name="start")
def start(token: str) -> str:
    """What is put in line."""
    return str(deployment(token))


def up() -> None:
    """Returns when the server answers."""
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/api/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError("the Prefect server did not come up")


def lines() -> int:
    """Lines in its log table."""
    with sqlite3.connect(FOLDER / "prefect" / "prefect.db", timeout=30) as conn:
        row = conn.execute("SELECT count(*) FROM log WHERE message LIKE 'step %'").fetchone()
    return int(row[0]) if row else 0


def main() -> None:
    """`prefect_flow.py ROLE`."""
    if sys.argv[1] == "server":
        argv = ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(PORT)]
        os.execv(sys.executable, [sys.executable, "-m", *argv, "--no-ui"])
    up()
    if sys.argv[1] == "worker":
        serve_tasks(start, limit=10)
    else:
        serve(go=start.delay, lines=lines)


if __name__ == "__main__":
    main()
