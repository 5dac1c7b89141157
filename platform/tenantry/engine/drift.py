"""
Looks for drift: our record × the product × the target, for every tenant, at night and on demand.

No transaction is open while a target is asked. A tenant with a deployment under way is left for
the next round, and so is one whose target or engine does not answer: silence is no finding. One
look costs one call for the project and one for each service and database.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Engine, select

from tenantry.engine import drift_rows
from tenantry.engine.context import API_KEY_SECRET, SecretDrawer
from tenantry.engine.drift_facts import Facts, Wanted, facts_of, older_blueprints, stamp_of
from tenantry.engine.drift_reading import Reading
from tenantry.engine.store import transaction
from tenantry.errors import KeyRefused, SecretUnreadable, StepTrouble, TargetDown
from tenantry.journal import Redactor
from tenantry.models import Deployment, TargetRow, Tenant
from tenantry.models.dbtime import db_now
from tenantry.planning import drift
from tenantry.planning.backups import DUMPED
from tenantry.planning.blueprint import Blueprint
from tenantry.planning.drift import Difference
from tenantry.planning.recorded_databases import same_nights
from tenantry.ports import Ports, ProjectSeen

log = structlog.get_logger(__name__)
NOT_STORED = "not stored on the target yet"


@dataclass(frozen=True, slots=True)
class Look:
    """What one look found: differences as they are kept, and how many of them are open."""

    found: tuple[Difference, ...]
    open: int


@dataclass(frozen=True, slots=True)
class Auditor:
    """
    Safe to run at any time, by any number of processes.

    `wanted` says what a tenant should become; it opens and ends a transaction of its own.
    """

    engine: Engine
    ports: Ports
    wanted: Callable[[int], Wanted]

    def recent(self, seconds: float) -> int:
        """Tenants whose deployment ended within so many seconds; how many findings are open."""
        return self._all(Deployment.ended_at > db_now(-seconds))

    def everything(self) -> int:
        """Every live tenant that was ever up, and what else stands on their targets."""
        number = self._all(Deployment.ended_at.is_not(None))
        with transaction(self.engine) as conn:
            names = conn.execute(select(TargetRow.name).order_by(TargetRow.id)).scalars().all()
        return number + sum(self.foreign(name) or 0 for name in names)

    def _all(self, which: Any) -> int:
        with transaction(self.engine) as conn:
            rows = conn.execute(
                select(Tenant.id, Tenant.target_name)
                .join(Deployment, Deployment.tenant_id == Tenant.id)
                .where(which, Tenant.deleted_at.is_(None))
                .distinct()
                .order_by(Tenant.id)
            ).all()
        number, silent = 0, _Silence()
        for row in rows:
            if row.target_name not in silent.targets:
                look = self.tenant(row.id, silent=silent)
                number += look.open if look else 0
        return number

    def tenant(
        self, tenant_id: int, *, thorough: bool = False, silent: "_Silence | None" = None
    ) -> Look | None:
        """
        One tenant; None where it could not be compared now: then nothing is opened or closed.

        `thorough` also asks each application for schedules that nobody has told us of.
        """
        with transaction(self.engine) as conn:
            facts = facts_of(conn, tenant_id)
        if facts is None:
            return None
        wanted = self.wanted(tenant_id)
        drawer = SecretDrawer(self.engine, self.ports, tenant_id, facts.tenant.project_id)
        try:
            found = self._read(facts, wanted, drawer, thorough=thorough)
        except (StepTrouble, SecretUnreadable) as trouble:
            log.info("drift not looked for", tenant=facts.tenant.subdomain, reason=str(trouble))
            if silent is not None and isinstance(trouble, TargetDown | KeyRefused):
                silent.targets.add(facts.tenant.target_name)
            return None
        pending = [*wanted.moved, *_nights(facts, wanted)]
        return self._keep(facts, [*found, *pending], drawer.redactor())

    def _read(
        self, facts: Facts, wanted: Wanted, drawer: SecretDrawer, *, thorough: bool
    ) -> list[Difference]:
        key = drawer.open(API_KEY_SECRET) if API_KEY_SECRET in drawer.sealed() else None
        target = self.ports.target(facts.tenant.target_name, key)
        blueprints: tuple[Blueprint, ...] = (*facts.blueprints, *wanted.blueprints)
        reading = Reading(facts, target, blueprints, thorough=thorough)
        if reading.unexplained():
            with transaction(self.engine) as conn:
                blueprints += older_blueprints(conn, facts.tenant.id)
            reading = Reading(facts, target, blueprints, thorough=thorough)
        return reading.differences()

    def _keep(self, facts: Facts, found: Sequence[Difference], redactor: Redactor) -> Look | None:
        tenant = facts.tenant
        services = {row.name: row.id for row in facts.services}
        with transaction(self.engine) as conn:
            drift_rows.lock_owner(conn, tenant.id, tenant.target_name)
            if stamp_of(conn, tenant.id) != facts.stamp:
                # A deployment came between: what was seen may be its own doing.
                return None
            number = drift_rows.keep(conn, tenant.id, tenant.target_name, found, services, redactor)
        return Look(tuple(found), number)

    # What belongs to nobody

    def foreign(self, target_name: str) -> int | None:
        """
        Projects of a target that no tenant refers to; None where it does not answer.

        The target is listed before the rows are read: a project that a deployment creates
        meanwhile is not listed, or its tenant is known by its marker.
        """
        try:
            projects = self.ports.target(target_name).projects()
        except StepTrouble as trouble:
            log.info("drift not looked for", target=target_name, reason=str(trouble))
            return None
        with transaction(self.engine) as conn:
            rows = conn.execute(
                select(Tenant.dokploy_project_id, Tenant.external_ref).where(
                    Tenant.target_name == target_name, Tenant.deleted_at.is_(None)
                )
            ).all()
            found = _foreign(projects, rows)
            drift_rows.lock_owner(conn, None, target_name)
            return drift_rows.keep(conn, None, target_name, found, {}, Redactor())


@dataclass(slots=True)
class _Silence:
    """Targets that did not answer in this round: the rest of their tenants is left for the next."""

    targets: set[str] = field(default_factory=set)


def _nights(facts: Facts, wanted: Wanted) -> list[Difference]:
    """A backup policy that is not stored on the target yet."""
    plan, row = wanted.backup, next((r for r in facts.services if r.service_type == "db"), None)
    specs = [b.database for b in wanted.blueprints if b.database]
    if plan is None or row is None or row.db_id is None or not specs:
        return []
    if specs[0].kind not in DUMPED or same_nights(plan, facts.nightly):
        return []
    label = f"{wanted.backup_mover}: nightly backups"
    words = f"{plan.schedule} UTC, {plan.retention_days} days{'' if plan.enabled else ', off'}"
    return [Difference(row.name, label, words, NOT_STORED, wanted.backup_mover, row.name)]


def _foreign(projects: Sequence[ProjectSeen], rows: Sequence[Any]) -> list[Difference]:
    known = {row.dokploy_project_id for row in rows if row.dokploy_project_id}
    begun = {row.external_ref for row in rows if not row.dokploy_project_id}
    listed = [
        (p.id, p.name, p.description) for p in projects if not begun & set(p.description.split())
    ]
    names = {name for key, name, _ in listed if key in known}
    return drift.foreign(listed, known, names)
