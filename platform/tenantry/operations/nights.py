"""
What came of the nights: files of nightly backups become records, and an overdue one is told.

The target forgets its runs with the database, and answers a lost backup with nothing at all: what
counts is the file, so that is what is looked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, or_, select, update
from sqlalchemy.orm import aliased

from tenantry.clock import utcnow
from tenantry.engine.context import API_KEY_SECRET, SecretDrawer
from tenantry.engine.store import transaction
from tenantry.errors import SecretUnreadable, StepTrouble
from tenantry.journal import audited, cap_line
from tenantry.models import BackupPolicy, BackupRecord, Tenant, TenantService
from tenantry.models.base import uuid7
from tenantry.planning import backups as rules
from tenantry.planning.blueprint import BackupPlan
from tenantry.ports import BackupFile, Ports
from tenantry.watching.letters import News, outbox
from tenantry.watching.outages import facts_of, tenant_page

log = structlog.get_logger(__name__)
DAYS_BACK = 2
STAMP = len("2026-01-01T02-00-00")


@dataclass(frozen=True, slots=True)
class Nights:
    """Safe to run at any time, by any number of processes."""

    engine: Engine
    ports: Ports
    public_url: str

    def look(self) -> dict[str, int]:
        """Every tenant whose nightly backup is due; how many files were found and alarms raised."""
        found = alarms = 0
        for row in self._due():
            try:
                found += self._copy(row)
            except (StepTrouble, SecretUnreadable) as trouble:
                log.info("backups not looked at", tenant=row.subdomain, reason=str(trouble))
            alarms += self._alarm(row)
        return {"backups": found, "overdue": alarms}

    def _due(self) -> Sequence[Any]:
        """Databases under a policy without a good nightly backup of the last day."""
        fresh = (
            select(BackupRecord.id)
            .where(
                BackupRecord.tenant_id == Tenant.id,
                BackupRecord.kind == rules.NIGHTLY,
                BackupRecord.outcome == "done",
                BackupRecord.started_at > utcnow() - timedelta(hours=20),
            )
            .exists()
        )
        mine = aliased(BackupPolicy)
        own = select(mine.id).where(mine.tenant_id == Tenant.id).exists()
        statement = (
            select(
                Tenant.id,
                Tenant.public_id,
                Tenant.name,
                Tenant.subdomain,
                Tenant.project_id,
                Tenant.target_name,
                Tenant.attention,
                Tenant.completed_at,
                TenantService.id.label("service_id"),
                TenantService.name.label("service_name"),
                TenantService.app_name,
                BackupPolicy.destination_id,
                BackupPolicy.schedule,
                BackupPolicy.retention_days,
                BackupPolicy.overdue_hours,
            )
            .join(TenantService, TenantService.tenant_id == Tenant.id)
            .join(
                BackupPolicy,
                or_(
                    BackupPolicy.tenant_id == Tenant.id,
                    (BackupPolicy.project_id == Tenant.project_id) & ~own,
                ),
            )
            .where(
                Tenant.deleted_at.is_(None),
                Tenant.completed_at.is_not(None),
                TenantService.service_type == "db",
                TenantService.app_name.is_not(None),
                BackupPolicy.enabled,
                ~fresh,
            )
            .order_by(Tenant.id)
        )
        with transaction(self.engine) as conn:
            return conn.execute(statement).all()

    def _copy(self, row: Any) -> int:
        drawer = SecretDrawer(self.engine, self.ports, row.id, row.project_id)
        key = drawer.open(API_KEY_SECRET) if API_KEY_SECRET in drawer.sealed() else None
        target = self.ports.target(row.target_name, key)
        folder = rules.folder(row.app_name, rules.NIGHTLY)
        files = [
            file
            for n in range(DAYS_BACK + 1)
            for file in target.backup_files(
                row.destination_id, f"{folder}{utcnow() - timedelta(days=n):%Y-%m-%d}"
            )
        ]
        return sum(self._keep(row, folder, file) for file in sorted(files, key=lambda f: f.path))

    def _keep(self, row: Any, folder: str, file: BackupFile) -> int:
        with transaction(self.engine) as conn:
            there = conn.execute(
                select(BackupRecord.id).where(
                    BackupRecord.destination_id == row.destination_id,
                    BackupRecord.path == file.path,
                )
            ).first()
            if there:
                return 0
            problem = rules.problem_of_size(file.size, self._earlier(conn, row))
            at = _moment(file.path[len(folder) :]) or utcnow()
            conn.execute(
                BackupRecord.__table__.insert().values(  # type: ignore[attr-defined]
                    public_id=uuid7(),
                    tenant_id=row.id,
                    tenant_service_id=row.service_id,
                    service_name=row.service_name,
                    kind=rules.NIGHTLY,
                    outcome="failed" if problem else "done",
                    destination_id=row.destination_id,
                    path=file.path,
                    size_bytes=file.size,
                    crash_consistent=False,
                    problem=problem,
                    started_at=at,
                    ended_at=at,
                )
            )
        return 1

    def _earlier(self, conn: Any, row: Any) -> int | None:
        return conn.execute(  # type: ignore[no-any-return]
            select(BackupRecord.size_bytes)
            .where(
                BackupRecord.tenant_id == row.id,
                BackupRecord.kind == rules.NIGHTLY,
                BackupRecord.outcome == "done",
            )
            .order_by(BackupRecord.started_at.desc())
            .limit(1)
        ).scalar()

    def _alarm(self, row: Any) -> int:
        """Says once that a backup is overdue: by letter, on the tenant, in the audit."""
        plan = BackupPlan(row.destination_id, row.schedule, row.retention_days, gate=True)
        oldest = utcnow() - rules.overdue_after(plan, row.overdue_hours)
        with transaction(self.engine) as conn:
            newest = conn.execute(
                select(BackupRecord.started_at)
                .where(
                    BackupRecord.tenant_id == row.id,
                    BackupRecord.kind == rules.NIGHTLY,
                    BackupRecord.outcome == "done",
                )
                .order_by(BackupRecord.started_at.desc())
                .limit(1)
            ).scalar()
            since = newest or row.completed_at
            if since > oldest:
                return 0
            when = (
                f"the last one that counts is of {newest:%Y-%m-%d}" if newest else "there is none"
            )
            words = cap_line(f"Its nightly backup is overdue: {when}")
            changed = conn.execute(
                update(Tenant)
                .where(Tenant.id == row.id, Tenant.attention == "")
                .values(attention=words)
            )
            if not changed.rowcount:
                return 0
            self._tell(conn, row, words, since)
            audited(
                conn,
                actor="housekeeper",
                user_id=None,
                action="backup.overdue",
                object_type="Tenant",
                object_id=str(row.public_id),
                object_name=row.name,
                reason=words,
            )
        return 1

    def _tell(self, conn: Any, row: Any, words: str, since: datetime) -> None:
        """One letter for each stretch without a backup that counts."""
        facts = facts_of(conn, {row.id})[row.id]
        news = News(
            tenant_id=row.id,
            recipients=facts.recipients,
            thread=f"{row.public_id}.backup",
            message_id=f"<{row.public_id}.backup-{since:%Y%m%d%H%M%S}@tenantry>",
            subject=f"{facts.name}: its nightly backup is overdue",
            rows=(
                ("Tenant", f"{facts.name} ({facts.subdomain})"),
                ("Product", facts.product),
                ("What is wrong", words),
            ),
            link=tenant_page(self.public_url, facts),
            good=False,
        )
        outbox(conn, [news])


def _moment(name: str) -> datetime | None:
    """The time in a file's name, as the target writes it: ISO with dashes, UTC."""
    try:
        return datetime.strptime(name[:STAMP], "%Y-%m-%dT%H-%M-%S").replace(tzinfo=UTC)
    except ValueError:
        return None
