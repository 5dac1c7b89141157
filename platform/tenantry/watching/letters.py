"""
Letters about services and hostnames, and the outbox that they wait in.

They look like the letters about deployments. Written in the transaction of what they tell of;
`postman` sends them afterwards.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from unicodedata import category

from sqlalchemy import Connection

from tenantry.models import LetterOutbox
from tenantry.models.dbtime import db_now
from tenantry.watching.bulk import insert_missing

# Control characters, halves of characters, and the line and paragraph separators.
BREAKS = frozenset({"Cc", "Cs", "Zl", "Zp"})
LONGEST_SUBJECT = 200
TABLE: Any = LetterOutbox.__table__


@dataclass(frozen=True, slots=True)
class News:
    """
    What a letter tells.

    `message_id` is made of the event, so that one event has one letter however often it is told.
    """

    tenant_id: int
    recipients: tuple[str, ...]
    thread: str
    message_id: str
    subject: str
    rows: tuple[tuple[str, str], ...]
    link: str
    good: bool


def outbox(conn: Connection, news: Sequence[News]) -> None:
    """Puts letters where the postman finds them; none where nobody is to be told."""
    rows = [_row(one) for one in news if one.recipients]
    insert_missing(conn, TABLE, rows, "message_id", {"due_at": db_now()})


def _row(one: News) -> dict[str, Any]:
    subject = _line(one.subject)[:LONGEST_SUBJECT]
    rows = [(name, _line(value)) for name, value in one.rows if value]
    listed = [*rows, ("Tenant's page", one.link)]
    return {
        "tenant_id": one.tenant_id,
        "message_id": one.message_id,
        "thread": one.thread,
        "recipients": list(one.recipients),
        "subject": subject,
        "text": "\n".join([subject, "", *(f"{name}: {value}" for name, value in listed), ""]),
        "html": _html(subject, rows, one.link, good=one.good),
        "attempts": 0,
        "problem": "",
    }


def _line(text: str) -> str:
    """One line without control characters: no name or message can write a line of its own."""
    return " ".join("".join(" " if category(c) in BREAKS else c for c in text).split())


def _html(subject: str, rows: Sequence[tuple[str, str]], link: str, *, good: bool) -> str:
    colour = "#16794c" if good else "#c0332b"
    cells = "".join(
        '<tr><td style="padding:4px 16px 4px 0;color:#6b6a64;vertical-align:top">'
        f"{html.escape(name)}</td>"
        f'<td style="padding:4px 0">{html.escape(value)}</td></tr>'
        for name, value in rows
    )
    return (
        '<!doctype html><html lang="en"><body style="font:14px/1.5 sans-serif;color:#1a1a18">'
        f'<h1 style="font-size:18px;color:{colour}">{html.escape(subject)}</h1>'
        f"<table>{cells}</table>"
        f'<p><a href="{html.escape(link, quote=True)}">Open the tenant</a></p></body></html>'
    )


def duration(seconds: float) -> str:
    """`3 m 20 s`; days and hours where there are any."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = [(days, "d"), (hours, "h"), (minutes, "m"), (rest, "s")]
    return " ".join(f"{n} {unit}" for n, unit in parts if n) or "0 s"
