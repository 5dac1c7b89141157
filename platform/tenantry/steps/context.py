"""What a handler gets: plain values and ports, never a row, a session or a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tenantry.config import Times
from tenantry.errors import Permanent
from tenantry.planning.blueprint import Blueprint, DatabaseSpec, ServiceSpec
from tenantry.planning.differences import fingerprints
from tenantry.ports import Mailer, Resolver, Target, Web
from tenantry.steps.outcomes import LogText, Outcome


@dataclass(frozen=True, slots=True)
class TenantFacts:
    """What is known of the tenant on the target; `marker` is our word in descriptions there."""

    marker: str
    project_id: str | None
    environment_id: str | None


@dataclass(frozen=True, slots=True)
class ServiceFacts:
    """What is known of one service of the tenant on the target."""

    name: str
    service_type: str
    marker: str
    app_id: str | None = None
    app_name: str | None = None
    db_id: str | None = None
    db_name: str | None = None
    db_user: str | None = None
    domain_id: str | None = None
    build_trace: Mapping[str, Any] = field(default_factory=dict)
    compose_id: str | None = None
    applied: Mapping[str, Any] = field(default_factory=dict)
    paused: tuple[str, ...] = ()
    image_digest: str | None = None
    env_fingerprint: str | None = None

    def with_applied(self, marks: Mapping[str, str], *parts: str) -> dict[str, Any]:
        """`applied` with the fingerprints of these parts as they were just rolled out."""
        return {**self.applied, **{part: marks[part] for part in parts}}


@dataclass(frozen=True, slots=True)
class DeploymentFacts:
    """The deployment as mail tells of it; the last four are known once it has ended."""

    public_id: str
    reason: str
    epoch: int
    link: str
    started_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str = ""
    failed_step: str = ""
    failed_message: str = ""
    steps_done: int = 0
    steps_planned: int = 0


@dataclass(slots=True)
class StepContext:
    """
    One claim of one step.

    `intent` is what an earlier claim remembered before a change whose outcome it may not know;
    `waited` the seconds since the step first started in this epoch, by the database's clock;
    `memory` the step's own details so far. `open_secret` opens by name; `open_version` opens the
    value of an environment's key by the public id of its version, for `env_set` alone. `addresses`
    are those that hostnames on this target should have, where staff stated them.
    """

    key: str
    deployment: DeploymentFacts
    blueprint: Blueprint
    tenant: TenantFacts
    services: Mapping[str, ServiceFacts]
    service: ServiceSpec | None
    own: ServiceFacts | None
    target: Target
    resolver: Resolver
    web: Web
    mailer: Mailer
    times: Times
    attempt: int
    polls: int
    waited: float
    memory: Mapping[str, Any]
    intent: Mapping[str, Any] | None
    patience: float | None
    poll_seconds: float
    begin_change: Callable[[Mapping[str, Any]], None]
    open_secret: Callable[[str], str]
    open_version: Callable[[str], str]
    call_deadline: float = 20.0
    addresses: tuple[str, ...] = ()
    log: list[LogText] = field(default_factory=list)

    def intend(self, deed: str, **remember: Any) -> None:
        """
        Commits the intent and renews the lease; call it before every change on the target.

        `remember` is what a later claim needs to recognise the result. Raises Lost where the
        claim is no longer ours: then nothing may be sent.
        """
        self.begin_change({"deed": deed, **remember})

    def secret(self, name: str) -> str:
        """Opens a secret of this tenant by name; Permanent where there is none."""
        return self.open_secret(name)

    def say(self, *lines: str, stream: str = "system", hidden: bool = False) -> None:
        """Lines for the log; stored with the outcome of this claim."""
        self.log.append(LogText(lines, stream, hidden))

    def app_id(self) -> str:
        """The id of the step's own application; Permanent where it was never created."""
        if self.own is None or self.own.app_id is None:
            raise Permanent("The application was not created")
        return self.own.app_id

    def marks(self) -> dict[str, str]:
        """The fingerprints of the step's own service as this deployment wants it."""
        spec, _ = self.the_service()
        return fingerprints(self.blueprint, spec)

    def the_database(self) -> tuple[DatabaseSpec, ServiceFacts]:
        """The tenant's database and the step's own service; Permanent where there is none."""
        if self.blueprint.database is None or self.own is None:
            raise Permanent("This product has no database")
        return self.blueprint.database, self.own

    def the_service(self) -> tuple[ServiceSpec, ServiceFacts]:
        """The step's own service; it exists for every step that the planner ties to one."""
        if self.service is None or self.own is None:
            raise LookupError(f"{self.key} has no service")
        return self.service, self.own


Handler = Callable[[StepContext], Outcome]
