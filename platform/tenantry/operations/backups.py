"""Backups: the policy of a product or tenant, running one now, restoring one, and the records."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import BackupPolicy, BackupRecord, ProjectTemplate, Tenant
from tenantry.operations.actors import Actor, record
from tenantry.operations.deployments import need_reason
from tenantry.operations.wishes import Wish
from tenantry.planning import cron
from tenantry.planning.actions import BACKUP, RESTORE
from tenantry.planning.blueprint import RestorePlan
from tenantry.ports import DestinationSeen

RETENTION = (1, 3650)
OVERDUE = (1, 24 * 60)


def policy_of(session: Session, tenant: Tenant) -> BackupPolicy | None:
    """The tenant's own policy, else its product's; None where there is none."""
    own = session.scalar(select(BackupPolicy).where(BackupPolicy.tenant_id == tenant.id))
    return own or session.scalar(
        select(BackupPolicy).where(BackupPolicy.project_id == tenant.project_id)
    )


def set_policy(
    session: Session,
    actor: Actor,
    owner: ProjectTemplate | Tenant,
    given: Mapping[str, Any],
    destinations: Mapping[str, DestinationSeen],
) -> BackupPolicy:
    """
    Stores a policy; nightly backups follow with the next deployment of each tenant.

    `given`: destination (id or name), schedule, retention_days, gate, enabled, overdue_hours;
    what is absent keeps its value. `destinations` are those of the target, by id. Invalid names the
    field.
    """
    column = "tenant_id" if isinstance(owner, Tenant) else "project_id"
    row = session.scalar(select(BackupPolicy).filter_by(**{column: owner.id}))
    before = _as_words(row) if row else None
    if row is None:
        row = BackupPolicy(
            **{column: owner.id},
            schedule="0 2 * * *",
            retention_days=7,
            overdue_hours=36,
            enabled=True,
            gate=True,
        )
    if "destination" in given or row.destination_id is None:
        found = _destination(str(given.get("destination") or ""), destinations)
        row.destination_id, row.destination_name = found.id, found.name
    if "schedule" in given:
        row.schedule = cron.schedule(str(given["schedule"]))
    row.retention_days = _within(given, "retention_days", row.retention_days, RETENTION)
    row.overdue_hours = _within(given, "overdue_hours", row.overdue_hours, OVERDUE)
    for flag in ("enabled", "gate"):
        if flag in given:
            if not isinstance(given[flag], bool):
                raise Invalid(flag, "must be true or false", given[flag])
            setattr(row, flag, given[flag])
    session.add(row)
    session.flush()
    record(session, actor, "backup.policy", owner, before=before, after=_as_words(row))
    return row


def _destination(text: str, there: Mapping[str, DestinationSeen]) -> DestinationSeen:
    found = [d for d in there.values() if text in {d.id, d.name}]
    if len(found) != 1:
        known = ", ".join(sorted(d.name for d in there.values())) or "none"
        raise Invalid("destination", f"must be one of the target's: {known}", text)
    return found[0]


def _within(given: Mapping[str, Any], name: str, now: int, span: tuple[int, int]) -> int:
    value = given.get(name, now)
    if isinstance(value, bool) or not isinstance(value, int) or not span[0] <= value <= span[1]:
        raise Invalid(name, f"must be a whole number from {span[0]} to {span[1]}", value)
    return value


def _as_words(row: BackupPolicy) -> dict[str, Any]:
    names = "destination_id destination_name schedule retention_days enabled gate overdue_hours"
    return {name: getattr(row, name) for name in names.split()}


def drop_policy(session: Session, actor: Actor, owner: ProjectTemplate | Tenant) -> None:
    """NotFound where the owner has none of its own."""
    column = "tenant_id" if isinstance(owner, Tenant) else "project_id"
    row = session.scalar(select(BackupPolicy).filter_by(**{column: owner.id}))
    if row is None:
        raise NotFound(f"{owner} has no backup policy of its own")
    record(session, actor, "backup.policy_drop", owner, before=_as_words(row))
    session.delete(row)


def now(session: Session, tenant: Tenant, why: str = "") -> Wish:
    """A backup of everything that the tenant keeps; Conflict where no policy says where to."""
    if policy_of(session, tenant) is None:
        raise Conflict(f"{tenant.name} has no backup policy: set one, it says where to")
    return Wish(action=BACKUP, why=why)


def restore(session: Session, tenant: Tenant, public_id: str, typed: str, reason: str) -> Wish:
    """
    Restores a recorded backup of this tenant's database over what is there now.

    `typed` must be the tenant's subdomain. Conflict for a backup that does not count, is a copy of
    a volume, or is another tenant's.
    """
    if typed != tenant.subdomain:
        raise Invalid("confirm", f"type {tenant.subdomain} to overwrite its database", typed)
    row = find(session, public_id)
    if row.tenant_id != tenant.id:
        raise Conflict(f"That backup is none of {tenant.name}")
    if row.outcome != "done" or not row.path or not row.size_bytes:
        raise Conflict("That backup does not count: its file was never seen")
    if row.crash_consistent:
        raise Conflict("A copy of a volume cannot be restored by the target: do it by hand")
    if policy_of(session, tenant) is None:
        raise Conflict(f"{tenant.name} has no backup policy: a fresh backup must come first")
    plan = RestorePlan(row.destination_id, row.path, row.size_bytes)
    return Wish(action=RESTORE, restore=plan, why=need_reason(reason))


def restorable(row: BackupRecord) -> bool:
    """Whether it counts, and is a dump: a copy of a volume cannot be restored by a target."""
    return bool(row.outcome == "done" and row.path and row.size_bytes and not row.crash_consistent)


def find(session: Session, public_id: str) -> BackupRecord:
    """By public id; NotFound otherwise."""
    try:
        found = session.scalar(
            select(BackupRecord).where(BackupRecord.public_id == UUID(public_id))
        )
    except ValueError:
        found = None
    if found is None:
        raise NotFound("There is no such backup")
    return found


def records(session: Session, tenant: Tenant, limit: int = 50) -> list[BackupRecord]:
    """The tenant's backups, newest first."""
    return list(
        session.scalars(
            select(BackupRecord)
            .where(BackupRecord.tenant_id == tenant.id)
            .order_by(BackupRecord.started_at.desc(), BackupRecord.id.desc())
            .limit(limit)
        )
    )


def newest_good(session: Session, tenants: list[int]) -> dict[int, Any]:
    """When each tenant's newest backup that counts began; one query."""
    rows = session.execute(
        select(BackupRecord.tenant_id, func.max(BackupRecord.started_at))
        .where(BackupRecord.tenant_id.in_(tenants), BackupRecord.outcome == "done")
        .group_by(BackupRecord.tenant_id)
    )
    return {tenant_id: at for tenant_id, at in rows}  # noqa: C416 — rows are no pairs for mypy
