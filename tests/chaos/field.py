"""A whole installation that is to be broken, and levers to break it with."""

import json
import os
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
import redis
from sqlalchemy import func, select

from tenantry.demo.postgres import Postgres
from tenantry.demo.spawning import Program
from tenantry.demo.valkey import Valkey
from tenantry.models import Deployment, DeploymentStep, StatusChange
from tenantry.models.dbtime import db_now
from tests.chaos.scenario import How
from tests.installation import DOMAIN, ME, Installation, servers

# One service out of an image: the least that has a project, an application, a domain and checks.
SITE: dict[str, Any] = {
    "name": "Site",
    "slug": "site",
    "base_domain": f"site.{DOMAIN}",
    "https": False,
    "certificate": "none",
    "db_required": False,
    "notify_emails": ["staff@example.com"],
    "services": [
        {"name": "web", "service_type": "frontend", "order": 1, "image": "nginx:1.27"},
    ],
}
STOP_WITHIN = 90.0


class Place(Installation):
    """An installation with more workers, and patience with a database that is away."""

    # Mails that a fault may have sent once more: a worker died between the dot and its row.
    mails_at_risk = 0

    def until_quietly(self, what: Callable[[], Any], seconds: float) -> bool:
        """Whether it came true in time; a database that is away is no answer yet."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                if what():
                    return True
            except Exception:  # noqa: BLE001 — away is what these scenarios are about
                pass
            time.sleep(0.25)
        return False

    def worker(self, name: str, queue: str, *more: str, entry: str = "") -> Program:
        """One more worker of the product's own, stopped with patience."""
        argv = [sys.executable, "-m", entry] if entry else [sys.executable, "-m", "tenantry", "run"]
        return Program(
            name=name,
            argv=[*argv, "worker", "--queue", queue, *more],
            env=self._env(),
            cwd=self.folder,
            stop_within=STOP_WITHIN,
            ready_within=60,
        )


@dataclass
class Field:
    """Servers and the installation on them."""

    place: Place
    postgres: Postgres
    valkey: Valkey

    @property
    def broker(self) -> redis.Redis:
        """With every right."""
        return redis.Redis.from_url(self.valkey.admin_url(), socket_timeout=3)

    # Work

    def deploy(self, names: list[str], product: str = "site") -> None:
        """Adds tenants and asks for their deployments, in a few transactions each."""
        desk = self.place.shop.desk
        for name in names:
            self.place.tenant(name, product)
            desk.deploy(ME, name)

    def redeploy(self, names: list[str]) -> None:
        """Resumes what failed."""
        desk = self.place.shop.desk
        for name in names:
            desk.resume(ME, self.place.latest(name))

    def statuses(self) -> dict[str, int]:
        """Deployments by status."""
        with self.place.shop.desk.reading() as session:
            rows = session.execute(
                select(Deployment.status, func.count()).group_by(Deployment.status)
            )
            return {row[0]: row[1] for row in rows}

    def named(self, status: str) -> list[str]:
        """Subdomains whose newest deployment is in that state."""
        with self.place.shop.desk.reading() as session:
            return list(
                session.scalars(select(Deployment.subdomain).where(Deployment.status == status))
            )

    def over(self) -> bool:
        """Whether every deployment has ended."""
        found = self.statuses()
        return not (found.get("pending", 0) or found.get("running", 0))

    def in_flight(self) -> int:
        """Deployments that run."""
        return self.statuses().get("running", 0)

    def finish(self, seconds: float) -> float:
        """Waits until everything has ended; the seconds that took, or more than was given."""
        began = time.monotonic()
        self.place.until_quietly(self.over, seconds)
        return time.monotonic() - began

    def db_time(self) -> datetime:
        """The clock that counts."""
        with self.place.shop.desk.reading() as session:
            return session.execute(select(db_now())).scalar_one()

    def slowest_to_go_on(self, since: datetime) -> float:
        """Of the deployments that were open then: seconds until the last of them moved a step."""
        first = (
            select(DeploymentStep.deployment_id, func.min(StatusChange.at).label("at"))
            .join(DeploymentStep, DeploymentStep.id == StatusChange.thing_id)
            .where(StatusChange.thing == "step", StatusChange.at > since)
            .where(StatusChange.new == "running")
            .group_by(DeploymentStep.deployment_id)
            .subquery()
        )
        with self.place.shop.desk.reading() as session:
            last = session.scalar(select(func.max(first.c.at)))
        return (last - since).total_seconds() if last else 0.0

    def reaped(self) -> int:
        """Claims that were lost."""
        with self.place.shop.desk.reading() as session:
            return int(session.scalar(select(func.sum(DeploymentStep.lost))) or 0)

    # Levers

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Sends a signal to a program; False where it does not run just now."""
        pid = self.place.supervisor.pid(name)
        if pid is None:
            return False
        try:
            os.killpg(pid, number)
        except ProcessLookupError:
            return False
        return True

    def children(self, name: str) -> list[int]:
        """Processes that a program has started, below itself."""
        pid = self.place.supervisor.pid(name)
        if pid is None:
            return []
        listed = Path(f"/proc/{pid}/task/{pid}/children")
        return [int(word) for word in listed.read_text().split()] if listed.exists() else []

    def lift(self) -> None:
        """The target makes no faults any more."""
        self._control("DELETE", "faults")

    def faults(self) -> int:
        """How many answers of the target were spoilt so far."""
        return sum(plan["used"] for plan in json.loads(self._control("GET", "faults")))

    def _control(self, method: str, path: str) -> bytes:
        url = f"http://127.0.0.1:{self.place.dokploy}/_sim/{path}"
        asked = urllib.request.Request(url, method=method)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return bytes(answer.read())

    def restart_target(self) -> None:
        """Its whole process is killed; the supervisor starts it again."""
        self.signal("dokploy", signal.SIGKILL)
        self.place.until_quietly(lambda: self.place.look("state"), seconds=30)

    def cut(self) -> None:
        """Cuts every connection to the database."""
        with psycopg.connect(
            self.postgres.admin_url().replace("+psycopg", ""), autocommit=True
        ) as conn:
            conn.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
            )
        self.place.shop.engine.dispose()

    def restart_postgres(self) -> None:
        """As `pg_ctl -m immediate restart`: no checkpoint, the next start repairs."""
        self.stop_postgres()
        self.start_postgres()

    def start_postgres(self) -> None:
        """Serves again; our own connections are of the server before."""
        self.postgres.start()
        self.place.shop.engine.dispose()

    def stop_postgres(self) -> None:
        """Gone at once."""
        self.postgres.kill()


@contextmanager
def field(
    how: How,
    *,
    product: dict[str, Any] | None = None,
    limit: int = 1000,
    speed: float = 0.05,
    divisor: float = 15,
    steps: int = 2,
    concurrency: int = 20,
    database: str = "",
    workers: Callable[[Place], list[Program]] | None = None,
    web: bool = False,
) -> Iterator[Field]:
    """An installation of its own, with `steps` workers, two watchdogs, and a panel if asked."""
    base = Path(tempfile.mkdtemp(prefix="chaos-", dir=how.base))
    postgres, valkey = servers(base)
    try:
        url = database or postgres.url()
        with Place(
            base / "place", url, valkey.url(), speed=speed, limit=limit, divisor=divisor
        ) as place:
            place.product(product or SITE)
            for number in range(steps):
                name = f"steps-{number}"
                place.supervisor.launch(
                    place.worker(name, "steps", "--concurrency", str(concurrency))
                )
            for program in workers(place) if workers else []:
                place.supervisor.launch(program)
            place.supervisor.launch(place.program("watchdog-2", "watchdog"))
            place.start("slow", "suspect", "watchdog", *(["web"] if web else []))
            yield Field(place, postgres, valkey)
    finally:
        valkey.remove()
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)
