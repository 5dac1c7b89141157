"""`tenantry run …` and `tenantry db …`: the long-running processes, and the tables."""

import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import redis
import structlog
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from tenantry.cli.shop import Shop, pass_shop
from tenantry.clock import monotonic
from tenantry.config import STREAMS
from tenantry.memory import keep_for_good
from tenantry.operations import targets
from tenantry.planning.catalogue import SLOW_QUEUE, STEPS_QUEUE, SUSPECT_QUEUE

log = structlog.get_logger(__name__)
MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"
HEARTBEAT = "tenantry:watchdog"
HEARTBEAT_SECONDS = 30
# Threads of the panel that open timelines may not hold.
SPARE = 40
# Threads for what waits on the network, few processes for what has crashed one before.
POOLS = {
    STEPS_QUEUE: ("threads", 40, ()),
    SLOW_QUEUE: ("threads", 8, ()),
    # A child that did well is used again: after an outage it takes dozens of innocent steps, and a
    # fresh one for each would need a second to get ready. One that dies takes its own step along.
    SUSPECT_QUEUE: ("prefork", 2, ("--max-tasks-per-child=100", "--time-limit=700")),
}


@click.group()
def run() -> None:
    """The processes of an installation; the Procfile names them."""


@run.command()
@click.option("--queue", type=click.Choice(list(POOLS)), default=STEPS_QUEUE, show_default=True)
@click.option("--concurrency", type=int, help="Slots; the queue's own number by default.")
@pass_shop
def worker(shop: Shop, queue: str, concurrency: int | None) -> None:
    """A Celery worker for one queue. Stop it with SIGTERM and give it 90 s."""
    pool, slots, more = POOLS[queue]
    argv = ["worker", "--pool", pool, "--concurrency", str(concurrency or slots), "-Q", queue]
    argv += ["--hostname", f"{queue}-{os.getpid()}@%h", "--loglevel", "WARNING", "--events"]
    app = shop.celery
    keep_for_good()
    app.worker_main([*argv, *more, "--without-gossip", "--without-mingle"])


@run.command()
@pass_shop
def watchdog(shop: Shop) -> None:
    """Repairs from the rows; run one or several."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    shop.desk.do(lambda session: targets.sync(session, shop.settings.targets))
    beat = redis.Redis.from_url(shop.settings.redis_url, socket_timeout=1, socket_connect_timeout=1)
    times = shop.settings.times
    next_repair = 0.0
    while not stop.is_set():
        started = monotonic()
        _round(shop.watchdog.sweep)
        if started >= next_repair:
            # It beats only for a round of repairs that was finished.
            if _round(shop.watchdog.repair):
                _round(lambda: beat.set(HEARTBEAT, os.getpid(), ex=HEARTBEAT_SECONDS))
            next_repair = started + times.repair
        stop.wait(max(0.01, times.sweep - (monotonic() - started)))


def _round(act: Any) -> bool:
    """Whether it was finished; a database or broker that is away is never a reason to die."""
    try:
        act()
    except Exception as trouble:  # noqa: BLE001 — the watchdog outlives everything
        log.warning("watchdog round failed", error=type(trouble).__name__)
        return False
    return True


@run.command()
@click.option("--bind", default="127.0.0.1:8000", show_default=True)
@click.option("--workers", type=int, default=2, show_default=True)
@click.option(
    "--threads",
    type=int,
    default=240,
    show_default=True,
    help=f"Of each worker. Timelines hold up to {STREAMS}, and {SPARE} are kept for the rest.",
)
def web(bind: str, workers: int, threads: int) -> None:
    """The panel, by gunicorn."""
    # Streams that held every thread would leave nobody to answer a click.
    os.environ["TENANTRY_STREAMS"] = str(max(0, min(STREAMS, threads - SPARE)))
    os.execvp(  # noqa: S606 — becomes the server, so that signals reach it
        sys.executable,
        [
            sys.executable,
            "-m",
            "gunicorn",
            "tenantry.app:application",
            "--bind",
            bind,
            "--workers",
            str(workers),
            "--worker-class",
            "gthread",
            "--threads",
            str(threads),
            "--timeout",
            "60",
            "--graceful-timeout",
            "10",
            # Its control socket would lie in the home folder, which a service should not write.
            "--no-control-socket",
            "--access-logfile",
            "-",
            "--log-level",
            "warning",
        ],
    )


@run.command()
@pass_shop
def beat(shop: Shop) -> None:
    """Celery's own clock for nightly tasks. One copy."""
    state = shop.settings.state_dir or Path()
    shop.celery.start(
        argv=["beat", "--loglevel", "WARNING", "--schedule", str(state / "celerybeat-schedule")]
    )


@run.command()
@click.option("--address", default="127.0.0.1", show_default=True)
@click.option("--port", type=int, default=5555, show_default=True)
@pass_shop
def flower(shop: Shop, address: str, port: int) -> None:
    """Flower, read-only, under /flower; the panel proxies it for operators."""
    argv = ["flower", f"--address={address}", f"--port={port}", "--url_prefix=flower"]
    argv += ["--read_only=True", "--logging=warning", "--persistent=False"]
    if shop.settings.flower_password:
        argv.append(f"--basic_auth=tenantry:{shop.settings.flower_password}")
    shop.celery.start(argv=argv)


@click.group()
def db() -> None:
    """The tables."""


def alembic_config(engine: Engine, key_ring: Mapping[str, bytes] | None = None) -> Config:
    """Alembic's configuration with our engine, and our keys for what a migration seals."""
    config = Config(str(MIGRATIONS / "alembic.ini"))
    config.attributes |= {"engine": engine, "key_ring": key_ring}
    return config


@db.command()
@click.argument("revision", default="head")
@pass_shop
def upgrade(shop: Shop, revision: str) -> None:
    """Bring the tables up to date; safe to repeat."""
    command.upgrade(alembic_config(shop.engine, shop.settings.key_ring), revision)
    click.echo("The tables are up to date")


@db.command()
@click.argument("revision")
@pass_shop
def downgrade(shop: Shop, revision: str) -> None:
    """Take the tables back to REVISION."""
    command.downgrade(alembic_config(shop.engine, shop.settings.key_ring), revision)


@db.command()
@pass_shop
def current(shop: Shop) -> None:
    """Which revision the tables have."""
    command.current(alembic_config(shop.engine))
