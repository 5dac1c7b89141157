"""
A whole installation in real processes: the product's own commands, a stand-in Dokploy, a mailbox.

Programs run under the demo's supervisor, which restarts what a test kills, as production does.
"""

import json
import os
import random
import socket
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from sqlalchemy import select

from tenantry.app import Workshop
from tenantry.demo import ports
from tenantry.demo.mailbox import Mailbox
from tenantry.demo.postgres import Postgres
from tenantry.demo.spawning import Program
from tenantry.demo.stack import answers
from tenantry.demo.supervisor import Supervisor
from tenantry.demo.valkey import Valkey
from tenantry.models import Deployment, DeploymentStep, Tenant
from tenantry.operations import deployments, targets, templates, tenants
from tenantry.operations.actors import Actor
from tests.conftest import ROOT, environment, migrate

ME = Actor("ada@example.com")
KEY = "key-of-the-stand-in"
DOMAIN = "demo.test"
# No run of a test may outgrow it: a mailbox that forgets shows neither a missing nor a double mail.
MAILS_KEPT = 100_000
PRODUCT: dict[str, Any] = {
    "name": "Acme DMS",
    "slug": "dms",
    "base_domain": f"dms.{DOMAIN}",
    "https": False,
    "certificate": "none",
    "db_required": True,
    "notify_emails": ["staff@example.com"],
    "secrets": ["setup_token"],
    "services": [
        {
            "name": "backend",
            "service_type": "backend",
            "order": 1,
            "repo_url": "https://github.com/acme/backend",
            "internal_provision_endpoint": "auth/create-superuser-view/",
            "internal_provision_token_secret": "setup_token",
            "env": {"DATABASE_URL": "${DATABASE_URL}"},
        },
        {
            "name": "frontend",
            "service_type": "frontend",
            "order": 2,
            "repo_url": "https://github.com/acme/frontend",
        },
    ],
}


class Installation:
    """Use as a context manager; everything is stopped at its end."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        redis_url: str,
        *,
        divisor: float = 15,
        speed: float = 0.02,
        limit: int = 50,
    ) -> None:
        self.folder = folder
        self.speed = speed
        self.dokploy, self.apps, self.dns, self.web = quiet_ports(4)
        self.mailbox = Mailbox(folder / "mail", cap=MAILS_KEPT)
        self.environ = environment(
            database_url,
            REDIS_URL=redis_url,
            TIME_DIVISOR=str(divisor),
            TARGET_MAIN_URL=f"http://127.0.0.1:{self.dokploy}",
            TARGET_MAIN_KEY=KEY,
            TARGET_MAIN_LIMIT=str(limit),
            OUTBOUND_MAP=f"*.{DOMAIN}=127.0.0.1:{self.apps}",
            DNS_RESOLVERS=f"127.0.0.1:{self.dns}",
            PUBLIC_URL=f"http://127.0.0.1:{self.web}",
        )
        self.said: list[str] = []
        self.supervisor = Supervisor(folder / "logs", self.said.append)
        self._workshop: Workshop | None = None

    def __enter__(self) -> Self:
        (self.folder / "logs").mkdir(parents=True, exist_ok=True)
        self.mailbox.start()
        self.environ |= {
            "MAIL_SERVER": "127.0.0.1",
            "MAIL_PORT": str(self.mailbox.smtp_port),
            "MAIL_SENDER": "tenantry@example.com",
        }
        migrate(self.shop.engine)
        self.shop.desk.do(lambda s: targets.sync(s, self.shop.settings.targets))
        self.supervisor.start(self.simulator())
        return self

    def __exit__(self, *_: object) -> None:
        self.supervisor.stop_all()
        self.mailbox.stop()
        self.shop.engine.dispose()

    @property
    def shop(self) -> Workshop:
        """The product's parts in this process, for setting scenes and looking."""
        if self._workshop is None:
            self._workshop = Workshop(self.environ)
        return self._workshop

    # Programs

    def simulator(self) -> Program:
        """The stand-in Dokploy, with its rows in a file."""
        argv = [sys.executable, "-m", "dokploy_simulator", "--port", str(self.dokploy)]
        argv += ["--apps-port", str(self.apps), "--dns-port", str(self.dns)]
        argv += ["--state", str(self.folder / "dokploy.db"), "--speed", str(self.speed)]
        argv += ["--api-key", KEY, "--base-domain", DOMAIN]
        return Program(
            name="dokploy",
            argv=argv,
            env=self._env(),
            ready=answers(f"http://127.0.0.1:{self.dokploy}/api/health"),
        )

    def program(self, name: str, *argv: str, ready: Callable[[], bool] | None = None) -> Program:
        """One of the product's own processes."""
        return Program(
            name=name,
            argv=[sys.executable, "-m", "tenantry", "run", *argv],
            env=self._env(),
            cwd=self.folder,
            ready=ready,
            ready_within=60,
        )

    def start(self, *names: str) -> Self:
        """Starts `steps`, `slow`, `suspect`, `watchdog`, `web`, and waits until they are up."""
        for name in names:
            if name == "web":
                more = ["web", "--bind", f"127.0.0.1:{self.web}", "--workers", "1"]
                ready = answers(f"http://127.0.0.1:{self.web}/livez")
                program = self.program("web", *more, ready=ready)
            elif name == "watchdog":
                program = self.program("watchdog", "watchdog")
            else:
                program = self.program(f"worker-{name}", "worker", "--queue", name)
            self.supervisor.launch(program)
        for name in names:
            known = name if name in {"web", "watchdog"} else f"worker-{name}"
            self.supervisor.await_ready(known)
        return self

    def _env(self) -> Mapping[str, str]:
        plain = {k: v for k, v in os.environ.items() if not k.startswith(("COV_", "PYTEST"))}
        path = os.pathsep.join([str(ROOT / "platform"), str(ROOT)])
        return plain | self.environ | {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}

    # Scenes

    def product(self, document: Mapping[str, Any] = PRODUCT) -> None:
        """Saves a product."""
        desk = self.shop.desk
        desk.do(lambda s: templates.save(s, ME, document, desk.secrets))

    def tenant(self, subdomain: str, slug: str = "dms") -> None:
        """Adds a tenant."""
        desk = self.shop.desk

        def act(session: Any) -> None:
            template = templates.find(session, slug)
            client = {"name": subdomain.title(), "subdomain": subdomain}
            tenants.add(session, ME, template, client, desk.secrets)

        desk.do(act)

    def deploy(self, subdomain: str) -> str:
        """Starts a deployment; its public id."""
        return self.shop.desk.deploy(ME, subdomain)

    # Looking

    def until(self, what: Callable[[], Any], seconds: float = 60, pause: float = 0.1) -> Any:
        """The first answer that is true; AssertionError with the state of things otherwise."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            answer = what()
            if answer:
                return answer
            time.sleep(pause)
        raise AssertionError(f"not within {seconds} s; {self.describe()}")

    def ended(self, subdomain: str) -> str | None:
        """How the newest deployment of a tenant ended; None while it goes on."""
        with self.shop.desk.reading() as session:
            status = session.scalar(
                select(Deployment.status)
                .join(Tenant, Tenant.id == Deployment.tenant_id)
                .where(Tenant.subdomain == subdomain)
                .order_by(Deployment.id.desc())
            )
        return status if status in {"succeeded", "failed", "cancelled"} else None

    def latest(self, subdomain: str) -> str:
        """The public id of a tenant's newest deployment."""
        with self.shop.desk.reading() as session:
            tenant = tenants.find(session, subdomain)
            return str(deployments.latest(session, tenant).public_id)

    def running_step(self, key: str, *statuses: str) -> bool:
        """Whether a step of that key is in one of these states."""
        with self.shop.desk.reading() as session:
            found = session.scalar(
                select(DeploymentStep.id).where(
                    DeploymentStep.step_key == key, DeploymentStep.status.in_(statuses)
                )
            )
        return found is not None

    def describe(self) -> str:
        """Where everything stands, for a failing test."""
        with self.shop.desk.reading() as session:
            rows = session.execute(
                select(
                    DeploymentStep.deployment_id,
                    DeploymentStep.step_key,
                    DeploymentStep.status,
                    DeploymentStep.lost,
                    DeploymentStep.message,
                )
                .where(DeploymentStep.status.not_in(("success", "skipped")))
                .order_by(DeploymentStep.deployment_id, DeploymentStep.order)
                .limit(20)
            ).all()
        return f"steps {[tuple(r) for r in rows]}; said {self.said[-5:]}"

    def world(self) -> dict[str, Any]:
        """What the stand-in holds."""
        return self.look("state")

    def look(self, path: str) -> dict[str, Any]:
        """What the stand-in answers to a look through its control door."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.dokploy}/_sim/{path}", timeout=10
        ) as answer:
            return dict(json.load(answer))

    def elsewhere(self, url: str, key: str) -> None:
        """Another server in place of the stand-in; names are resolved and reached for real."""
        self.supervisor.stop_all()
        self.environ |= {"TARGET_MAIN_URL": url, "TARGET_MAIN_KEY": key}
        for name in ("OUTBOUND_MAP", "DNS_RESOLVERS", "OUTBOUND_ALLOW"):
            self.environ.pop(name, None)
        self._workshop = None

    def control(self, path: str, body: object) -> None:
        """Tells the stand-in something."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.dokploy}/_sim/{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10):
            pass

    def doubles(self) -> list[str]:
        """Names of things that exist twice for one tenant; empty is what is wanted."""
        world = self.world()
        found = []
        for kind in ("projects", "applications", "databases"):
            described = [(row["description"] or "").split() for row in world[kind]]
            marks = [words[0] for words in described if words]
            found += [f"{kind} {mark}" for mark in set(marks) if marks.count(mark) > 1]
        hosts = [row["host"] for row in world["domains"]]
        found += [f"domain {host}" for host in set(hosts) if hosts.count(host) > 1]
        # Calls under one key are answered 409 after the first: only a second key sets up twice.
        backends = [row for row in world["applications"] if row["name"] == "backend"]
        if len(world["provision_calls"]) > len(backends):
            found.append("provisioning")
        return found


def quiet_ports(count: int) -> list[int]:
    """
    Free ports for TCP and UDP below the range that the system hands out by itself.

    From that range, some other test's connection may take one before its program listens there.
    """
    found: list[int] = []
    draw = random.SystemRandom()
    while len(found) < count:
        port = draw.randrange(20_000, 32_000)
        if port not in found and ports.is_free(port) and _free_for_udp(port):
            found.append(port)
    return found


def _free_for_udp(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def servers(folder: Path) -> tuple[Postgres, Valkey]:
    """A PostgreSQL and a Valkey outside of a pytest run; the caller removes them."""
    postgres, valkey = Postgres(folder, durable=False), Valkey(folder, durable=False)
    postgres.start()
    valkey.start()
    return postgres, valkey
