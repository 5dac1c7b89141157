"""
What many waiting deployments cost, and how late they wake.

Each one stands at its thirteenth step, which waits for a time in a row with its open job. First
all of them wait long, and the watchdog and the database are compared with the same without any;
then they come due over some seconds, and the call that each makes says how late it was.
"""

import argparse
import time
from typing import Any

from sqlalchemy import Engine, create_engine, text

from benchmarks import contest
from benchmarks.entrants import Running, ours
from benchmarks.ground import Ground
from benchmarks.meter import megabytes
from benchmarks.rows import analyse

BEFORE = 12
IDLE_SECONDS = 15.0
LATE_ENOUGH = 120.0


def measure(ground: Ground, asked: argparse.Namespace) -> tuple[str, Any]:
    """CPU of a core and memory above idle, and seconds of lateness."""
    number = asked.waiting
    log = ground.folder / "waiting.log"
    running = Running(ours(), ground, log, {"BENCH_WAITS": "1"})
    engine = create_engine(ground.settings("ours")["BENCH_DATABASE"])
    try:
        _settled(ground, running)
        empty = _idle(ground, running)
        _let_wait(running, engine, number)
        _settled(ground, running)
        full = _idle(ground, running)
        before = ground.cpu(running.pids)
        began = time.monotonic()
        late = _wake(ground, engine, number, asked.spread)
        seconds = time.monotonic() - began
        after = ground.cpu(running.pids)
    finally:
        running.stop()
        engine.dispose()
    figures = {
        "waiting": number,
        "due over s": asked.spread,
        "CPU of a core above idle": round(full["cpu"] - empty["cpu"], 4),
        "CPU of a core, none waiting": round(empty["cpu"], 4),
        "memory above idle MB": round(full["memory"] - empty["memory"], 1),
        "woken": len(late),
        "woken/s": round(len(late) / seconds, 1),
        "late s p50": round(late[len(late) // 2], 2),
        "late s p99": round(late[int(len(late) * 0.99)], 2),
        "late s max": round(late[-1], 2),
        "CPU ms for each woken": round(
            sum(after[name] - before[name] for name in after) / len(late) * 1000, 2
        ),
    }
    return "\n".join(f"{name:28}{value}" for name, value in figures.items()), figures


def _settled(ground: Ground, running: Running) -> None:
    time.sleep(5)  # the processes come up, or the database writes down what was changed
    contest.quiet(ground, running)


def _idle(ground: Ground, running: Running) -> dict[str, float]:
    """What it costs to do nothing: cores in use, and memory of workers and watchdog."""
    before = ground.cpu(running.pids)
    time.sleep(IDLE_SECONDS)
    after = ground.cpu(running.pids)
    spent = sum(after[name] - before[name] for name in after)
    return {"cpu": spent / IDLE_SECONDS, "memory": megabytes(running.pids)}


def _let_wait(running: Running, engine: Engine, number: int) -> None:
    """Running deployments whose step waits for an hour."""
    for made in range(0, number, 500):
        running.ask("prepare", number=min(500, number - made))
    with engine.begin() as conn:
        conn.execute(
            text(
                "WITH turn AS (SELECT id, row_number() OVER"
                ' (PARTITION BY deployment_id ORDER BY "order") AS place FROM deployment_step)'
                " UPDATE deployment_step s SET started_at = statement_timestamp(), attempts = 1,"
                f" status = CASE WHEN turn.place <= {BEFORE} THEN 'success' ELSE 'waiting' END,"
                " due_at = statement_timestamp() + interval '1 hour'"
                " FROM turn JOIN deployment_step x ON x.id = turn.id"
                " JOIN deployment d ON d.id = x.deployment_id AND d.status = 'pending'"
                f" WHERE turn.id = s.id AND turn.place <= {BEFORE + 1}"
            )
        )
        conn.execute(
            text(
                "INSERT INTO job_record (public_id, job_id, deployment_id, step_id, job_type,"
                " attempt, next_run_at, status, result_meta)"
                " SELECT gen_random_uuid(), gen_random_uuid(), deployment_id, id, 'retry', 1,"
                " due_at, 'scheduled', '{}' FROM deployment_step WHERE status = 'waiting'"
            )
        )
        conn.execute(
            text(
                "UPDATE deployment SET status = 'running', started_at = statement_timestamp()"
                " WHERE status = 'pending'"
            )
        )
    analyse(engine)


def _wake(ground: Ground, engine: Engine, number: int, spread: int) -> list[float]:
    """Seconds between a step's due time and its call, of all that came, in order."""
    ground.api.ask("_take")
    with engine.begin() as conn:
        conn.execute(
            text(
                "UPDATE deployment_step SET due_at = clock_timestamp() + interval '3 seconds'"
                f" + random() * interval '{spread} seconds' WHERE status = 'waiting'"
            )
        )
        rows = conn.execute(
            text(
                "SELECT d.public_id, extract(epoch FROM s.due_at - clock_timestamp()) AS due_in"
                " FROM deployment_step s JOIN deployment d ON d.id = s.deployment_id"
                " WHERE s.status = 'waiting'"
            )
        ).all()
        now = time.monotonic()
    due = {str(row.public_id): now + float(row.due_in) for row in rows}
    ground.api.await_calls(number, spread + LATE_ENOUGH)
    called: dict[str, float] = {}
    for token, _, at in ground.api.ask("_take"):
        called.setdefault(token, at)
    if not called:
        raise RuntimeError("nothing woke")
    # What never came counts as late as this benchmark has waited.
    gone = time.monotonic()
    return sorted(called.get(token, gone) - at for token, at in due.items())
