"""
Compares what a target holds under our markers with what the rows refer to (KERNEL R19).

Runs after deployments and every night, never inside one. It deletes only an application or stack
that no row refers to, carries our marker, was never built and is older than any call under way can
be; all else it reports: projects leave containers behind, and databases may hold data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, exists, select, update

from tenantry.clock import utcnow
from tenantry.config import Times
from tenantry.engine.context import SecretDrawer
from tenantry.engine.store import transaction
from tenantry.errors import SecretUnreadable, StepTrouble
from tenantry.journal import audited, cap_line
from tenantry.models import Deployment, Tenant, TenantService
from tenantry.models.dbtime import db_now
from tenantry.ports import Ports, ProjectSeen, ServiceSeen, Target

log = structlog.get_logger(__name__)
OURS = "tenantry:"
API_KEY = "dokploy_api_key"


@dataclass(frozen=True, slots=True)
class Finding:
    """`kind` is doubled, orphaned or dangling; `removed` says whether it was taken away."""

    kind: str
    what: str
    id: str
    removed: bool = False

    def __str__(self) -> str:
        """One sentence for people."""
        words = {
            "doubled": "stands twice on the target",
            "orphaned": "is on the target and belongs to no row",
            "dangling": "is gone from the target",
        }[self.kind]
        return f"{self.what} {words} ({self.id}){'; removed' if self.removed else ''}"


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Safe to run at any time, by any number of processes."""

    engine: Engine
    ports: Ports
    times: Times

    def recent(self, seconds: float) -> int:
        """Tenants whose deployment ended within so many seconds; returns how many findings."""
        return self._all(Deployment.ended_at > db_now(-seconds))

    def everything(self) -> int:
        """Every live tenant that was ever deployed."""
        return self._all(Deployment.ended_at.is_not(None))

    def _all(self, which: Any) -> int:
        with transaction(self.engine) as conn:
            ids = conn.execute(
                select(Tenant.id)
                .join(Deployment, Deployment.tenant_id == Tenant.id)
                .where(which, Tenant.deleted_at.is_(None))
                .distinct()
            ).scalars()
            tenants = list(ids)
        return sum(len(self.tenant(tenant_id)) for tenant_id in tenants)

    def tenant(self, tenant_id: int) -> list[Finding]:
        """
        What is wrong with one tenant; audited and shown as its attention.

        Nothing where a deployment of it is under way, or its target does not answer now.
        """
        facts = self._facts(tenant_id)
        if facts is None:
            return []
        tenant, services = facts
        try:
            drawer = SecretDrawer(self.engine, self.ports, tenant_id, tenant.project_id)
            own = drawer.open(API_KEY) if API_KEY in drawer.sealed() else None
            target = self.ports.target(tenant.target_name, own)
            found = list(self._compare(target, tenant, services))
        except (StepTrouble, SecretUnreadable) as trouble:
            log.info("not reconciled", tenant=tenant.subdomain, reason=str(trouble))
            return []
        if found:
            self._report(tenant, found)
        return found

    def _facts(self, tenant_id: int) -> tuple[Any, Mapping[str, Any]] | None:
        active = exists().where(
            Deployment.tenant_id == Tenant.id, Deployment.status.in_(("pending", "running"))
        )
        with transaction(self.engine) as conn:
            tenant = conn.execute(
                select(Tenant.__table__).where(Tenant.id == tenant_id, ~active)
            ).one_or_none()
            if tenant is None or tenant.dokploy_project_id is None:
                return None
            rows = conn.execute(
                select(TenantService.__table__).where(TenantService.tenant_id == tenant_id)
            ).all()
        return tenant, {row.external_ref: row for row in rows}

    def _compare(
        self, target: Target, tenant: Any, services: Mapping[str, Any]
    ) -> Iterable[Finding]:
        for marked in target.projects_marked(tenant.external_ref):
            if marked.id != tenant.dokploy_project_id:
                yield Finding("doubled", f"Project {marked.name}", marked.id)
        project = target.project(tenant.dokploy_project_id)
        if project is None:
            yield Finding("dangling", "The project", tenant.dokploy_project_id)
            return
        yield from self._services(target, project, services)

    def _services(
        self, target: Target, project: ProjectSeen, services: Mapping[str, Any]
    ) -> Iterable[Finding]:
        there = {seen.id for seen in project.services}
        for row in services.values():
            for known in _known(row):
                if known not in there:
                    yield Finding("dangling", f"Service {row.name}", known)
        for seen in project.services:
            marker = next((w for w in seen.description.split() if w.startswith(OURS)), None)
            if marker is None:
                continue
            row = services.get(marker)
            if row is None:
                yield Finding("orphaned", f"Service {seen.name}", seen.id)
            elif seen.id not in _known(row) and _known(row):
                yield Finding(
                    "doubled", f"Service {seen.name}", seen.id, removed=self._remove(target, seen)
                )

    def _remove(self, target: Target, seen: ServiceSeen) -> bool:
        if not self._old_enough(seen):
            return False
        if seen.kind == "application" and not target.builds(seen.id):
            target.delete_application(seen.id)
            return True
        if seen.kind == "compose" and not target.compose_builds(seen.id):
            target.delete_compose(seen.id)
            return True
        return False

    def _old_enough(self, seen: ServiceSeen) -> bool:
        try:
            born = datetime.fromisoformat(seen.created_at)
        except ValueError:
            return False
        age = utcnow() - born if born.tzinfo else timedelta()
        return age.total_seconds() > 2 * (self.times.http + self.times.lease_margin)

    def _report(self, tenant: Any, found: list[Finding]) -> None:
        left = [finding for finding in found if not finding.removed]
        with transaction(self.engine) as conn:
            for finding in found:
                audited(
                    conn,
                    actor="reconciler",
                    user_id=None,
                    action=f"reconcile.{finding.kind}",
                    object_type="Tenant",
                    object_id=str(tenant.public_id),
                    object_name=tenant.name,
                    reason=str(finding),
                )
            if left and not tenant.attention:
                words = cap_line("; ".join(str(finding) for finding in left))
                conn.execute(update(Tenant).where(Tenant.id == tenant.id).values(attention=words))


def _known(row: Any) -> list[str]:
    """The target's ids to which a service refers: one of an application, a stack or a database."""
    return [known for known in (row.app_id, row.compose_id, row.db_id) if known]
