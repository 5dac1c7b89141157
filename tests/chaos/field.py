"""A whole installation that is to be broken, and levers to break it with."""

import json
import os
import shutil
import signal
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
from tests.chaos.place import Place
from tests.chaos.scenario import How
from tests.installation import DOMAIN, ME, servers

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


@dataclass
class Field:
    """Servers and the installation on them."""

    place: Place
    postgres: Postgres
    valkey: Valkey
    # Of the target, where a scenario keeps changing it.
    speed: float = 1.0

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

    def failures(self) -> list[str]:
        """What the deployments that failed say of it."""
        with self.place.shop.desk.reading() as session:
            rows = session.execute(
                select(Deployment.subdomain, Deployment.summary).where(
                    Deployment.status == "failed"
                )
            )
            return [f"{row.subdomain}: {row.summary}" for row in rows]

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
        """
        Of the deployments that were open then: seconds until the last of them moved a step.

        Infinity as long as one of them has not moved yet.
        """
        open_then = select(Deployment.id).where(
            Deployment.started_at <= since,
            Deployment.ended_at.is_(None) | (Deployment.ended_at > since),
        )
        moved = (
            select(DeploymentStep.deployment_id, func.min(StatusChange.at))
            .join(DeploymentStep, DeploymentStep.id == StatusChange.thing_id)
            .where(StatusChange.thing == "step", StatusChange.at > since)
            .where(StatusChange.new.in_(("running", "success")))
            .group_by(DeploymentStep.deployment_id)
        )
        with self.place.shop.desk.reading() as session:
            first = dict(session.execute(moved).tuples().all())
            waits = [first.get(one) for one in session.scalars(open_then)]
        return max(
            ((at - since).total_seconds() if at else float("inf") for at in waits), default=0.0
        )

    def all_moved(self, since: datetime, seconds: float) -> float:
        """Waits until each deployment that was open then has moved; as `slowest_to_go_on`."""
        self.place.until_quietly(lambda: self.slowest_to_go_on(since) < float("inf"), seconds)
        return self.slowest_to_go_on(since)

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

    @contextmanager
    def standing(self, *names: str) -> Iterator[None]:
        """These programs stand still meanwhile: what is published stays in the broker."""
        for name in names:
            self.signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            for name in names:
                self.signal(name, signal.SIGCONT)

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

    def faults(self) -> list[dict[str, Any]]:
        """The plans of the target's faults, each with how often it was used so far."""
        return list(json.loads(self._control("GET", "faults")))

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
        """Serves again; our own connections were the old one's."""
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
            place.start("slow", "suspect", "watchdog")
            if web:
                place.supervisor.start(place.panel())
            yield Field(place, postgres, valkey)
    finally:
        valkey.remove()
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)
