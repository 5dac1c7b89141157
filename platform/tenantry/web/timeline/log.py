"""Lines of a deployment's log: some of them, those that hold a word, or all as text."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.clock import iso
from tenantry.models import Deployment, DeploymentStep, LogEntry
from tenantry.web.timeline.rows import Row
from tenantry.web.words import title_of

MOST_LINES = 500
MOST_OF_STEP = 1000
MOST_LOG_LINES = 50_000
LAST = 6
LONGEST_SEARCH = 200


@dataclass(frozen=True, slots=True)
class Line:
    """One line, with the step that wrote it."""

    seq: int
    at: Any
    stream: str
    text: str
    step: str
    title: str
    service: str | None


@dataclass(frozen=True, slots=True)
class LogPage:
    """
    Some lines, oldest first. `search` is what they hold; without it these are the last ones.

    `older` is the number to look before for more, None where there are none.
    """

    deployment: Deployment
    lines: Sequence[Line]
    search: str
    older: int | None
    whole: bool


def log_page(
    session: Session, deployment: Deployment, search: str = "", before: int | None = None
) -> LogPage:
    """
    The last lines before a number, or all of those that hold a text, in one bounded query.

    Only this deployment's lines are gone through, from their end.
    """
    words = search.replace("\0", "").strip()[:LONGEST_SEARCH]
    query = (
        select(
            LogEntry.seq,
            LogEntry.at,
            LogEntry.stream,
            LogEntry.text,
            DeploymentStep.public_id,
            DeploymentStep.step_key,
            DeploymentStep.service_name,
        )
        .outerjoin(DeploymentStep, DeploymentStep.id == LogEntry.step_id)
        .where(LogEntry.deployment_id == deployment.id)
    )
    if before is not None:
        query = query.where(LogEntry.seq < before)
    if words:
        query = query.where(LogEntry.text.icontains(words, autoescape=True))
    rows = session.execute(query.order_by(LogEntry.seq.desc()).limit(MOST_LINES + 1)).all()
    more = len(rows) > MOST_LINES
    lines = [
        Line(
            row.seq,
            row.at,
            row.stream,
            row.text,
            str(row.public_id or ""),
            title_of(row.step_key) if row.step_key else "",
            row.service_name,
        )
        for row in reversed(rows[:MOST_LINES])
    ]
    older = lines[0].seq if more else None
    return LogPage(deployment, lines, words, older, whole=not more and before is None and not words)


def last_lines(session: Session, row: Row) -> tuple[str, ...]:
    """The last few lines that a step was told from outside, such as the end of a build."""
    ids = [row.step.id, *(retry.id for retry in row.retries)]
    found = session.scalars(
        select(LogEntry.text)
        .where(LogEntry.step_id.in_(ids), LogEntry.stream != "system")
        .order_by(LogEntry.seq.desc())
        .limit(LAST)
    ).all()
    # Its own last line is the message, which stands above.
    own = tuple(f"{step.step_key}: " for step in (row.step, *row.retries))
    return tuple(line for line in reversed(found) if line.strip() and not line.startswith(own))


def log_of(
    session: Session, deployment: Deployment, step_ids: Sequence[int] | None = None
) -> Iterator[str]:
    """The log as lines of text, oldest first; of some steps only, where they are named."""
    query = select(LogEntry.at, LogEntry.stream, LogEntry.text).where(
        LogEntry.deployment_id == deployment.id
    )
    if step_ids is not None:
        query = query.where(LogEntry.step_id.in_(step_ids))
    for row in session.execute(query.order_by(LogEntry.seq).limit(MOST_LOG_LINES)):
        yield f"{iso(row.at)} {row.stream:6} {row.text}"
