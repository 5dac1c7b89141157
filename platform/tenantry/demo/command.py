"""`tenantry demo`: a whole installation on an empty machine, with a sample tenant running."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import click

from tenantry.demo import samples, stack
from tenantry.demo.problems import DemoProblem
from tenantry.demo.progress import Progress
from tenantry.demo.stack import Addresses
from tenantry.demo.state import State
from tenantry.demo.supervisor import Supervisor

CHECK_SECONDS = 180.0


class Shop(Protocol):
    """What `app` hands over: the same workshop, but for another environment."""

    def elsewhere(self, environ: dict[str, str]) -> Any:
        """A workshop with these settings."""


@click.command()
@click.option("--port", default=8000, show_default=True, help="Where the panel listens.")
@click.option("--check", is_flag=True, help="Wait until the samples run, print seconds, stop.")
@click.option("--speed", default=1.0, show_default=True, help="Pace of simulated builds; 0 = none.")
@click.option("--state", "folder", type=click.Path(path_type=Path), help="Where it keeps its data.")
@click.pass_obj
def demo(shop: Shop, port: int, speed: float, folder: Path | None, *, check: bool) -> None:
    """Bring up everything on this machine, deploy two sample tenants, and show where to look."""
    # The first sign of life comes before anything slow.
    progress = Progress()
    try:
        with State.open(folder) as state:
            sys.exit(_run(shop, state, progress, port, speed, check=check))
    except DemoProblem as problem:
        click.secho(str(problem), fg="red", err=True)
        sys.exit(1)


def _run(
    shop: Shop, state: State, progress: Progress, port: int, speed: float, *, check: bool
) -> int:
    at = Addresses.choose(port)
    stop = threading.Event()
    supervisor = Supervisor(state.logs, progress.warn)
    began = time.monotonic()
    with _signals(stop):
        try:
            bench = _bring_up(shop, state, progress, supervisor, at, speed)
            code = 0
            samples.deploy(bench, progress)
            _show(progress, state, at)
            if check:
                code = _check(bench, at, progress, stop)
                progress.note(f"In all {time.monotonic() - began:.1f} s")
            else:
                progress.note("Ctrl-C stops everything; a second start finds it all again.")
                stop.wait()
            return code
        except KeyboardInterrupt:
            return 130
        finally:
            _stop(supervisor, progress)


def _bring_up(
    shop: Shop,
    state: State,
    progress: Progress,
    supervisor: Supervisor,
    at: Addresses,
    speed: float,
) -> Any:
    environ = dict(os.environ)
    postgres, valkey = stack.stores(state, environ)
    with progress.part("Databases"):
        for server in (postgres, valkey):
            if server is not None:
                server.prepare()
                supervisor.launch(server.program())
        for server in (postgres, valkey):
            if server is not None:
                supervisor.await_ready(server.name)
    database_url = environ.get("DATABASE_URL") or (postgres.url() if postgres else "")
    redis_url = environ.get("REDIS_URL") or (valkey.url() if valkey else "")
    env = stack.environment(state, at, database_url, redis_url, environ)
    bench = shop.elsewhere(env)
    with progress.part("Stand-in Dokploy and mailbox"):
        outside = [stack.simulator(state, at, speed), stack.mailbox(state, at)]
        for program in outside:
            supervisor.launch(program)
        bench.migrate()
        for program in outside:
            supervisor.await_ready(program.name)
    with progress.part("Panel, workers, watchdog, Flower"):
        programs = stack.product(state, at, env)
        for program in programs:
            supervisor.launch(program)
        samples.prepare(bench, state)
        for program in programs:
            supervisor.await_ready(program.name)
    if bench.settings.sqlite:
        progress.warn("SQLite serves as the database: fine to look around, slow for many tenants.")
    return bench


def _show(progress: Progress, state: State, at: Addresses) -> None:
    progress.show(
        [
            ("Panel", at.url("web")),
            ("Sign in as", f"{stack.STAFF} with {state.staff_password}"),
            ("Mailbox", at.url("mailbox")),
            ("Flower", f"{at.url('web')}/flower/"),
            ("Stand-in Dokploy", at.url("dokploy")),
            ("State and logs", str(state.folder)),
        ],
        title="Tenantry is up",
    )


def _check(bench: Any, at: Addresses, progress: Progress, stop: threading.Event) -> int:
    with progress.part("Sample tenants"):
        problem = samples.wait(bench, CHECK_SECONDS, stop)
        if problem:
            raise DemoProblem(problem)
    with progress.part("Mails"):
        until = time.monotonic() + 20
        while len(stack.messages(at)) < len(samples.SAMPLES):
            if time.monotonic() > until or stop.wait(0.2):
                raise DemoProblem("The mails did not arrive in the mailbox.")
    return 0


def _stop(supervisor: Supervisor, progress: Progress) -> None:
    began = time.monotonic()
    killed = supervisor.stop_all(within=5.0)
    words = f"; {', '.join(killed)} cut short, which loses nothing" if killed else ""
    progress.note(f"Stopped in {time.monotonic() - began:.1f} s{words}; nothing is left running.")


@contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    def ask(_number: int, _frame: object) -> None:
        if stop.is_set():
            return
        stop.set()
        raise KeyboardInterrupt

    before = {n: signal.signal(n, ask) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
