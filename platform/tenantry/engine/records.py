"""What a handler has seen, as rows of its own, in the transaction that settles its step."""

from collections.abc import Iterable
from typing import Any, cast

from sqlalchemy import Connection, Table, func, insert, select, update

from tenantry.engine.claim import Claim
from tenantry.journal import Redactor, cap_line, status_changed
from tenantry.models import BackupRecord, ReplicaObservation, TenantDomain, TenantService
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.ports import HealthSeen
from tenantry.steps.outcomes import BackupMade, HostnameRouted, LogText, Record, ReplicasSeen

Seen = ReplicaObservation


def keep(conn: Connection, claim: Claim, records: Iterable[Record], redactor: Redactor) -> None:
    """Writes the records of one settled claim; safe to repeat under the same fence."""
    for record in records:
        if isinstance(record, ReplicasSeen):
            _replicas(conn, claim, record, redactor)
        elif isinstance(record, BackupMade):
            _backup(conn, claim, record, redactor)
        else:
            _hostname(conn, claim, record)


def own_line(claim: Claim, message: str, *, failed: bool = False) -> LogText:
    """The line by which a step tells how it ended."""
    stream = "stderr" if failed else "system"
    return LogText([f"{claim.step.step_key}: {message}"], stream=stream)


def health_facts(claim: Claim, seen: HealthSeen) -> dict[str, Any]:
    """What a check of a deployment makes of its service's columns."""
    facts: dict[str, Any] = {"health_status": "ok" if seen.ok else "unhealthy"}
    if claim.step.step_key != claim.kind.retry_key:
        # The check itself opens a new count; its retries go on with it.
        facts["health_tries"] = int(not seen.ok)
    elif not seen.ok:
        facts["health_tries"] = TenantService.health_tries + 1
    if seen.ok:
        facts["next_wait_seconds"] = 0
    return facts


def health_moved(conn: Connection, service_id: int, new: str, problem: str) -> None:
    """Keeps in the history that a check of a deployment found a service otherwise than before."""
    old = conn.scalar(select(TenantService.health_status).where(TenantService.id == service_id))
    if old is not None and old != new:
        status_changed(conn, "service", [service_id], old, new, problem or "its check was answered")


def _replicas(conn: Connection, claim: Claim, seen: ReplicasSeen, redactor: Redactor) -> None:
    service_id = claim.step.tenant_service_id
    if service_id is None:
        return
    known = set(
        conn.execute(
            select(Seen.task_id).where(
                Seen.tenant_service_id == service_id,
                Seen.task_id.in_([task.task_id for task in seen.tasks]),
            )
        ).scalars()
    )
    new = []
    for task in seen.tasks:
        values: dict[str, Any] = {
            "state": task.state,
            "wanted": task.wanted,
            "node": task.node,
            "error": cap_line(redactor.redact(task.error)),
            "container_id": task.container_id,
            "exact": task.exact,
            "seen_at": db_now(),
            "gone_at": None,
        }
        if task.exact:
            values |= {"started_at": task.started_at, "stopped_at": task.stopped_at}
        if task.task_id in known:
            conn.execute(
                update(Seen)
                .where(Seen.tenant_service_id == service_id, Seen.task_id == task.task_id)
                .values(**values)
            )
        else:
            new.append({"task_id": task.task_id, **values})
    for values in new:
        # When we saw it first is near enough to its start, and is marked as not exact.
        values.setdefault("started_at", db_now())
        conn.execute(
            insert(cast("Table", Seen.__table__)).values(
                public_id=uuid7(), tenant_service_id=service_id, **values
            )
        )
    conn.execute(
        update(Seen)
        .where(
            Seen.tenant_service_id == service_id,
            Seen.gone_at.is_(None),
            Seen.task_id.not_in([task.task_id for task in seen.tasks]),
        )
        .values(gone_at=db_now(), stopped_at=func.coalesce(Seen.stopped_at, db_now()))
    )


def _backup(conn: Connection, claim: Claim, made: BackupMade, redactor: Redactor) -> None:
    if made.path:
        there = conn.execute(
            select(BackupRecord.id).where(
                BackupRecord.destination_id == made.destination_id, BackupRecord.path == made.path
            )
        ).first()
        if there:
            return
    conn.execute(
        insert(cast("Table", BackupRecord.__table__)).values(
            public_id=uuid7(),
            tenant_id=claim.deployment.tenant_id,
            tenant_service_id=claim.step.tenant_service_id,
            deployment_id=claim.message.deployment_id,
            service_name=claim.step.service_name or "",
            kind=made.kind,
            outcome=made.outcome,
            destination_id=made.destination_id,
            path=made.path,
            size_bytes=made.size_bytes,
            crash_consistent=made.crash_consistent,
            problem=cap_line(redactor.redact(made.problem)),
            started_at=claim.step.started_at or claim.now,
            ended_at=db_now(),
        )
    )


def _hostname(conn: Connection, claim: Claim, routed: HostnameRouted) -> None:
    values: dict[str, Any] = {"domain_id": routed.domain_id}
    if routed.asked:
        values["issued_at"] = db_now()
    this = (
        TenantDomain.tenant_id == claim.deployment.tenant_id,
        func.lower(TenantDomain.hostname) == routed.hostname.lower(),
        TenantDomain.deleted_at.is_(None),
    )
    conn.execute(update(TenantDomain).where(*this).values(**values))
    if routed.domain_id is None:
        # Taken back by staff, and now off the target: the name is free for others.
        conn.execute(
            update(TenantDomain)
            .where(*this, TenantDomain.removed_at.is_not(None))
            .values(deleted_at=db_now())
        )
