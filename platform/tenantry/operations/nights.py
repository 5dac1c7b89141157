"""
What came of the nights: files of nightly backups become records, and an overdue one is told.

The target forgets its runs with the database, and answers a lost backup with nothing at all: what
counts is the file, so that is what is looked for.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, or_, select, update
from sqlalchemy.orm import aliased

from tenantry.clock import utcnow
from tenantry.engine.context import API_KEY_SECRET, SecretDrawer
from tenantry.engine.store import transaction
from tenantry.errors import SecretUnreadable, StepTrouble, TargetDown
from tenantry.journal import audited, cap_line
from tenantry.models import BackupPolicy, BackupRecord, ProjectTemplate, Tenant, TenantService
from tenantry.models.base import uuid7
from tenantry.planning import backups as rules
from tenantry.planning.blueprint import BackupPlan
from tenantry.ports import BackupFile, Ports
from tenantry.watching.letters import News, outbox
from tenantry.watching.outages import facts_of, tenant_page

log = structlog.get_logger(__name__)
DAYS_BACK = 2
FRESH_HOURS = 20


@dataclass(frozen=True, slots=True)
class Part:
    """What is backed up at night by itself: a dump, or one volume; `start` begins its paths."""

    row: Any
    start: str
    since: datetime
    volume: str | None = None

    @property
    def words(self) -> str:
        """In the letter: the dump of a database is the tenant's own."""
        row = self.row
        return (
            "Its nightly backup"
            if row.service_type == "db"
            else f"The nightly copy of {row.service_name}"
        )


@dataclass(frozen=True, slots=True)
class Nights:
    """Safe to run at any time, by any number of processes."""

    engine: Engine
    ports: Ports
    public_url: str

    def look(self) -> dict[str, int]:
        """What is due of every tenant; how many files were found and alarms raised."""
        found = alarms = 0
        silent: set[str] = set()
        for part in self._due():
            row = part.row
            try:
                # One that does not answer would cost its whole time for each of its tenants.
                found += 0 if row.target_name in silent else self._copy(part)
            except (StepTrouble, SecretUnreadable) as trouble:
                if isinstance(trouble, TargetDown):
                    silent.add(row.target_name)
                log.info("backups not looked at", tenant=row.subdomain, reason=str(trouble))
            alarms += self._alarm(part)
        return {"backups": found, "overdue": alarms}

    def _due(self) -> list[Part]:
        """What is under a policy without a good nightly backup of the last day."""
        recent = select(BackupRecord.tenant_service_id, BackupRecord.path).where(
            BackupRecord.kind == rules.NIGHTLY,
            BackupRecord.outcome == "done",
            BackupRecord.started_at > utcnow() - timedelta(hours=FRESH_HOURS),
        )
        with transaction(self.engine) as conn:
            done: dict[int | None, list[str]] = {}
            for service_id, path in conn.execute(recent):
                done.setdefault(service_id, []).append(path or "")
        parts = [part for row in self._rows() for part in _parts(row)]
        return [
            part
            for part in parts
            if not any(path.startswith(part.start) for path in done.get(part.row.service_id, ()))
        ]

    def _rows(self) -> Sequence[Any]:
        """Services under a policy that may keep something."""
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
                TenantService.service_type,
                TenantService.applied,
                ProjectTemplate.db_type,
                BackupPolicy.destination_id,
                BackupPolicy.schedule,
                BackupPolicy.retention_days,
                BackupPolicy.overdue_hours,
            )
            .join(TenantService, TenantService.tenant_id == Tenant.id)
            .join(ProjectTemplate, ProjectTemplate.id == Tenant.project_id)
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
                TenantService.app_name.is_not(None),
                BackupPolicy.enabled,
            )
            .order_by(Tenant.id, TenantService.id)
        )
        with transaction(self.engine) as conn:
            return conn.execute(statement).all()

    def _copy(self, part: Part) -> int:
        row = part.row
        drawer = SecretDrawer(self.engine, self.ports, row.id, row.project_id)
        key = drawer.open(API_KEY_SECRET) if API_KEY_SECRET in drawer.sealed() else None
        target = self.ports.target(row.target_name, key)
        files = [
            file
            for n in range(DAYS_BACK + 1)
            for file in target.backup_files(
                row.destination_id, f"{part.start}{utcnow() - timedelta(days=n):%Y-%m-%d}"
            )
        ]
        return sum(self._keep(part, file) for file in sorted(files, key=lambda f: f.path))

    def _keep(self, part: Part, file: BackupFile) -> int:
        row = part.row
        with transaction(self.engine) as conn:
            there = conn.execute(
                select(BackupRecord.id).where(
                    BackupRecord.destination_id == row.destination_id,
                    BackupRecord.path == file.path,
                )
            ).first()
            if there:
                return 0
            earlier = conn.execute(_good(part, BackupRecord.size_bytes)).scalar()
            problem = rules.problem_of_size(file.size, earlier)
            at = rules.moment_of(file.path) or utcnow()
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
                    crash_consistent=part.volume is not None,
                    problem=problem,
                    started_at=at,
                    ended_at=at,
                )
            )
        return 1

    def _alarm(self, part: Part) -> int:
        """Says once that a backup is overdue: by letter, on the tenant, in the audit."""
        row = part.row
        plan = BackupPlan(row.destination_id, row.schedule, row.retention_days, gate=True)
        oldest = utcnow() - rules.overdue_after(plan, row.overdue_hours)
        with transaction(self.engine) as conn:
            newest = conn.execute(_good(part, BackupRecord.started_at)).scalar()
            since = newest or part.since
            if since > oldest:
                return 0
            when = (
                f"the last one that counts is of {newest:%Y-%m-%d}" if newest else "there is none"
            )
            words = cap_line(f"{part.words} is overdue: {when}")
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
        what = "backup" if row.service_type == "db" else f"backup-{row.service_name}"
        news = News(
            tenant_id=row.id,
            recipients=facts.recipients,
            thread=f"{row.public_id}.backup",
            message_id=f"<{row.public_id}.{what}-{since:%Y%m%d%H%M%S}@tenantry>",
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


def _good(part: Part, column: Any) -> Any:
    """Of the part's newest nightly backup that counts."""
    return (
        select(column)
        .where(
            BackupRecord.tenant_service_id == part.row.service_id,
            BackupRecord.kind == rules.NIGHTLY,
            BackupRecord.outcome == "done",
            BackupRecord.path.startswith(part.start, autoescape=True),
        )
        .order_by(BackupRecord.started_at.desc())
        .limit(1)
    )


def _parts(row: Any) -> Iterator[Part]:
    """The volumes that were stored as copied at night; else the dump of a database."""
    copied = (row.applied or {}).get(rules.COPIED) or {}
    for volume, stored in copied.items():
        since = max(row.completed_at, datetime.fromisoformat(stored))
        yield Part(row, rules.start_of(row.app_name, rules.NIGHTLY, volume), since, volume)
    # Of other kinds nothing is known before their plan is stored anew.
    if not copied and row.service_type == "db" and row.db_type in rules.DUMPED:
        yield Part(row, rules.start_of(row.app_name, rules.NIGHTLY), row.completed_at)
