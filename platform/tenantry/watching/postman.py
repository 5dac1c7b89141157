"""
Sends the letters of the outbox, each at least once, under a Message-ID that stays the same.

A letter is claimed by pushing its due time away, sent outside of every transaction, and marked.
Whoever is killed in between leaves it to be sent again; nobody can lose it.
"""

from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Engine, and_, exists, select, update
from sqlalchemy.orm import aliased

from tenantry.engine.store import locked, transaction
from tenantry.errors import Permanent, TenantryError
from tenantry.journal import Redactor, cap_line
from tenantry.models import LetterOutbox
from tenantry.models.dbtime import db_now
from tenantry.planning.backoff import Backoff
from tenantry.ports import Letter, Mailer

log = structlog.get_logger(__name__)
Row = LetterOutbox
earlier = aliased(LetterOutbox)
# About a day of trying, with a server that is away.
MOST_TRIES = 30
BACKOFF = Backoff(base=30.0, cap=3600.0)
MARGIN = 30.0


@dataclass(frozen=True, slots=True)
class Postman:
    """Any number of copies. `timeout` is the mailer's own, in seconds."""

    engine: Engine
    mailer: Mailer
    timeout: float

    def send_one(self) -> bool:
        """Sends the letter that is due the longest; False where none is due."""
        row = self._claim()
        if row is None:
            return False
        letter = Letter(row.message_id, tuple(row.recipients), row.subject, row.text, row.html)
        try:
            self.mailer.send(letter)
        except TenantryError as trouble:
            self._failed(row, trouble)
        else:
            self._mark(Row.id == row.id, sent_at=db_now(), problem="")
        return True

    def _claim(self) -> Any:
        open_before = exists().where(
            earlier.thread == Row.thread,
            earlier.id < Row.id,
            earlier.sent_at.is_(None),
            earlier.given_up_at.is_(None),
        )
        wanted = (
            select(Row.__table__)
            .where(
                Row.sent_at.is_(None),
                Row.given_up_at.is_(None),
                Row.due_at <= db_now(),
                ~open_before,
            )
            .order_by(Row.due_at, Row.id)
            .limit(1)
        )
        with transaction(self.engine) as conn:
            row = conn.execute(locked(wanted, of=Row, skip=True)).one_or_none()
            if row is not None:
                conn.execute(
                    update(Row)
                    .where(Row.id == row.id)
                    .values(attempts=row.attempts + 1, due_at=db_now(self.timeout + MARGIN))
                )
            return row

    def _failed(self, row: Any, trouble: TenantryError) -> None:
        words = cap_line(Redactor().redact(str(trouble)))
        over = isinstance(trouble, Permanent) or row.attempts + 1 >= MOST_TRIES
        log.warning("letter not sent", letter=row.message_id, reason=words, given_up=over)
        # Only while no other copy has taken it in the meantime.
        mine = and_(Row.id == row.id, Row.attempts == row.attempts + 1)
        if over:
            self._mark(mine, given_up_at=db_now(), problem=words)
        else:
            self._mark(mine, due_at=db_now(BACKOFF.seconds(row.attempts)), problem=words)

    def _mark(self, which: Any, **values: Any) -> None:
        with transaction(self.engine) as conn:
            conn.execute(update(Row).where(which, Row.sent_at.is_(None)).values(**values))
