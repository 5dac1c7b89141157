"""
Changes that were refused to somebody we know: each leaves a row in the audit trail.

In a transaction of its own, and one for each person, action and minute: a page that tries in a
loop fills no table.
"""

import structlog
from flask import g, request
from sqlalchemy import exists, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from tenantry.journal import audited
from tenantry.models import AuditEntry
from tenantry.models.dbtime import db_now
from tenantry.operations.actors import Actor
from tenantry.web.database import let_go
from tenantry.web.door import desk
from tenantry.web.people import member
from tenantry.web.security import actor

log = structlog.get_logger(__name__)
APART_SECONDS = 60


def note_refusal(words: str) -> None:
    """Writes it down where a member of staff was refused a change; never raises."""
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    try:
        if member() is None:
            return
        who, action = actor(), f"refused {request.endpoint or 'unknown'}"[:60]
        let_go()
        desk().do(lambda session: _write(session, who, action, words))
    except SQLAlchemyError as trouble:
        log.warning("refusal not written", error=type(trouble).__name__, request=g.request_id)


def _write(session: Session, who: Actor, action: str, words: str) -> None:
    lately = exists().where(
        AuditEntry.user_id == who.user_id,
        AuditEntry.action == action,
        AuditEntry.at > db_now(-APART_SECONDS),
    )
    if session.scalar(select(lately)):
        return
    audited(
        session.connection(),
        actor=who.name,
        user_id=who.user_id,
        action=action,
        object_type="Address",
        object_id="",
        object_name=request.path,
        outcome="refused",
        reason=words,
        address=who.address,
        request_id=who.request_id,
    )
