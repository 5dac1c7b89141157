"""
A client that leaves: a time of grace in which the tenant rests, then the teardown.

Until the time has come everything can be kept; nothing is removed before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.errors import Conflict, Invalid
from tenantry.models import BackupRecord, Deployment, Tenant
from tenantry.models.dbtime import db_now
from tenantry.operations.actors import SYSTEM, Actor, record
from tenantry.operations.deployments import need_reason
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import REMOVE_VOLUMES, SUSPEND, TEARDOWN, UNSUSPEND
from tenantry.planning.states import ACTIVE_DEPLOYMENT

LONGEST_GRACE = 365


def leave(session: Session, actor: Actor, tenant: Tenant, *, days: int, reason: str) -> Wish | None:
    """
    Notes when the tenant will be torn down, and answers the suspension until then.

    None where there is nothing to suspend. Conflict where it is leaving already.
    """
    words = need_reason(reason)
    if isinstance(days, bool) or not isinstance(days, int) or not 0 <= days <= LONGEST_GRACE:
        raise Invalid("days", f"must be from 0 to {LONGEST_GRACE}", days)
    if tenant.teardown_at is not None:
        raise Conflict(f"{tenant.name} is leaving already, at {tenant.teardown_at:%Y-%m-%d}")
    if tenant.status == "archived":
        raise Conflict(f"{tenant.name} has left already")
    tenant.teardown_at = utcnow() + timedelta(days=days)
    record(
        session,
        actor,
        "tenant.leave",
        tenant,
        reason=words,
        after={"teardown_at": tenant.teardown_at.isoformat()},
    )
    if tenant.status not in {"running", "completed"} or days == 0:
        return None
    return Wish(action=SUSPEND, why=f"leaving: {words}")


def keep(session: Session, actor: Actor, tenant: Tenant) -> Wish | None:
    """Takes the leaving back, and answers the way out of the suspension; None where it runs."""
    if tenant.teardown_at is None:
        raise Conflict(f"{tenant.name} is not leaving")
    record(session, actor, "tenant.keep", tenant)
    tenant.teardown_at = None
    return Wish(action=UNSUSPEND, why="kept") if tenant.status == "suspended" else None


def teardown(tenant: Tenant, typed: str, reason: str) -> Wish:
    """The teardown itself, now; `typed` must be the subdomain: nobody removes the wrong one."""
    if typed != tenant.subdomain:
        raise Invalid("confirm", f"type {tenant.subdomain} to remove this tenant", typed)
    return Wish(action=TEARDOWN, why=need_reason(reason))


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a teardown removed, what it found gone already, and what stays in storage."""

    name: str
    at: datetime | None
    words: str
    removed: tuple[str, ...]
    gone: tuple[str, ...]
    volumes: tuple[str, ...]
    backups: tuple[str, ...]


def certificate(session: Session, tenant: Tenant) -> Certificate | None:
    """Of the tenant's newest successful teardown; None where there was none."""
    ended = session.scalar(
        select(Deployment)
        .where(
            Deployment.tenant_id == tenant.id,
            Deployment.action == TEARDOWN,
            Deployment.status == "succeeded",
        )
        .order_by(Deployment.id.desc())
        .limit(1)
    )
    if ended is None:
        return None
    removed: list[str] = []
    gone: list[str] = []
    volumes: list[str] = []
    words = ""
    for step in ended.steps:
        found = step.details or {}
        removed += found.get("removed", [])
        gone += found.get("gone", [])
        volumes += found.get("volumes", [])
        words = step.message if step.step_key == "teardown.certify" else words
    backups = session.scalars(
        select(BackupRecord)
        .where(BackupRecord.tenant_id == tenant.id, BackupRecord.outcome == "done")
        .order_by(BackupRecord.started_at)
    )
    return Certificate(
        tenant.name,
        ended.ended_at,
        words,
        tuple(removed),
        tuple(gone),
        tuple(volumes),
        tuple(f"{row.path} ({row.size_bytes} bytes)" for row in backups if row.path),
    )


def volumes_kept(session: Session, tenant: Tenant) -> list[str]:
    """Volumes that the teardown named and that were not removed since."""
    made = certificate(session, tenant)
    removed = session.scalars(
        select(Deployment).where(
            Deployment.tenant_id == tenant.id,
            Deployment.action == REMOVE_VOLUMES,
            Deployment.status == "succeeded",
        )
    )
    gone = {name for row in removed for name in row.blueprint.get("volumes", ())}
    return [name for name in (made.volumes if made else ()) if name not in gone]


def volumes_gone(session: Session, tenant: Tenant, volumes: Sequence[str], reason: str) -> Wish:
    """Removes volumes that the teardown left; Invalid for one that it did not name."""
    kept = volumes_kept(session, tenant)
    unknown = sorted(set(volumes) - set(kept))
    if unknown or not volumes:
        raise Invalid("volumes", f"is none that {tenant.name} left behind", *unknown[:1])
    return Wish(action=REMOVE_VOLUMES, volumes=tuple(volumes), why=need_reason(reason))


def due(session: Session, limit: int = 20) -> list[str]:
    """Subdomains whose grace is over and of which no deployment is active, the oldest first."""
    active: Any = (
        select(Deployment.id)
        .where(Deployment.tenant_id == Tenant.id, Deployment.status.in_(ACTIVE_DEPLOYMENT))
        .exists()
    )
    tried: Any = (
        select(Deployment.id)
        .where(
            Deployment.tenant_id == Tenant.id,
            Deployment.action == TEARDOWN,
            Deployment.status.in_(("failed", "cancelled")),
            Deployment.created_at >= Tenant.teardown_at,
        )
        .exists()
    )
    return list(
        session.scalars(
            select(Tenant.subdomain)
            .where(
                Tenant.teardown_at <= db_now(),
                Tenant.deleted_at.is_(None),
                ~active,
                # One that failed or was stopped since then waits for people: it is resumed, not
                # begun again each hour. What failed before its time says nothing.
                ~tried,
            )
            .order_by(Tenant.teardown_at)
            .limit(limit)
        )
    )


def at_its_time(session: Session, tenant: Tenant) -> Wish:
    """The teardown of a tenant whose grace is over; Conflict where it was kept meanwhile."""
    if tenant.teardown_at is None or tenant.teardown_at > utcnow():
        raise Conflict(f"{tenant.name} stays")
    session.execute(update(Tenant).where(Tenant.id == tenant.id).values(attention=""))
    return Wish(action=TEARDOWN, why=f"its time of grace is over ({SYSTEM.name})")
