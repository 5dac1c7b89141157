"""Targets: rows for what the configuration names."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tenantry.config import TargetSettings
from tenantry.errors import Invalid, NotFound
from tenantry.models import TargetRow
from tenantry.operations.actors import Actor, record


def sync(session: Session, configured: Sequence[TargetSettings]) -> list[TargetRow]:
    """
    A row for each configured target, with its limit; rows of others stay, for history.

    Safe to repeat, and at the same time from several processes.
    """
    rows = []
    for settings in configured:
        row = session.scalar(select(TargetRow).where(TargetRow.name == settings.name))
        if row is None:
            row = TargetRow(name=settings.name, max_in_flight=settings.limit)
            try:
                with session.begin_nested():
                    session.add(row)
            except IntegrityError:
                row = session.scalars(
                    select(TargetRow).where(TargetRow.name == settings.name)
                ).one()
        if row.max_in_flight != settings.limit:
            row.max_in_flight = settings.limit
        rows.append(row)
    session.flush()
    return rows


def find(session: Session, name: str) -> TargetRow:
    """By name; NotFound where it is neither configured nor known."""
    row = session.scalar(select(TargetRow).where(TargetRow.name == name))
    if row is None:
        raise NotFound(f"There is no target {name}; configure it as TARGET_{name.upper()}_URL")
    return row


def usable(session: Session, name: str, field: str = "target") -> TargetRow:
    """The same for input: Invalid names the field."""
    row = session.scalar(select(TargetRow).where(TargetRow.name == name))
    if row is None:
        names = ", ".join(session.scalars(select(TargetRow.name).order_by(TargetRow.name)))
        raise Invalid(field, f"must be a configured target ({names or 'none is configured'})", name)
    return row


def drain(session: Session, actor: Actor, row: TargetRow, *, draining: bool) -> None:
    """A draining target finishes what runs and lets nothing new in."""
    before = row.draining
    row.draining = draining
    record(
        session,
        actor,
        "target.drain",
        row,
        before={"draining": before},
        after={"draining": draining},
    )
