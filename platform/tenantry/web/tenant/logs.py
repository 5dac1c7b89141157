"""
A search over one tenant's log: bounded, and honest about what it has searched.

Deployments are taken from the newest back until they hold so many lines together; their ids and
the index on them are all that the search touches, however many lines others have.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.models import Deployment, DeploymentStep, LogEntry, Tenant

MOST_LINES, MOST_DEPLOYMENTS, SHOWN = 20_000, 100, 200
LONGEST = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One line that was found."""

    at: datetime
    stream: str
    text: str
    step_key: str | None
    service: str | None
    deployment: UUID
    seq: int


@dataclass(frozen=True, slots=True)
class Found:
    """
    Lines, the newest first; `more` says that there are others among what was searched. `searched`
    counts deployments, `lines` about how many lines they hold, `since` when the oldest was asked
    for; `older` is where a further search begins, None where nothing is left.
    """

    lines: tuple[Line, ...]
    more: bool
    searched: int
    all_lines: int
    since: datetime | None
    older: UUID | None


def search(
    session: Session,
    tenant: Tenant,
    words: str,
    stream: str = "",
    before: UUID | None = None,
    *,
    debug: bool = False,
) -> Found:
    """
    Lines that hold the words, in any case; all lines where there are no words. Two queries.

    `before` is a deployment: only older ones are searched. Debug lines are left out unless asked.
    """
    words = words.replace("\0", "").strip()[:LONGEST]
    asked = (
        select(Deployment.id, Deployment.public_id, Deployment.next_seq, Deployment.created_at)
        .where(Deployment.tenant_id == tenant.id)
        .order_by(Deployment.id.desc())
        .limit(MOST_DEPLOYMENTS + 1)
    )
    if before is not None:
        edge = select(Deployment.id).where(Deployment.public_id == before).scalar_subquery()
        asked = asked.where(Deployment.id < edge)
    rows = session.execute(asked).all()
    taken: list[Any] = []
    total = 0
    for row in rows[:MOST_DEPLOYMENTS]:
        if taken and total + row.next_seq > MOST_LINES:
            break
        taken.append(row)
        total += row.next_seq - 1
    if not taken:
        return Found((), more=False, searched=0, all_lines=0, since=None, older=None)
    lines = _lines(session, [row.id for row in taken], words, stream, debug=debug)
    older = taken[-1].public_id if len(rows) > len(taken) else None
    return Found(
        tuple(lines[:SHOWN]), len(lines) > SHOWN, len(taken), total, taken[-1].created_at, older
    )


def _lines(session: Session, ids: list[int], words: str, stream: str, *, debug: bool) -> list[Line]:
    asked = (
        select(
            LogEntry.at,
            LogEntry.stream,
            LogEntry.text,
            DeploymentStep.step_key,
            DeploymentStep.service_name,
            Deployment.public_id,
            LogEntry.seq,
        )
        .join(Deployment, Deployment.id == LogEntry.deployment_id)
        .outerjoin(DeploymentStep, DeploymentStep.id == LogEntry.step_id)
        .where(LogEntry.deployment_id.in_(ids))
        .order_by(LogEntry.deployment_id.desc(), LogEntry.seq.desc())
        .limit(SHOWN + 1)
    )
    if words:
        asked = asked.where(LogEntry.text.icontains(words, autoescape=True))
    if not debug:
        asked = asked.where(LogEntry.hidden.is_(False))
    if stream:
        asked = asked.where(LogEntry.stream == stream)
    return [Line(*row) for row in session.execute(asked)]


def pieces(text: str, words: str) -> list[tuple[str, bool]]:
    """A line in pieces, and whether each is what was looked for."""
    if not words:
        return [(text, False)]
    folded, wanted = text.lower(), words.lower()
    if len(folded) != len(text):
        # A few letters grow when they are folded: then nothing is marked.
        return [(text, False)]
    found, at = [], 0
    while (start := folded.find(wanted, at)) >= 0:
        found += [(text[at:start], False), (text[start : start + len(wanted)], True)]
        at = start + len(wanted)
    return [piece for piece in [*found, (text[at:], False)] if piece[0]]
