"""
The one clock.

Database times are compared in the database with the database's own clock (`models.dbtime`); what
stands here serves only to show a time, to stamp what has no row yet, and to ask "may I still send".
"""

import time
from datetime import UTC, datetime


def utcnow() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds that never run backwards; meaningless across processes."""
    return time.monotonic()


def iso(moment: datetime) -> str:
    """`2026-09-08T12:00:00Z`: UTC, whole seconds, with Z, as the API shows every time."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
