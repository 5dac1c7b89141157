"""How long things are kept: single probes for days, their hours for weeks, their days for years."""

from typing import Any

from sqlalchemy import Connection, CursorResult, delete, select

from tenantry.config import Watching
from tenantry.models import HealthCheck, HealthRollup, LetterOutbox
from tenantry.models.dbtime import db_now

DAY = 86_400.0
KEEP_HOURS = 14 * DAY
KEEP_DAYS = 400 * DAY
KEEP_LETTERS = 90 * DAY
BATCH = 5000


def tidy(conn: Connection, rules: Watching) -> int:
    """
    Deletes at most a few thousand rows of each kind that have grown too old; returns how many.

    Sums are kept apart, so nothing is lost that a page shows. Call again while it deletes much.
    """
    # The oldest by number are the oldest by time: no index on the time alone is needed.
    oldest = select(HealthCheck.id, HealthCheck.at).order_by(HealthCheck.id).limit(BATCH).subquery()
    old = select(oldest.c.id).where(oldest.c.at < db_now(-rules.keep_hours * 3600))
    number = _gone(conn, delete(HealthCheck).where(HealthCheck.id.in_(old)))
    for period, seconds in (("hour", KEEP_HOURS), ("day", KEEP_DAYS)):
        number += _gone(
            conn,
            delete(HealthRollup).where(
                HealthRollup.period == period, HealthRollup.starts_at < db_now(-seconds)
            ),
        )
    return number + _gone(conn, delete(LetterOutbox).where(LetterOutbox.id.in_(_sent())))


def _sent() -> Any:
    first = (
        select(LetterOutbox.id, LetterOutbox.created_at)
        .order_by(LetterOutbox.id)
        .limit(BATCH)
        .subquery()
    )
    return (
        select(LetterOutbox.id)
        .join(first, first.c.id == LetterOutbox.id)
        .where(
            LetterOutbox.created_at < db_now(-KEEP_LETTERS),
            LetterOutbox.sent_at.is_not(None) | LetterOutbox.given_up_at.is_not(None),
        )
    )


def _gone(conn: Connection, statement: Any) -> int:
    result: CursorResult[Any] = conn.execute(statement)
    return result.rowcount
