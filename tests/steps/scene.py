"""
One tenant on twins, and claims of its steps without an engine.

`claim()` calls a handler as the runner would and applies what it answers, as settle would: facts to
tenant and service, details to the step's memory; an intent is forgotten only when the outcome is
known.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tenantry.config import Times
from tenantry.errors import StepTrouble
from tenantry.planning.blueprint import Blueprint, EnvLayer
from tenantry.planning.catalogue import kind_of
from tenantry.steps import HANDLERS
from tenantry.steps.context import DeploymentFacts, ServiceFacts, StepContext, TenantFacts
from tenantry.steps.outcomes import Done, LogText, Outcome, Skip, Wait
from tests.planning.blueprints import DATABASE, blueprint, service
from tests.twins import AppRow, Twins

ENV = (EnvLayer("product", {"DATABASE_URL": "${DATABASE_URL}", "TOKEN": "${SECRET_SETUP_TOKEN}"}),)
PASSWORD = "Abc23456789defghJKLMNPqrstuvwxyz"


def product() -> Blueprint:
    """A backend from git that provisions itself, a frontend, a worker, and a database."""
    backend = service(
        "backend",
        env=ENV,
        provision_endpoint="setup/",
        provision_secret="setup_token",
        args=("serve",),
    )
    frontend = service("frontend", 2, service_type="frontend", hostname="acme.example.com")
    worker = service("jobs", 2, service_type="worker", hostname=None, expose_domain=False)
    return blueprint(
        backend,
        frontend,
        worker,
        database=DATABASE,
        notify_emails=("a@example.com", "b@example.com"),
        secrets={"setup_token": ""},
    )


@dataclass
class Memory:
    """What the row of one step would hold."""

    details: dict[str, Any] = field(default_factory=dict)
    intent: dict[str, Any] | None = None
    attempts: int = 0
    polls: int = 0
    waited: float = 0.0


@dataclass
class Scene:
    """A tenant, its target, and what is known so far."""

    twins: Twins = field(default_factory=Twins)
    blueprint: Blueprint = field(default_factory=product)
    times: Times = field(default_factory=Times)
    epoch: int = 0
    outcome: str = "running"
    told: Mapping[str, Any] = field(default_factory=dict)
    tenant: TenantFacts = field(default_factory=lambda: TenantFacts("tenantry:acme", None, None))
    services: dict[str, ServiceFacts] = field(default_factory=dict)
    steps: dict[tuple[str, str | None], Memory] = field(default_factory=dict)
    lines: list[LogText] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    versions: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(
        default_factory=lambda: {"setup_token": "tok-12345678", "db/db_password": PASSWORD}
    )

    def __post_init__(self) -> None:
        kinds = {spec.name: spec.service_type for spec in self.blueprint.services}
        if self.blueprint.database:
            kinds[self.blueprint.database.service] = "db"
        self.services |= {n: ServiceFacts(n, kind, f"tenantry:{n}") for n, kind in kinds.items()}

    @property
    def target(self) -> Any:
        """The Dokploy in memory."""
        return self.twins.target

    def step(self, key: str, name: str | None) -> Memory:
        """The memory of one step."""
        return self.steps.setdefault((key, name), Memory())

    def context(self, key: str, name: str | None = None) -> StepContext:
        """What the engine would hand to the handler of this claim."""
        kind, memory = kind_of(key), self.step(key, name)
        assert kind is not None
        memory.attempts += 1
        return StepContext(
            key=key,
            deployment=DeploymentFacts(
                "0190-deployment",
                "initial",
                self.epoch,
                "https://panel.example.com/deployments/0190-deployment",
                outcome=self.outcome,
                **self.told,
            ),
            blueprint=self.blueprint,
            tenant=self.tenant,
            services=dict(self.services),
            service=self.blueprint.service(name) if name else None,
            own=self.services.get(name or ""),
            target=self.twins.target,
            resolver=self.twins.resolver,
            web=self.twins.web,
            mailer=self.twins.mailer,
            times=self.times,
            attempt=memory.attempts,
            polls=memory.polls,
            waited=memory.waited,
            memory=dict(memory.details),
            intent=dict(memory.intent) if memory.intent else None,
            patience=kind.patience,
            poll_seconds=kind.poll_seconds,
            begin_change=lambda what: setattr(memory, "intent", dict(what)),
            open_secret=self._open,
            open_version=self._open_version,
            addresses=self.addresses,
            call_deadline=kind.call_deadline,
        )

    def _open(self, name: str) -> str:
        self.opened.append(name)
        return self.secrets[name]

    def _open_version(self, public_id: str) -> str:
        self.opened.append(public_id)
        return self.versions[public_id]

    def claim(self, key: str, name: str | None = None) -> Outcome:
        """One claim, settled; trouble is raised after it was settled."""
        memory, context = self.step(key, name), self.context(key, name)
        kind = kind_of(key)
        assert kind is not None
        try:
            outcome = HANDLERS[kind.name](context)
        except StepTrouble as trouble:
            if trouble.outcome_known:
                memory.intent = None
            raise
        finally:
            self.lines += context.log
        memory.intent = None
        memory.details |= outcome.details
        memory.polls += isinstance(outcome, Wait)
        if not isinstance(outcome, Skip):
            self._learn(name, outcome)
        return outcome

    def _learn(self, name: str | None, outcome: Done | Wait) -> None:
        self.facts |= outcome.service
        known = {k: v for k, v in outcome.service.items() if k in ServiceFacts.__dataclass_fields__}
        if name and known:
            self.services[name] = replace(self.services[name], **known)
        if isinstance(outcome, Done) and outcome.tenant:
            facts = outcome.tenant
            self.tenant = replace(
                self.tenant,
                project_id=facts["dokploy_project_id"],
                environment_id=facts["dokploy_environment_id"],
            )

    def resume(self) -> None:
        """A new epoch: every step starts afresh, and keeps its details and an unknown intent."""
        self.epoch += 1
        for memory in self.steps.values():
            memory.waited = 0.0

    # Setting the scene

    def with_project(self) -> "Scene":
        """The project is there."""
        self.claim("project.create")
        return self

    def with_app(self, name: str = "backend") -> "Scene":
        """The application is there, with its source."""
        self.with_project()
        self.claim(f"service.{name}.create", name)
        if self.blueprint.service(name).git:  # type: ignore[union-attr]
            self.claim(f"service.{name}.git_attach", name)
        return self

    def with_database(self) -> "Scene":
        """The database is there and runs."""
        self.with_project()
        self.claim("db.create", "db")
        self.claim("db.deploy", "db")
        return self

    def triggered(self, name: str = "backend") -> "Scene":
        """A build is in the queue, and moves only when the test says so."""
        self.target.looks_to_end = None
        self.with_app(name)
        self.claim(f"service.{name}.deploy", name)
        return self

    def app(self, name: str = "backend") -> AppRow:
        """What the target knows of it."""
        return self.twins.target.app(name)

    def said(self, stream: str = "stdout") -> list[str]:
        """Lines of the log, of one stream."""
        return [line for text in self.lines if text.stream == stream for line in text.lines]
