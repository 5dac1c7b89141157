"""Findings as rows: opened, seen again, and closed when the two sides are equal again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Table, insert, select, update

from tenantry.engine.store import locked
from tenantry.journal import Redactor, cap_line
from tenantry.models import DriftFinding, TargetRow, Tenant
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.planning.drift import Difference

OPEN = ("open", "ignored")
LONGEST_FIELD = 60
CLOSER = "drift"


def lock_owner(conn: Connection, tenant_id: int | None, target_name: str) -> None:
    """One process at a time writes what was found of a tenant, or of a target."""
    if tenant_id is None:
        conn.execute(locked(select(TargetRow.id).where(TargetRow.name == target_name))).all()
    else:
        conn.execute(locked(select(Tenant.id).where(Tenant.id == tenant_id))).all()


def keep(
    conn: Connection,
    tenant_id: int | None,
    target_name: str,
    found: Iterable[Difference],
    services: Mapping[str, int],
    redactor: Redactor,
) -> int:
    """
    Makes the open findings of an owner equal to what was found; how many are open now.

    One that is ignored stays so until its date, unless what is there has changed since; one that
    is not found any more is `gone`. The owner is locked by the caller.
    """
    known = {(row.thing, row.field): row for row in _open(conn, tenant_id, target_name)}
    number = 0
    for one in found:
        values = _values(one, redactor)
        row = known.pop((one.thing, values["field"]), None)
        if row is None:
            _open_one(conn, tenant_id, target_name, services.get(one.service or ""), values)
            number += 1
        else:
            number += _seen_again(conn, row, values)
    _close(conn, [row.id for row in known.values()])
    return number


def _open(conn: Connection, tenant_id: int | None, target_name: str) -> Sequence[Any]:
    owner = (
        DriftFinding.tenant_id == tenant_id
        if tenant_id is not None
        else DriftFinding.tenant_id.is_(None) & (DriftFinding.target_name == target_name)
    )
    wake = (DriftFinding.ignored_until <= db_now()).label("wakes")
    return conn.execute(
        select(
            DriftFinding.id,
            DriftFinding.thing,
            DriftFinding.field,
            DriftFinding.theirs,
            DriftFinding.state,
            wake,
        ).where(owner, DriftFinding.state.in_(OPEN))
    ).all()


def _values(one: Difference, redactor: Redactor) -> dict[str, Any]:
    return {
        "thing": one.thing,
        "field": one.field[:LONGEST_FIELD],
        "ours": cap_line(redactor.redact(one.ours)),
        "theirs": cap_line(redactor.redact(one.theirs)),
        "mover": one.mover,
    }


def _open_one(
    conn: Connection,
    tenant_id: int | None,
    target_name: str,
    service_id: int | None,
    values: Mapping[str, Any],
) -> None:
    conn.execute(
        insert(cast("Table", DriftFinding.__table__)).values(
            public_id=uuid7(),
            tenant_id=tenant_id,
            tenant_service_id=service_id,
            target_name=target_name,
            state="open",
            first_seen_at=db_now(),
            seen_at=db_now(),
            closed_by="",
            **values,
        )
    )


def _seen_again(conn: Connection, row: Any, values: Mapping[str, Any]) -> int:
    """1 where it is open, 0 where it stays ignored."""
    ignored = row.state == "ignored" and not row.wakes and row.theirs == values["theirs"]
    state = "ignored" if ignored else "open"
    conn.execute(
        update(DriftFinding)
        .where(DriftFinding.id == row.id, DriftFinding.state.in_(OPEN))
        .values(
            state=state,
            seen_at=db_now(),
            **values,
            **({} if ignored else {"ignored_until": None}),
        )
    )
    return int(not ignored)


def _close(conn: Connection, ids: Sequence[int]) -> None:
    if ids:
        conn.execute(
            update(DriftFinding)
            .where(DriftFinding.id.in_(ids), DriftFinding.state.in_(OPEN))
            .values(state="gone", closed_by=CLOSER, closed_at=db_now())
        )
