"""
Failures by their cause: what deployments have failed of, and what staff know of it.

A cause is met whenever a deployment last failed of it, whatever became of it since; it stands where
the deployment is still failed and nothing newer of its tenant has taken its place.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, exists, func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, aliased

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import Deployment, FailureNote, StatusChange, Tenant
from tenantry.models.base import uuid7
from tenantry.operations.actors import Actor, record

LONGEST_NOTE, LONGEST_HINT = 2_000, 500
MOST_CAUSES = 200
_FAILED_AT = re.compile(r"Failed at [\w.-]{1,100}: ?")
newer, there = aliased(Deployment), aliased(Tenant)
Change = StatusChange


@dataclass(frozen=True, slots=True)
class Cause:
    """
    One cause. `met` counts deployments that last failed of it, `standing` tenants that it holds up
    now; `first` and `last` are when it was seen, None where that is no longer known. `said` is the
    whole sentence of the one that it holds up or that ever met it, empty where there are several.
    """

    words: str
    met: int
    first: datetime | None
    last: datetime | None
    standing: int
    note: str
    hint: str
    said: str = ""

    @property
    def kind(self) -> str:
        """The kind of step that fails of it."""
        return self.words.partition(":")[0]

    @property
    def message(self) -> str:
        """What it says, with `…` for what differs where several met it; empty for nothing."""
        return whole(self.said) or self.words.partition(":")[2].strip()


@dataclass(frozen=True, slots=True)
class Failed:
    """One deployment that met a cause. `stands`: it is failed and nothing newer took its place."""

    public_id: UUID
    epoch: int
    status: str
    stands: bool
    tenant: str
    subdomain: str
    tenant_id: UUID
    gone: bool
    action: str
    trigger_reason: str
    summary: str
    queued_at: datetime
    ended_at: datetime | None


def causes(session: Session, words: Collection[str] | None = None) -> list[Cause]:
    """All causes, those that hold somebody up first, then the newest; three queries."""
    met = select(
        Deployment.cause,
        func.count(Deployment.id.distinct()).label("met"),
        func.min(Change.at).label("first"),
        func.max(Change.at).label("last"),
        func.max(Deployment.summary).label("said"),
    ).outerjoin(
        Change,
        and_(
            Change.thing == "deployment", Change.thing_id == Deployment.id, Change.new == "failed"
        ),
    )
    standing = select(
        Deployment.cause,
        func.count(Deployment.tenant_id.distinct()).label("number"),
        func.max(Deployment.summary).label("said"),
    ).where(stands_now())
    met = _of(met.where(Deployment.cause != ""), words).group_by(Deployment.cause)
    met = met.order_by(func.max(Deployment.id).desc()).limit(MOST_CAUSES)
    rows = session.execute(met).all()
    found = session.execute(_of(standing, words).group_by(Deployment.cause))
    held = {row.cause: row for row in found}
    notes = notes_of(session, [row.cause for row in rows])
    made = [_cause(row, held.get(row.cause), notes.get(row.cause)) for row in rows]
    return sorted(made, key=lambda one: one.standing == 0)


def _cause(row: Any, held: Any, note: FailureNote | None) -> Cause:
    alone = held if held is not None and held.number == 1 else row if row.met == 1 else None
    return Cause(
        row.cause,
        row.met,
        row.first,
        row.last,
        held.number if held is not None else 0,
        note.note if note else "",
        note.hint if note else "",
        alone.said if alone is not None else "",
    )


def whole(summary: str) -> str:
    """What a failed deployment's step said, from its summary: `Failed at <step>: <words>`."""
    return _FAILED_AT.sub("", summary).strip()


def one(session: Session, words: str) -> Cause:
    """NotFound where nothing ever failed of it."""
    found = causes(session, [words]) if words else []
    if not found:
        raise NotFound("Nothing has failed of this")
    return found[0]


def met_by(
    session: Session, words: str, *, standing: bool = False, most: int = 100
) -> Sequence[Failed]:
    """Deployments that met it, those that stand first, then the newest; one query."""
    stands = stands_now()
    query = (
        select(
            Deployment.public_id,
            Deployment.epoch,
            Deployment.status,
            stands.label("stands"),
            Deployment.tenant_name,
            Deployment.subdomain,
            Tenant.public_id.label("tenant_id"),
            Tenant.deleted_at.is_not(None).label("gone"),
            Deployment.action,
            Deployment.trigger_reason,
            Deployment.summary,
            Deployment.queued_at,
            Deployment.ended_at,
        )
        .join(Tenant, Tenant.id == Deployment.tenant_id)
        .where(Deployment.cause == words, Deployment.cause != "")
        .order_by(stands.desc(), Deployment.id.desc())
        .limit(most)
    )
    rows = session.execute(query.where(stands) if standing else query)
    return [Failed(*row) for row in rows]


def notes_of(session: Session, words: Collection[str]) -> dict[str, FailureNote]:
    """What staff know of these causes."""
    if not words:
        return {}
    rows = session.scalars(select(FailureNote).where(FailureNote.cause.in_(words)))
    return {row.cause: row for row in rows}


def stamp(note: FailureNote | None) -> str:
    """A mark of what is written now, to be sent back with a change of it."""
    text = repr((note.note, note.hint)) if note else ""
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def write(
    session: Session, actor: Actor, words: str, *, note: str, hint: str, seen: str
) -> FailureNote:
    """
    Writes what staff know of a cause; empty words take it back.

    `seen` is the stamp of what the person saw: Conflict where somebody has changed it since. The
    same words again change nothing and leave no trace.
    """
    note, hint = note.replace("\r\n", "\n").strip(), " ".join(hint.split())
    _judge("note", note, LONGEST_NOTE)
    _judge("hint", hint, LONGEST_HINT)
    row = session.scalar(
        select(FailureNote).where(FailureNote.cause == words).with_for_update(of=FailureNote)
    )
    if row is not None and (row.note, row.hint) == (note, hint):
        return row
    if stamp(row) != seen:
        raise Conflict("Somebody else has changed this note since you opened it")
    before = {"note": row.note, "hint": row.hint} if row is not None else None
    if row is None:
        row = _new(session, words, note, hint, actor)
    row.note, row.hint, row.author = note, hint, actor.name
    after = {"note": note, "hint": hint}
    record(session, actor, "failure.note", row, before=before, after=after)
    return row


def _new(session: Session, words: str, note: str, hint: str, actor: Actor) -> FailureNote:
    known = select(Deployment.id).where(Deployment.cause == words, Deployment.cause != "")
    if session.scalar(known.limit(1)) is None:
        raise NotFound("Nothing has failed of this")
    row = FailureNote(public_id=uuid7(), cause=words, note=note, hint=hint, author=actor.name)
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        raise Conflict("Somebody else has written a note a moment ago") from None
    return row


def _judge(field: str, text: str, longest: int) -> None:
    if len(text) > longest or "\0" in text:
        raise Invalid(field, f"must have at most {longest:,} characters")


def stands_now() -> Any:
    """Failed, of a tenant that is there, and nothing newer of it is under way or went well."""
    return and_(
        Deployment.status == "failed",
        ~exists().where(
            newer.tenant_id == Deployment.tenant_id,
            newer.id > Deployment.id,
            newer.status.in_(("pending", "running", "succeeded")),
        ),
        exists().where(there.id == Deployment.tenant_id, there.deleted_at.is_(None)),
    )


def _of(query: Any, words: Collection[str] | None) -> Any:
    return query if words is None else query.where(Deployment.cause.in_(words))
