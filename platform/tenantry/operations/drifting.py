"""Findings of drift: looking at them, putting the target back, and leaving them be for a while."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import DriftFinding, TemplateRelease, Tenant, TenantService
from tenantry.models.base import as_public_id
from tenantry.models.dbtime import db_now
from tenantry.operations.actors import Actor, record
from tenantry.operations.wishes import Wish
from tenantry.planning.differences import deeds_of
from tenantry.planning.mending import Found, Way, way_back

OPEN = ("open", "ignored")
LONGEST_IGNORED = timedelta(days=3650)


def find(session: Session, public_id: str) -> DriftFinding:
    """By public id; NotFound otherwise."""
    key = as_public_id(public_id)
    found = (
        session.scalar(select(DriftFinding).where(DriftFinding.public_id == key)) if key else None
    )
    if found is None:
        raise NotFound("There is no such finding")
    return found


def open_ones(
    session: Session, tenant: Tenant | None = None, *, ignored: bool = False
) -> list[DriftFinding]:
    """Open findings (and those that are ignored), of one tenant or of all, oldest first."""
    states = OPEN if ignored else ("open",)
    query = select(DriftFinding).where(DriftFinding.state.in_(states)).order_by(DriftFinding.id)
    if tenant is not None:
        query = query.where(DriftFinding.tenant_id == tenant.id)
    return list(session.scalars(query))


def tenant_of(session: Session, row: DriftFinding) -> Tenant:
    """Conflict for what belongs to no tenant."""
    found = session.get(Tenant, row.tenant_id) if row.tenant_id else None
    if found is None:
        raise Conflict(f"{row.thing} belongs to no tenant of ours")
    return found


def way_of(session: Session, row: DriftFinding) -> Way:
    """How it would be put back, or why it cannot be."""
    service = session.get(TenantService, row.tenant_service_id) if row.tenant_service_id else None
    return way_back(
        Found(
            row.thing,
            row.field,
            row.mover,
            service.name if service else None,
            is_database=service is not None and service.service_type == "db",
        )
    )


def revert(session: Session, actor: Actor, tenant: Tenant, rows: Sequence[DriftFinding]) -> Wish:
    """
    The deployment that puts the target back to what was rolled out: exactly the parts concerned,
    from the release that runs. It is the caller's, in the same transaction.

    Conflict, with the reason, where one of them cannot be put back; then none is. What the tenant's
    own settings have waiting for the same service comes along.
    """
    if not rows:
        raise Invalid("finding", "name at least one")
    deeds: dict[str, set[str]] = {}
    marks: list[str] = []
    for row in rows:
        _still_open(row)
        if row.tenant_id != tenant.id:
            raise Conflict(f"{row.thing} is none of {tenant.name}")
        way = way_of(session, row)
        if way.problem:
            raise Conflict(f"{row.thing}, {row.field}: {way.problem}")
        if way.mark:
            marks.append(way.mark)
        else:
            name = _service(session, row).name
            deeds.setdefault(name, set()).update(_deeds(session, row, way))
    _close(session, actor, rows, "reverted")
    running = session.get(TemplateRelease, tenant.release_id) if tenant.release_id else None
    return Wish(
        services=tuple(deeds),
        release=running.number if running else None,
        deeds={name: tuple(sorted(taken)) for name, taken in deeds.items()},
        marks=tuple(dict.fromkeys(marks)),
        why="; ".join(f"{row.thing}: {row.field}" for row in rows)[:400],
    )


def revert_one(actor: Actor, public_id: str) -> Callable[[Session, Tenant], Wish]:
    """The same for one finding, as a wish that is made in the deployment's own transaction."""
    return lambda session, tenant: revert(session, actor, tenant, [find(session, public_id)])


def _deeds(session: Session, row: DriftFinding, way: Way) -> set[str]:
    stack = _service(session, row).compose_id is not None
    return {*deeds_of(way.parts, stack=stack), *way.deeds}


def ignore(session: Session, actor: Actor, row: DriftFinding, until: datetime) -> None:
    """Says nothing of it until then, unless what is there changes. Invalid for a bad time."""
    _still_open(row)
    if not utcnow() < until <= utcnow() + LONGEST_IGNORED:
        raise Invalid("until", "must lie ahead, by ten years at most", until.isoformat())
    row.state, row.ignored_until = "ignored", until
    record(session, actor, "drift.ignore", row, after={**_words(row), "until": until.isoformat()})


def close(session: Session, actor: Actor, row: DriftFinding, state: str) -> None:
    """Closes one that was adopted or reverted; the audit keeps what both sides said."""
    _close(session, actor, [row], state)


def _close(session: Session, actor: Actor, rows: Sequence[DriftFinding], state: str) -> None:
    for row in rows:
        record(session, actor, f"drift.{state}", row, after=_words(row))
    session.execute(
        update(DriftFinding)
        .where(DriftFinding.id.in_([row.id for row in rows]))
        .values(state=state, closed_by=actor.name, closed_at=db_now(), ignored_until=None)
    )


def _words(row: DriftFinding) -> dict[str, str]:
    return {"thing": row.thing, "field": row.field, "ours": row.ours, "theirs": row.theirs}


def _still_open(row: DriftFinding) -> None:
    if row.state not in OPEN:
        raise Conflict(f"{row.thing}, {row.field}: it is {row.state} already")


def _service(session: Session, row: DriftFinding) -> TenantService:
    found = session.get(TenantService, row.tenant_service_id) if row.tenant_service_id else None
    if found is None:
        raise Conflict(f"{row.thing} is no service of ours")
    return found
