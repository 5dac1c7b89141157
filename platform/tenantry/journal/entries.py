"""Rows of history. Each function writes inside the caller's transaction and never commits."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, insert, update

from tenantry.journal.redaction import Redactor
from tenantry.models import (
    AuditEntry,
    Deployment,
    HealthCheck,
    LogEntry,
    StatusChange,
    StepAttempt,
)
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.ports import HealthSeen
from tenantry.steps.outcomes import LogText

LONGEST_MESSAGE = 500
MOST_DETAILS = 16_384
# What was cut is named, as far as this many bytes and names go.
NAMES_OF_CUT = 4_096
MOST_NAMES = 10
LONGEST_LOG_LINE = 8_192


# Built once: composing them costs as much as running them.
_STATUS_CHANGE = insert(StatusChange).values(at=db_now())
_LOG_ENTRY = insert(LogEntry).values(at=db_now())
_NUMBERS = (
    update(Deployment)
    .where(Deployment.id == bindparam("b_deployment"))
    .values(next_seq=Deployment.next_seq + bindparam("b_lines"))
    .returning(Deployment.next_seq)
)
_STEP_ATTEMPT = insert(StepAttempt).values(ended_at=db_now())


def status_changed(
    conn: Connection,
    thing: str,
    ids: Sequence[int],
    old: str,
    new: str,
    reason: str,
    actor: str = "engine",
) -> None:
    """One move for each id; written in the transaction that makes the move."""
    if ids:
        rows = [
            {
                "thing": thing,
                "thing_id": i,
                "old": old,
                "new": new,
                "reason": cap_line(reason),
                "actor": actor[:255],
            }
            for i in ids
        ]
        conn.execute(_STATUS_CHANGE, rows)


def log_lines(redactor: Redactor, texts: Sequence[LogText]) -> list[dict[str, Any]]:
    """Redacted, capped lines as they stand in rows: stream, hidden, text."""
    return [
        {"stream": text.stream, "hidden": text.hidden, "text": line[:LONGEST_LOG_LINE]}
        for text in texts
        for line in redactor.redact("\n".join(text.lines)).split("\n")
        if text.lines
    ]


def logged(
    conn: Connection,
    redactor: Redactor,
    deployment_id: int,
    step_id: int | None,
    attempt: int,
    texts: Sequence[LogText],
) -> int:
    """
    Appends redacted lines, numbered under the deployment's lock, which the caller holds.

    Returns how many were written.
    """
    rows = log_lines(redactor, texts)
    if not rows:
        return 0
    after = conn.execute(
        _NUMBERS, {"b_deployment": deployment_id, "b_lines": len(rows)}
    ).scalar_one()
    for number, row in enumerate(rows, start=after - len(rows)):
        row |= {"deployment_id": deployment_id, "step_id": step_id}
        row |= {"attempt": attempt, "seq": number}
    conn.execute(_LOG_ENTRY, rows)
    return len(rows)


def tried(
    conn: Connection,
    *,
    step_id: int,
    number: int,
    epoch: int,
    fence: int,
    owner: str,
    outcome: str,
    message: str,
    details: Mapping[str, Any],
    started_at: Any,
) -> None:
    """One StepAttempt; polls make none."""
    conn.execute(
        _STEP_ATTEMPT,
        {
            "public_id": uuid7(),
            "step_id": step_id,
            "number": number,
            "epoch": epoch,
            "fence": fence,
            "owner": owner,
            "outcome": outcome,
            "message": cap_line(message),
            # By the name of its column: an attribute's name would be passed over in silence.
            "meta": dict(details),
            "started_at": started_at,
        },
    )


def probed(conn: Connection, service_id: int, step_id: int | None, seen: HealthSeen) -> None:
    """One HealthCheck."""
    conn.execute(
        insert(HealthCheck).values(
            tenant_service_id=service_id,
            step_id=step_id,
            at=db_now(),
            ok=seen.ok,
            http_status=seen.status,
            latency_ms=seen.latency_ms,
            problem=cap_line(seen.problem),
        )
    )


def audited(
    conn: Connection,
    *,
    actor: str,
    user_id: int | None,
    action: str,
    object_type: str,
    object_id: str,
    object_name: str = "",
    outcome: str = "done",
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    address: str = "",
    request_id: str = "",
) -> None:
    """What a person did, or was refused. Values of secrets are masked by their shape."""
    redactor = Redactor()
    conn.execute(
        insert(AuditEntry).values(
            public_id=uuid7(),
            at=db_now(),
            actor=actor[:255],
            user_id=user_id,
            action=action,
            object_type=object_type,
            object_id=object_id[:60],
            object_name=redactor.redact(object_name)[:200],
            outcome=outcome,
            reason=cap_line(redactor.redact(reason)),
            before=redactor.deep(before),
            after=redactor.deep(after),
            address=address[:64],
            request_id=request_id[:64],
        )
    )


def cap_line(text: str) -> str:
    """One line of at most 500 characters."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


def cap_details(redactor: Redactor, details: Mapping[str, Any]) -> dict[str, Any]:
    """Redacted details of at most 16 KiB; the longest values are left out, and that is said."""
    clean: Any = redactor.deep(details)
    text = json.dumps(clean, default=str)
    if len(text) <= MOST_DETAILS:
        return dict(json.loads(text))
    sizes = {k: len(json.dumps({k: v}, default=str)) for k, v in clean.items()}
    short: dict[str, Any] = {}
    room = MOST_DETAILS - NAMES_OF_CUT
    for key in sorted(sizes, key=lambda key: (sizes[key], key)):
        room -= sizes[key]
        if room < 0:
            break
        short[key] = clean[key]
    cut = [key[:30] for key in sorted(set(clean) - set(short))]
    return dict(json.loads(json.dumps(short, default=str))) | {"truncated": cut[:MOST_NAMES]}
