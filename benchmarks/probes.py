"""
`make bench-probes`: 1,000 tenants with three services each, every one probed once a minute.

A real prober in a process of its own against a local HTTP server, on real PostgreSQL. Prints what
it reached, what it cost in processor time (its own and the database's), how late it was, and what
the sums cost to read. Ratios against a bare GET and a bare SELECT in the same run make runs on
different machines comparable.
"""

import asyncio
import json
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event, insert, select, text

from tenantry.app import Workshop
from tenantry.demo.postgres import Postgres
from tenantry.models import (
    Deployment,
    ProjectTemplate,
    ServiceTemplate,
    ServiceWatch,
    TargetRow,
    Tenant,
    TenantService,
)
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.planning.watching import spread
from tenantry.watching import loops, reading
from tests.conftest import environment, migrate

TENANTS, EACH, INTERVAL = 1000, 3, 60
WARM_UP, MEASURED = 15.0, 45.0
ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Runs once and prints one table, as text and as JSON."""
    base = Path(tempfile.mkdtemp(prefix="bench-"))
    postgres = Postgres(base, durable=False)
    postgres.start()
    server = _child("serve")
    try:
        assert server.stdout is not None
        port = int(server.stdout.readline())
        postgres.create_database("bench")
        environ = environment(postgres.url("bench"), OUTBOUND_MAP=f"*.bench.test=127.0.0.1:{port}")
        shop = Workshop(environ)
        migrate(shop.engine)
        fill(shop.engine)
        figures = measure(shop, environ)
        print(table(figures))
        print(json.dumps(figures))
        return 0
    finally:
        server.kill()
        server.wait()
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)


def _child(*argv: str, env: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    path = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.probes", *argv],
        env={**os.environ, **(env or {}), "PYTHONPATH": path},
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


# The world


def fill(engine: Engine) -> None:
    """A product, its tenants, their deployments, watched services, and a month of sums."""
    with engine.begin() as conn:
        target = conn.execute(
            insert(TargetRow).values(name="main", max_in_flight=10).returning(TargetRow.id)
        ).scalar_one()
        product = conn.execute(
            insert(ProjectTemplate)
            .values(name="Bench", slug="bench", base_domain="bench.test", https=False)
            .returning(ProjectTemplate.id)
        ).scalar_one()
        kinds = [
            conn.execute(
                insert(ServiceTemplate)
                .values(project_id=product, name=f"s{n}", service_type="backend")
                .returning(ServiceTemplate.id)
            ).scalar_one()
            for n in range(EACH)
        ]
        _tenants(conn, product, target)
        _services(conn, kinds)
        _watches(conn)
        _sums(conn)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as conn:
        conn.execute(text("ANALYZE"))


def _tenants(conn: Any, product: int, target: int) -> None:
    rows = [
        {
            "public_id": uuid7(),
            "project_id": product,
            "name": f"T{n}",
            "subdomain": f"t{n}",
            "status": "running",
            "target_name": "main",
            "external_ref": f"tenantry:{n}",
        }
        for n in range(TENANTS)
    ]
    conn.execute(insert(Tenant).values(completed_at=db_now()), rows)
    made = [
        {
            "public_id": uuid7(),
            "tenant_id": number,
            "target_id": target,
            "trigger_reason": "initial",
            "status": "succeeded",
            "blueprint": {},
            "tenant_name": "T",
            "subdomain": "t",
            "template_name": "Bench",
        }
        for number in conn.execute(select(Tenant.id)).scalars()
        for _ in range(20)
    ]
    conn.execute(insert(Deployment).values(queued_at=db_now()), made)


def _services(conn: Any, kinds: list[int]) -> None:
    rows = [
        {
            "public_id": uuid7(),
            "tenant_id": tenant,
            "service_template_id": kind,
            "name": f"s{kind}",
            "service_type": "backend",
            "external_ref": f"tenantry:{tenant}-{kind}",
        }
        for tenant in conn.execute(select(Tenant.id)).scalars()
        for kind in kinds
    ]
    conn.execute(insert(TenantService), rows)


def _watches(conn: Any) -> None:
    last = text(
        "SELECT s.id, s.tenant_id, (SELECT max(d.id) FROM deployment d"
        " WHERE d.tenant_id = s.tenant_id) AS deployment_id,"
        " statement_timestamp() AS now FROM tenant_service s"
    )
    found = conn.execute(last).all()
    rows = [
        {
            "tenant_service_id": row.id,
            "tenant_id": row.tenant_id,
            "deployment_id": row.deployment_id,
            "kind": "http",
            "url": f"http://s{row.id}.bench.test/health",
            "next_due_at": row.now + timedelta(seconds=3 + spread(row.id, INTERVAL)),
        }
        for row in found
    ]
    conn.execute(insert(ServiceWatch), rows)


def _sums(conn: Any) -> None:
    """Thirty days and seven times 24 hours for each service, as after a month."""
    columns = "tenant_service_id, period, starts_at, checks, failed, planned, slowest_ms"
    rest = [c.name for c in reading.HealthRollup.__table__.c][7:]
    zeros = ", ".join("0" if name != "under_50" else "59" for name in rest)
    for period, number in (("day", 30), ("hour", 168)):
        conn.execute(
            text(
                f"INSERT INTO health_rollup ({columns}, {', '.join(rest)})"
                f" SELECT s.id, '{period}', date_trunc('{period}', statement_timestamp())"
                f" - n * interval '1 {period}', 60, 1, 0, 49, {zeros}"
                f" FROM tenant_service s, generate_series(1, {number}) AS n"
            )
        )


# Measuring


def measure(shop: Workshop, environ: dict[str, str]) -> dict[str, Any]:
    """The prober's own figures with the database's beside them."""
    before = _count(shop.engine)
    child = _child("probe", env=environ)
    assert child.stdout is not None
    assert child.stdout.readline().strip() == "begin"
    began, spent, wal = _count(shop.engine), _database_seconds(shop.engine), _wal(shop.engine)
    assert child.stdout.readline().strip() == "end"
    rows = _count(shop.engine) - began
    database, written = _database_seconds(shop.engine) - spent, _wal(shop.engine) - wal
    own = json.loads(child.stdout.readline())
    child.wait(20)
    wanted = TENANTS * EACH / INTERVAL
    reached = rows / own["seconds"]
    return {
        "services": TENANTS * EACH,
        "probes/s wanted": wanted,
        "probes/s reached": round(reached, 1),
        "reached / wanted": round(reached / wanted, 3),
        "late s p50": own["late p50"],
        "late s p95": own["late p95"],
        "late s max": own["late max"],
        "prober CPU s per 1,000": round(own["cpu"] / rows * 1000, 2),
        "database CPU s per 1,000": round(database / rows * 1000, 2),
        "share of one core, both": round((own["cpu"] + database) / own["seconds"], 3),
        "bare GET CPU ms": own["bare get"],
        "probe in bare GETs": round(own["cpu"] / rows * 1000 / own["bare get"], 2),
        "statements per 100": round(own["statements"] / rows * 100, 1),
        "transactions per 100": round(own["transactions"] / rows * 100, 1),
        "WAL bytes per probe": round(written / rows),
        "checks written": _count(shop.engine) - before,
        "prober memory MB": own["memory"],
        **_reading(shop.engine),
    }


def _count(engine: Engine) -> int:
    with engine.begin() as conn:
        return conn.execute(text("SELECT coalesce(max(id), 0) FROM health_check")).scalar_one()


def _wal(engine: Engine) -> int:
    with engine.begin() as conn:
        return int(conn.execute(text("SELECT pg_current_wal_lsn() - '0/0'::pg_lsn")).scalar_one())


def _database_seconds(engine: Engine) -> float:
    """Processor time of the server: each process of it, and those that have ended."""
    with engine.begin() as conn:
        backend = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
    server = _stat(backend)[1]
    ticks = sum(_stat(server)[11:15])
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            fields = _stat(int(folder.name))
            if fields and fields[1] == server:
                ticks += sum(fields[11:13])
    return ticks / os.sysconf("SC_CLK_TCK")


def _stat(number: int) -> list[int]:
    """Fields of /proc/N/stat from the state on; empty where it has ended."""
    try:
        line = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return []
    return [0, *(int(word) for word in line.rpartition(")")[2].split()[1:])]


def _reading(engine: Engine) -> dict[str, Any]:
    with engine.begin() as conn:
        ids = list(conn.execute(select(TenantService.id)).scalars())
    bare = _timed(engine, lambda conn: conn.execute(text("SELECT 1")))
    page = _timed(engine, lambda conn: reading.uptimes(conn, ids[:50]))
    one = _timed(engine, lambda conn: reading.uptimes(conn, ids[:1]))
    month = _timed(
        engine,
        lambda conn: conn.execute(
            text(
                "SELECT sum(checks), sum(failed) FROM health_rollup WHERE tenant_service_id = :s"
                " AND period = 'day' AND starts_at > statement_timestamp() - interval '30 days'"
            ),
            {"s": ids[0]},
        ),
    )
    return {
        "bare select ms": round(bare, 3),
        "a month's uptime of one ms": round(month, 2),
        "all three spans of one ms": round(one, 2),
        "all three spans of 50 ms": round(page, 2),
        "month in bare selects": round(month / bare, 1),
    }


def _timed(engine: Engine, act: Any) -> float:
    samples = []
    for _ in range(30):
        with engine.begin() as conn:
            began = time.perf_counter()
            act(conn)
            samples.append((time.perf_counter() - began) * 1000)
    return statistics.median(samples)


def table(figures: dict[str, Any]) -> str:
    """Two columns."""
    return "\n".join(f"{name:28}{value}" for name, value in figures.items())


# The other two processes


def probe() -> None:
    """The prober, with a meter on it."""
    plain = Workshop(os.environ).prober
    late: list[float] = []
    counted = {"statements": 0, "transactions": 0}

    class Metered(type(plain)):  # type: ignore[misc]
        def claim(self, *given: Any, **named: Any) -> Any:
            claimed = super().claim(*given, **named)
            late.extend(one.late for one in claimed.assignments)
            return claimed

    def count(name: str) -> Any:
        def add(*_: Any) -> None:
            counted[name] += 1

        return add

    event.listen(plain.engine, "before_cursor_execute", count("statements"))
    event.listen(plain.engine, "commit", count("transactions"))
    names = plain.__dataclass_fields__
    metered = Metered(**{name: getattr(plain, name) for name in names})
    stop = threading.Event()
    watching = threading.Thread(target=loops.run, args=(metered, stop))
    watching.start()
    time.sleep(WARM_UP)
    late.clear()
    start, cpu, before = time.perf_counter(), time.process_time(), dict(counted)
    print("begin", flush=True)
    time.sleep(MEASURED)
    seconds, spent, after = time.perf_counter() - start, time.process_time() - cpu, dict(counted)
    seen = sorted(late)
    print("end", flush=True)
    stop.set()
    watching.join()
    print(
        json.dumps(
            {
                "seconds": seconds,
                "cpu": spent,
                "late p50": round(statistics.median(seen), 2),
                "late p95": round(seen[int(len(seen) * 0.95)], 2),
                "late max": round(seen[-1], 2),
                "memory": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
                "bare get": _bare_get(plain),
                **{name: after[name] - before[name] for name in counted},
            }
        ),
        flush=True,
    )


def _bare_get(prober: Any) -> float:
    """Processor milliseconds of one request without anything around it."""
    began, number = time.process_time(), 300
    for _ in range(number):
        prober.ports.web.get("http://s1.bench.test/health", deadline=5)
    return round((time.process_time() - began) / number * 1000, 3)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.readuntil(b"\r\n\r\n")
    # Some take longer, as in life.
    await asyncio.sleep(0.02 if os.urandom(1)[0] < 250 else 0.5)
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")
    await writer.drain()
    writer.close()


async def _serve() -> None:
    server = await asyncio.start_server(_answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def serve() -> None:
    """Clients' services, all of them at one door."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    asyncio.run(_serve())


if __name__ == "__main__":
    deeds = {"serve": serve, "probe": probe}
    if len(sys.argv) > 1:
        sys.exit(deeds[sys.argv[1]]())
    sys.exit(main())
