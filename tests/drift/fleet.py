"""
A fleet of tenants as their deployments would have left them, without deploying each.

What a tenant needs on the target is made by the product's own adapter and handlers, so what is
stored there is what is stored in real life; only builds and containers are left out. The rows are
written as the settling of those steps would have written them.
"""

import dataclasses
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.engine.context import SecretDrawer
from tenantry.models import Deployment, DeploymentStep, TargetRow, Tenant, TenantService
from tenantry.models.base import uuid7
from tenantry.operations import templates, tenants
from tenantry.operations.preparing import prepare
from tenantry.operations.wishes import Wish
from tenantry.planning.blueprint import Blueprint, ServiceSpec, to_json
from tenantry.planning.databases import native
from tenantry.planning.differences import database_fingerprint, fingerprints
from tenantry.ports import DatabaseWish, Target
from tenantry.steps import HANDLERS
from tenantry.steps.adoption import describe
from tenantry.steps.application import running_of
from tenantry.steps.context import DeploymentFacts, ServiceFacts, StepContext, TenantFacts
from tests.installation import ME, Installation

PRODUCT: dict[str, Any] = {
    "name": "Fleet",
    "slug": "fleet",
    "base_domain": "fleet.demo.test",
    "https": False,
    "certificate": "none",
    "db_required": True,
    "services": [
        {
            "name": "api",
            "service_type": "backend",
            "order": 1,
            "repo_url": "https://github.com/acme/api",
            "repo_branch": "v1",
            "env": {"DATABASE_URL": "${DATABASE_URL}", "GREETING": "hello"},
        },
        {
            "name": "web",
            "service_type": "frontend",
            "order": 2,
            "image": "nginx:1.27",
            "env": {"COLOUR": "green"},
        },
    ],
}
AT_ONCE = 6
BATCH = 50


@dataclass
class Member:
    """One tenant: its row ids, what it should be, and what was made of it on the target."""

    tenant_id: int
    subdomain: str
    blueprint: Blueprint
    release_id: int | None
    tenant: TenantFacts
    services: dict[str, ServiceFacts]
    ids: dict[str, int]
    facts: dict[str, dict[str, Any]] = field(default_factory=dict)


class Fleet:
    """Tenants of one product on the stand-in."""

    def __init__(self, place: Installation, document: dict[str, Any] = PRODUCT) -> None:
        self.place = place
        self.document = document
        self.shop = place.shop
        self.target: Target = self.shop.ports.target("main")

    def grow(self, number: int) -> list[Member]:
        """So many tenants, on the target and in the rows."""
        self.place.product(self.document)
        members = [m for batch in self._batches(number) for m in self._added(batch)]
        with ThreadPoolExecutor(AT_ONCE) as pool:
            list(pool.map(self._build, members))
        for start in range(0, number, BATCH):
            some = members[start : start + BATCH]
            self.shop.desk.do(lambda session, some=some: self._write(session, some))
        return members

    def _batches(self, number: int) -> Iterator[range]:
        for start in range(0, number, BATCH):
            yield range(start, min(start + BATCH, number))

    # Rows first, as adding a tenant does

    def _added(self, numbers: range) -> list[Member]:
        desk, slug = self.shop.desk, self.document["slug"]

        def act(session: Session) -> list[Member]:
            template = templates.find(session, slug)
            found = []
            for number in numbers:
                name = f"{slug}{number:04d}"
                data = {"name": name.title(), "subdomain": name}
                row = tenants.add(session, ME, template, data, desk.secrets)
                session.refresh(row)
                found.append(self._member(session, row))
            return found

        return desk.do(act)

    def _member(self, session: Session, row: Tenant) -> Member:
        shaped, release = prepare(session, ME, row, self.shop.desk.secrets, Wish())
        services = {
            s.name: ServiceFacts(
                s.name, s.service_type, s.external_ref, db_name=s.db_name, db_user=s.db_user
            )
            for s in row.services
        }
        return Member(
            tenant_id=row.id,
            subdomain=row.subdomain,
            blueprint=shaped.blueprint,
            release_id=release.id if release else None,
            tenant=TenantFacts(row.external_ref, None, None),
            services=services,
            ids={s.name: s.id for s in row.services},
        )

    # On the target

    def _build(self, member: Member) -> None:
        target, plan = self.target, member.blueprint
        made = target.create_project(
            plan.project_name, describe(member.tenant.marker, plan.tenant_name)
        )
        member.tenant = TenantFacts(member.tenant.marker, made.id, made.environment_id)
        secrets = SecretDrawer(self.shop.engine, self.shop.ports, member.tenant_id, self._product)
        if plan.database:
            self._database(member, secrets)
        for spec in plan.ordered():
            self._service(member, spec, secrets)
        if plan.backup and plan.database:
            self._run(member, "backup.schedule", None, plan.database.service, secrets)

    @property
    def _product(self) -> int:
        with self.shop.desk.reading() as session:
            return int(templates.find(session, self.document["slug"]).id)

    def _database(self, member: Member, secrets: SecretDrawer) -> None:
        plan = member.blueprint
        spec = plan.database
        assert spec is not None
        password = secrets.open(f"{spec.service}/db_password")
        made = self.target.create_database(
            member.tenant.environment_id or "",
            DatabaseWish(
                native(spec.kind),
                spec.service,
                f"{plan.project_name}-{spec.service}",
                describe(member.services[spec.service].marker, plan.tenant_name),
                spec.database,
                spec.user,
                password,
                spec.image,
            ),
            None,
        )
        self._status(spec.kind, made.id)
        applied = {"running": database_fingerprint(spec)}
        facts = {"db_id": made.id, "app_name": made.app_name, "created": True, "applied": applied}
        self._learn(member, spec.service, facts)

    def _service(self, member: Member, spec: ServiceSpec, secrets: SecretDrawer) -> None:
        own, plan = member.services[spec.name], member.blueprint
        made = self.target.create_application(
            member.tenant.environment_id or "",
            spec.name,
            f"{plan.project_name}-{spec.name}"[:56],
            describe(own.marker, plan.tenant_name),
            None,
        )
        self.target.settle_application(made.id, running_of(spec))
        if spec.image:
            self.target.attach_image(made.id, spec.image)
        marks = fingerprints(plan, spec)
        applied = {part: marks[part] for part in marks if part != "domains"}
        facts = {"app_id": made.id, "app_name": made.app_name, "created": True, "applied": applied}
        self._learn(member, spec.name, facts)
        for deed in ("git_attach", "build_config") if spec.git else ():
            self._run(member, f"service.{deed}", spec, spec.name, secrets)
        self._run(member, "service.env_set", spec, spec.name, secrets)
        if spec.hostname:
            self._run(member, "domains.create", spec, spec.name, secrets)
        self._status("application", made.id)

    def _status(self, kind: str, object_id: str) -> None:
        """As a deployment would have left it: saving a source says idle."""
        fields = {"applicationStatus": "done"}
        self.place.control("drift", {"kind": kind, "id": object_id, "fields": fields})

    def _run(self, member: Member, kind: str, spec: Any, name: str, secrets: SecretDrawer) -> None:
        outcome: Any = HANDLERS[kind](self._context(member, kind, spec, name, secrets))
        self._learn(member, name, dict(outcome.service))

    def _learn(self, member: Member, name: str, facts: dict[str, Any]) -> None:
        member.facts.setdefault(name, {}).update(facts)
        known = {f.name for f in dataclasses.fields(ServiceFacts)}
        told = {key: value for key, value in facts.items() if key in known}
        member.services[name] = dataclasses.replace(member.services[name], **told)

    def _context(
        self, member: Member, kind: str, spec: Any, name: str, secrets: SecretDrawer
    ) -> StepContext:
        ports = self.shop.ports
        return StepContext(
            key=kind,
            deployment=DeploymentFacts("seed", "initial", 0, ""),
            blueprint=member.blueprint,
            tenant=member.tenant,
            services=dict(member.services),
            service=spec,
            own=member.services[name],
            target=self.target,
            resolver=ports.resolver,
            web=ports.web,
            mailer=ports.mailer,
            times=self.shop.settings.times,
            attempt=1,
            polls=0,
            waited=0.0,
            memory={},
            intent=None,
            patience=None,
            poll_seconds=1.0,
            begin_change=lambda _: None,
            open_secret=secrets.open,
            open_version=secrets.open_version,
        )

    # Rows again, as settling would

    def _write(self, session: Session, members: list[Member]) -> None:
        target_id = session.query(TargetRow.id).filter_by(name="main").scalar()
        for member in members:
            session.execute(
                update(Tenant)
                .where(Tenant.id == member.tenant_id)
                .values(
                    status="running",
                    completed_at=utcnow(),
                    release_id=member.release_id,
                    dokploy_project_id=member.tenant.project_id,
                    dokploy_environment_id=member.tenant.environment_id,
                )
            )
            for name, facts in member.facts.items():
                session.execute(
                    update(TenantService)
                    .where(TenantService.id == member.ids[name])
                    .values(deployed=True, **facts)
                )
            self._deployment(session, member, target_id)

    def _deployment(self, session: Session, member: Member, target_id: int) -> None:
        made = session.execute(
            insert(Deployment)
            .values(
                public_id=uuid7(),
                tenant_id=member.tenant_id,
                target_id=target_id,
                release_id=member.release_id,
                trigger_reason="initial",
                status="succeeded",
                queued_at=utcnow(),
                started_at=utcnow(),
                ended_at=utcnow(),
                blueprint=to_json(member.blueprint),
                details={},
                tenant_name=member.subdomain,
                subdomain=member.subdomain,
                template_name=self.document["name"],
            )
            .returning(Deployment.id)
        ).scalar_one()
        if member.blueprint.backup is None:
            return
        session.execute(
            insert(DeploymentStep).values(
                public_id=uuid7(),
                deployment_id=made,
                step_key="backup.schedule",
                order=100,
                status="success",
                due_at=utcnow(),
                ended_at=utcnow(),
                details={},
            )
        )
