"""
A small stage on which deployments run inside the test: real database, real engine, twins outside.

Chains go into a list instead of a broker. `play()` runs them until nothing is due, `pass_time()`
moves every stored time into the past, which is what waiting does.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, select, update
from sqlalchemy.orm import Session, sessionmaker

from tenantry.config import Settings
from tenantry.engine.dispatch import Chain, Dispatcher
from tenantry.engine.runner import Runner, no_hook
from tenantry.engine.watchdog import Watchdog
from tenantry.models import (
    Deployment,
    DeploymentStep,
    JobRecord,
    StatusChange,
    TargetRow,
    Tenant,
    TenantService,
)
from tenantry.operations import deployments, targets, templates, tenants
from tenantry.operations.actors import Actor
from tenantry.operations.desk import Desk
from tenantry.operations.wishes import Wish
from tenantry.steps import HANDLERS
from tests.twins import Twins

ME = Actor("ada@example.com")

BACKEND: dict[str, Any] = {
    "name": "backend",
    "service_type": "backend",
    "order": 1,
    "repo_url": "https://github.com/acme/backend",
    "repo_branch": "main",
    "internal_provision_endpoint": "auth/create-superuser-view/",
    "internal_provision_token_secret": "setup_token",
    "env": {"DATABASE_URL": "${DATABASE_URL}"},
}
FRONTEND: dict[str, Any] = {
    "name": "frontend",
    "service_type": "frontend",
    "order": 2,
    "repo_url": "https://github.com/acme/frontend",
    "repo_branch": "main",
}
PRODUCT: dict[str, Any] = {
    "name": "Acme DMS",
    "slug": "dms",
    "base_domain": "delivery.example.com",
    "db_required": True,
    "notify_emails": ["staff@example.com"],
    "secrets": ["setup_token"],
    "services": [BACKEND, FRONTEND],
}
IMAGE_ONLY: dict[str, Any] = {
    "name": "Tools",
    "slug": "tools",
    "base_domain": "tools.example.com",
    "notify_emails": ["staff@example.com"],
    "services": [{"name": "web", "service_type": "frontend", "image": "acme/tools:1.0"}],
}


class Killed(BaseException):
    """A worker that dies at this very point; nothing of ours catches it."""


class Stage:
    """One installation inside a test."""

    def __init__(self, engine: Engine, settings: Settings, twins: Twins | None = None) -> None:
        self.engine = engine
        self.settings = settings
        self.twins = twins or Twins()
        self.ports = self.twins.ports()
        self.sent: list[Chain] = []
        self.dispatcher = Dispatcher(engine, self.sent.append)
        sessions = sessionmaker(engine, expire_on_commit=False)
        secrets, resolver = self.twins.secrets, self.twins.resolver
        places = self.twins.target.destinations
        self.desk = Desk(
            settings, engine, sessions, secrets, self.dispatcher, resolver, lambda _: places()
        )
        self.waiting: dict[str, int] | None = {}
        self.watchdog = Watchdog(engine, self.dispatcher, settings.times, lambda: self.waiting)
        self.handlers = dict(HANDLERS)

    def runner(self, owner: str = "worker", at: Callable[[str], None] = no_hook) -> Runner:
        """A worker of its own name."""
        return Runner(
            engine=self.engine,
            ports=self.ports,
            handlers=self.handlers,
            times=self.settings.times,
            dispatcher=self.dispatcher,
            owner=owner,
            public_url="https://panel.example.com",
            at=at,
        )

    # Setting the scene

    def product(self, document: Mapping[str, Any] = PRODUCT) -> str:
        """Saves a product; its slug."""

        def act(session: Session) -> str:
            targets.sync(session, self.settings.targets)
            return templates.save(session, ME, document, self.desk.secrets).slug

        return self.desk.do(act)

    def tenant(self, subdomain: str = "acme", slug: str = "dms", **more: Any) -> int:
        """Adds a tenant; its id."""

        def act(session: Session) -> int:
            template = templates.find(session, slug)
            data = {"name": subdomain.title(), "subdomain": subdomain, **more}
            return tenants.add(session, ME, template, data, self.desk.secrets).id

        return self.desk.do(act)

    def ready(self, document: Mapping[str, Any] = PRODUCT, subdomain: str = "acme") -> "Stage":
        """A product and a tenant."""
        self.tenant(subdomain, self.product(document))
        return self

    def deploy(
        self,
        subdomain: str = "acme",
        *,
        wish: Wish | None = None,
        request_key: str | None = None,
        **how: Any,
    ) -> str:
        """
        Starts a deployment; its public id.

        Whole, unless a wish says otherwise: a second one would find nothing to do.
        """
        wanted = wish or Wish(**{"force": True, **how})
        return self.desk.deploy(ME, subdomain, wish=wanted, request_key=request_key)

    # Running

    def play(self, runner: Runner | None = None, most: int = 400) -> None:
        """Runs what was published, and what the watchdog publishes, until nothing is due."""
        runner = runner or self.runner()
        for _ in range(most):
            if not self.sent:
                self.watchdog.repair()
                self.watchdog.sweep()
            if not self.sent:
                return
            self.run_chain(self.sent.pop(0), runner)
        raise AssertionError("the play does not end")

    def run_chain(self, chain: Chain, runner: Runner | None = None) -> int:
        """Runs a chain as Celery would: each link while the one before said so."""
        runner = runner or self.runner()
        for number, link in enumerate(chain.links, start=1):
            suspect = link.queue == "suspect"
            if not runner.run(chain.deployment_id, link.step_id, chain.epoch, suspect=suspect):
                return number
        return len(chain.links)

    def finish(self, rounds: int = 60, seconds: float = 60.0) -> None:
        """Plays on through every wait until the deployments and their mails have ended."""
        for _ in range(rounds):
            self.play()
            if not self._open():
                return
            self.pass_time(seconds)
        raise AssertionError("the deployments do not end")

    def _open(self) -> bool:
        with self.desk.reading() as session:
            active = session.scalar(
                select(Deployment.id).where(Deployment.status.in_(("pending", "running"))).limit(1)
            )
            mail = session.scalar(
                select(DeploymentStep.id)
                .where(
                    DeploymentStep.gates.is_(False),
                    DeploymentStep.due_at.is_not(None),
                    DeploymentStep.status.in_(("pending", "waiting", "running")),
                )
                .limit(1)
            )
        return active is not None or mail is not None

    def pass_time(self, seconds: float) -> None:
        """Moves every stored time back, as if so many seconds had gone by."""
        shift = timedelta(seconds=seconds)
        columns = {
            DeploymentStep: (
                "due_at",
                "lease_until",
                "hinted_at",
                "intent_at",
                "started_at",
                "ended_at",
            ),
            JobRecord: ("next_run_at",),
            TargetRow: ("breaker_until",),
        }
        with self.engine.begin() as conn:
            for thing, names in columns.items():
                table: Any = thing.__table__
                rows = conn.execute(select(table.c.id, *(table.c[n] for n in names))).all()
                shifted = [
                    {"the_id": row.id}
                    | {f"new_{n}": (at := getattr(row, n)) and at - shift for n in names}
                    for row in rows
                ]
                if shifted:
                    new = {n: bindparam(f"new_{n}", type_=table.c[n].type) for n in names}
                    conn.execute(
                        update(table).where(table.c.id == bindparam("the_id")).values(new), shifted
                    )

    # Looking

    def steps(self, public_id: str | None = None) -> list[Any]:
        """Rows of steps in order."""
        with self.desk.reading() as session:
            query = select(DeploymentStep).order_by(
                DeploymentStep.deployment_id, DeploymentStep.order
            )
            if public_id:
                query = query.where(
                    DeploymentStep.deployment_id == deployments.find(session, public_id).id
                )
            return list(session.scalars(query))

    def step(self, key: str, service: str | None = None) -> Any:
        """One step by key (and service)."""
        return next(
            s
            for s in self.steps()
            if s.step_key == key and (service is None or s.service_name == service)
        )

    def step_of_latest(self, key: str) -> Any:
        """The last step of that key."""
        return [s for s in self.steps() if s.step_key == key][-1]

    def deployment(self, public_id: str | None = None) -> Any:
        """The newest deployment, or one."""
        with self.desk.reading() as session:
            if public_id:
                return deployments.find(session, public_id)
            return session.scalars(select(Deployment).order_by(Deployment.id.desc())).first()

    def tenant_row(self, subdomain: str = "acme") -> Any:
        """The tenant."""
        with self.desk.reading() as session:
            return session.scalars(select(Tenant).where(Tenant.subdomain == subdomain)).one()

    def service_row(self, name: str) -> Any:
        """A service of the only tenant."""
        with self.desk.reading() as session:
            return session.scalars(select(TenantService).where(TenantService.name == name)).one()

    def jobs(self) -> list[Any]:
        """Job records in order."""
        with self.desk.reading() as session:
            return list(session.scalars(select(JobRecord).order_by(JobRecord.id)))

    def changes(self, thing: str) -> list[tuple[str, str]]:
        """Moves of a kind of thing, in order."""
        with self.desk.reading() as session:
            rows = session.execute(
                select(StatusChange.old, StatusChange.new)
                .where(StatusChange.thing == thing)
                .order_by(StatusChange.id)
            )
            return [(row.old, row.new) for row in rows]


def die_at(point: str, nth: int = 1) -> Callable[[str], None]:
    """A hook that kills the worker when it comes to a point for the nth time."""
    left = nth

    def hook(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left == 0:
                raise Killed(point)

    return hook
