"""Builds what a handler gets from the rows of a claim, and opens secrets at the last moment."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import Engine, and_, case, func, or_, select

from tenantry.config import Times
from tenantry.engine.blueprints import Known
from tenantry.engine.claim import Claim
from tenantry.engine.store import transaction
from tenantry.errors import Permanent
from tenantry.journal import Redactor
from tenantry.models import (
    DeploymentStep,
    EnvVar,
    EnvVersion,
    IntegrationSecret,
    ServiceTemplate,
    TenantService,
)
from tenantry.planning.blueprint import Blueprint
from tenantry.planning.states import DONE_STEP
from tenantry.ports import Ports, Sealed
from tenantry.steps.context import DeploymentFacts, ServiceFacts, StepContext, TenantFacts

Step = DeploymentStep
API_KEY_SECRET = "dokploy_api_key"  # noqa: S105 — the name of a secret


@dataclass(slots=True)
class SecretDrawer:
    """
    The secrets in scope of one tenant: of its product, its services' templates, and its own.

    Sealed rows are read once; each is opened when it is asked for, or when untrusted text must be
    redacted. A tenant's own secret covers one of its template's of the same name.

    `named` are the versions of environment values that the deployment may open; which of the
    tenant's values are marked as secret is known to the redactor beside them.
    """

    engine: Engine
    ports: Ports
    tenant_id: int
    project_id: int
    always: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    _versions: dict[str, tuple[Sealed, bool]] | None = None
    _sealed: dict[str, Sealed] | None = None
    _opened: dict[str, str] = field(default_factory=dict)

    def sealed(self) -> dict[str, Sealed]:
        """Name → sealed value; qualified `service/name` wherever it belongs to one service."""
        if self._sealed is None:
            with transaction(self.engine) as conn:
                rows = conn.execute(_in_scope(self.tenant_id, self.project_id)).all()
            self._sealed = {}
            for row in rows:
                sealed = Sealed(row.encrypted_value, row.key_id, _bound_to(row))
                if row.service:
                    self._sealed[f"{row.service}/{row.name}"] = sealed
                else:
                    self._sealed[row.name] = sealed
        return self._sealed

    def open(self, name: str) -> str:
        """Permanent where there is no such secret; SecretUnreadable where it does not open."""
        if name not in self._opened:
            sealed = self.sealed().get(name)
            if sealed is None:
                raise Permanent(f"The secret {name} does not exist")
            self._opened[name] = self.ports.secrets.open(sealed)
        return self._opened[name]

    def versions(self) -> dict[str, tuple[Sealed, bool]]:
        """Public id → sealed value and whether it is secret, of the named and the secret ones."""
        if self._versions is None:
            with transaction(self.engine) as conn:
                rows = conn.execute(_values_of(self.tenant_id, self.named)).all()
            self._versions = {
                str(row.public_id): (
                    Sealed(
                        row.encrypted_value,
                        row.key_id,
                        f"env_version|{row.public_id}|encrypted_value",
                    ),
                    row.secret,
                )
                for row in rows
            }
        return self._versions

    def open_version(self, public_id: str) -> str:
        """One value of the tenant's environment; Permanent where this deployment names no such."""
        found = self.versions().get(public_id) if public_id in self.named else None
        if found is None:
            raise Permanent("A value of the environment is gone; set it again")
        return self.ports.secrets.open(found[0])

    def redactor(self) -> Redactor:
        """Knows every secret in scope; one that does not open is left aside."""
        known = []
        for sealed in [
            *self.sealed().values(),
            *(s for s, secret in self.versions().values() if secret),
        ]:
            try:
                known.append(self.ports.secrets.open(sealed))
            except Exception:  # noqa: BLE001, S112 — an unreadable secret cannot leak either
                continue
        return Redactor([*known, *self.always])


def _in_scope(tenant_id: int, project_id: int) -> Any:
    secret = IntegrationSecret
    return (
        select(
            secret.public_id,
            secret.name,
            secret.encrypted_value,
            secret.key_id,
            secret.project_id,
            secret.service_template_id,
            secret.tenant_service_id,
            func.coalesce(TenantService.name, ServiceTemplate.name).label("service"),
        )
        .outerjoin(ServiceTemplate, ServiceTemplate.id == secret.service_template_id)
        .outerjoin(TenantService, TenantService.id == secret.tenant_service_id)
        .where(
            or_(
                secret.project_id == project_id,
                ServiceTemplate.project_id == project_id,
                TenantService.tenant_id == tenant_id,
            )
        )
        # Wider scopes first, so that narrower ones cover them.
        .order_by(
            case(
                (secret.project_id.is_not(None), 0),
                (secret.service_template_id.is_not(None), 1),
                else_=2,
            )
        )
    )


def _values_of(tenant_id: int, named: frozenset[str]) -> Any:
    return (
        select(EnvVersion.public_id, EnvVersion.encrypted_value, EnvVersion.key_id, EnvVar.secret)
        .join(EnvVar, EnvVar.id == EnvVersion.env_var_id)
        .where(
            EnvVar.tenant_id == tenant_id,
            or_(
                EnvVersion.public_id.in_([UUID(version) for version in named]),
                and_(EnvVar.secret, EnvVersion.number == EnvVar.current),
            ),
        )
    )


def _bound_to(row: Any) -> str:
    scope = next(
        f"{column}={value}"
        for column in ("project_id", "service_template_id", "tenant_service_id")
        if (value := getattr(row, column)) is not None
    )
    return f"integration_secret|{row.public_id}|encrypted_value|{scope}"


def build_context(
    claim: Claim,
    drawer: SecretDrawer,
    ports: Ports,
    times: Times,
    public_url: str,
    begin_change: Callable[[Mapping[str, Any]], None],
    addresses: Mapping[str, Sequence[str]],
    known: Known,
) -> StepContext:
    """Plain values and ports for one claim; the drawer learns which values it may open."""
    deployment, step, blueprint = claim.deployment, claim.step, known.blueprint
    drawer.named = known.versions
    services = {row.name: _service_facts(row) for row in claim.services}
    key = drawer.open(blueprint.api_key_secret) if blueprint.api_key_secret else None
    return StepContext(
        key=step.step_key,
        deployment=_deployment_facts(drawer.engine, claim, public_url),
        blueprint=blueprint,
        tenant=TenantFacts(
            deployment.tenant_marker,
            deployment.dokploy_project_id,
            deployment.dokploy_environment_id,
        ),
        services=services,
        service=_spec(blueprint, step.service_name),
        own=services.get(step.service_name or ""),
        target=ports.target(blueprint.target, key),
        resolver=ports.resolver,
        web=ports.web,
        mailer=ports.mailer,
        times=times,
        attempt=claim.attempts,
        polls=step.polls,
        waited=claim.waited,
        memory=step.meta or {},
        intent=step.intent,
        patience=claim.kind.patience,
        poll_seconds=claim.kind.poll_seconds,
        begin_change=begin_change,
        open_secret=drawer.open,
        open_version=drawer.open_version,
        addresses=tuple(addresses.get(blueprint.target, ())),
        call_deadline=claim.kind.call_deadline * times.scale,
    )


def _spec(blueprint: Blueprint, name: str | None) -> Any:
    return blueprint.service(name) if name else None


def _service_facts(row: Any) -> ServiceFacts:
    return ServiceFacts(
        name=row.name,
        service_type=row.service_type,
        marker=row.external_ref,
        app_id=row.app_id,
        app_name=row.app_name,
        db_id=row.db_id,
        db_name=row.db_name,
        db_user=row.db_user,
        domain_id=row.domain_id,
        build_trace=row.build_trace or {},
        compose_id=row.compose_id,
        applied=row.applied or {},
        paused=tuple(row.paused or ()),
        image_digest=row.image_digest,
        env_fingerprint=row.env_fingerprint,
    )


def _deployment_facts(engine: Engine, claim: Claim, public_url: str) -> DeploymentFacts:
    deployment = claim.deployment
    facts = DeploymentFacts(
        public_id=str(deployment.public_id),
        reason=deployment.trigger_reason,
        epoch=deployment.epoch,
        link=f"{public_url}/deployments/{deployment.public_id}",
        started_at=deployment.started_at,
        ended_at=deployment.ended_at,
        outcome=deployment.status,
    )
    # Only mail tells of the whole; other steps are spared the query.
    if claim.step.gates:
        return facts
    with transaction(engine) as conn:
        rows = conn.execute(
            select(Step.step_key, Step.status, Step.message, Step.service_name)
            .where(Step.deployment_id == deployment.id, Step.gates, Step.retried_by_id.is_(None))
            .order_by(Step.order)
        ).all()
    failed = next((row for row in rows if row.status == "failed"), None)
    where = f"{failed.step_key} ({failed.service_name})" if failed and failed.service_name else ""
    return DeploymentFacts(
        **{name: getattr(facts, name) for name in _SIMPLE},
        failed_step=where or (failed.step_key if failed else ""),
        failed_message=failed.message if failed else deployment.summary,
        steps_done=sum(row.status in DONE_STEP for row in rows),
        steps_planned=len(rows),
    )


_SIMPLE = ("public_id", "reason", "epoch", "link", "started_at", "ended_at", "outcome")
