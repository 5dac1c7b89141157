"""Our throughput with an empty database and with ones full of finished steps, in turn."""

import argparse
import time
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, create_engine, text

from benchmarks import contest, tables
from benchmarks.entrants import Running, ours
from benchmarks.ground import Ground
from benchmarks.rows import GATING, MARKER, analyse, copy_rows

TENANTS, EACH = 20, 50  # a chunk: so many tenants with so many finished deployments
FAMILY = {
    "tenant": "id = (SELECT tenant_id FROM deployment WHERE id = :d)",
    "deployment": "id = :d",
    "deployment_step": "deployment_id = :d",
    "step_attempt": "step_id IN (SELECT id FROM deployment_step WHERE deployment_id = :d)",
    "log_entry": "deployment_id = :d",
    "status_change": "thing = 'step' AND thing_id IN"
    " (SELECT id FROM deployment_step WHERE deployment_id = :d)",
}


def measure(ground: Ground, asked: argparse.Namespace) -> tuple[str, Any]:
    """Steps for each second at each size, and what they are of the first one."""
    sizes = [int(size) for size in asked.sizes.split(",")]
    entrants = [replace(ours(), name=f"ours_{size}") for size in sizes]
    filled = {}
    for entrant, size in zip(entrants, sizes, strict=True):
        began = time.monotonic()
        fill(ground, entrant.name, size)
        filled[entrant.name] = round(time.monotonic() - began, 1)
    work = contest.Work(asked.deployments, asked.singles)
    tried = contest.compete(ground, entrants, work, min(2, asked.rounds))
    figures = tables.summary(tried)
    first = figures[entrants[0].name]
    for name, found in figures.items():
        found["seconds to fill"] = filled[name]
        if found["rounds"] and first["rounds"]:
            share = found["steps/s"]["median"] / first["steps/s"]["median"]
            found["of the empty one"] = round(share, 3)
    shares = [[name, str(found.get("of the empty one"))] for name, found in figures.items()]
    words = tables.aligned([["database", "steps/s of the first"], *shares])
    return tables.contest_table(tried, entrants[0].name) + "\n\n" + words, figures


def fill(ground: Ground, name: str, steps: int) -> None:
    """So many finished steps with their attempts, lines and history, as copies of real ones."""
    running = Running(ours(name), ground, ground.folder / f"{name}.log")
    try:
        contest.run_all(ground, running, 1)
        time.sleep(2)
    finally:
        running.stop()
    # A connection without the product's time limits.
    engine = create_engine(ground.settings(name)["BENCH_DATABASE"])
    with engine.begin() as conn:
        found = conn.execute(
            text("SELECT max(id) FROM deployment WHERE status = 'succeeded'")
        ).scalar_one()
        for table, where in FAMILY.items():
            query = f"CREATE TABLE done_{table} AS SELECT * FROM {table} WHERE {where}"
            conn.execute(text(query.replace(":d", str(found))))
    for number in range(round(steps / (GATING * TENANTS * EACH))):
        with engine.begin() as conn:
            conn.execute(text("SET LOCAL synchronous_commit = off"))
            _chunk(conn, number)
    analyse(engine)
    engine.dispose()


def _chunk(conn: Connection, number: int) -> None:
    last = conn.execute(text("SELECT max(id) FROM deployment")).scalar_one()
    copy_rows(
        conn,
        "tenant",
        f"done_tenant p, generate_series(1, {TENANTS}) AS n",
        {"subdomain": f"'full-{number}-' || n", "external_ref": MARKER},
    )
    copy_rows(
        conn,
        "deployment",
        f"done_deployment p JOIN tenant t ON t.subdomain LIKE 'full-{number}-%',"
        f" generate_series(1, {EACH}) AS n",
        {"tenant_id": "t.id"},
    )
    copy_rows(
        conn,
        "deployment_step",
        f"done_deployment_step p JOIN deployment d ON d.id > {last}",
        {"deployment_id": "d.id", "tenant_service_id": "NULL"},
    )
    its_step = (
        "JOIN done_deployment_step o ON o.id = p.{column}"
        f' JOIN deployment_step s ON s.deployment_id > {last} AND s."order" = o."order"'
    )
    of_step = its_step.format(column="step_id")
    copy_rows(conn, "step_attempt", f"done_step_attempt p {of_step}", {"step_id": "s.id"})
    copy_rows(
        conn,
        "log_entry",
        f"done_log_entry p {of_step}",
        {"deployment_id": "s.deployment_id", "step_id": "s.id"},
    )
    of_thing = its_step.format(column="thing_id")
    copy_rows(conn, "status_change", f"done_status_change p {of_thing}", {"thing_id": "s.id"})
