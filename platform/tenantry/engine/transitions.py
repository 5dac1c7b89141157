"""
The one writer of each status.

Every move is a guarded UPDATE that names the states it may leave, taken from `planning.states`,
and writes its StatusChange in the same transaction. All of them run under the deployment's lock,
so what was read a moment before is still so. `engine.fused` alone writes beside it: the claim and
the settle of the common case, in one statement, compared with this way row by row by a test.
"""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from sqlalchemy import ColumnElement, Connection, CursorResult, Update, select, update

from tenantry.errors import Conflict
from tenantry.journal import status_changed
from tenantry.models import Deployment, DeploymentStep, JobRecord, Tenant
from tenantry.planning.states import sources

TABLES: dict[str, Any] = {
    "deployment": Deployment,
    "step": DeploymentStep,
    "job": JobRecord,
    "tenant": Tenant,
}


def move(
    conn: Connection,
    thing: str,
    new: str,
    *where: ColumnElement[bool],
    reason: str,
    actor: str = "engine",
    **values: Any,
) -> list[int]:
    """
    Moves every row that fits `where` and may go to `new`; returns the ids that moved.

    An empty answer means that no row was in a state that may be left: the caller decides whether
    that is a lost race or simply nothing to do. Safe to repeat.
    """
    table = TABLES[thing]
    rows = conn.execute(
        select(table.id, table.status).where(table.status.in_(sources(thing, new)), *where)
    ).all()
    if not rows:
        return []
    moved: list[int] = []
    for old in sorted({row.status for row in rows}):
        ids = [row.id for row in rows if row.status == old]
        moved += _move_from(conn, thing, old, new, ids, reason, actor, values)
    return moved


def _move_from(
    conn: Connection,
    thing: str,
    old: str,
    new: str,
    ids: Sequence[int],
    reason: str,
    actor: str,
    values: dict[str, Any],
) -> list[int]:
    table = TABLES[thing]
    moved = list(
        conn.execute(
            update(table)
            .where(table.id.in_(ids), table.status == old)
            .values(status=new, **values)
            .returning(table.id)
        ).scalars()
    )
    status_changed(conn, thing, moved, old, new, reason, actor)
    return moved


def move_known(
    conn: Connection,
    thing: str,
    old: str,
    new: str,
    statement: Update,
    params: Mapping[str, Any],
    *,
    row_id: int,
    reason: str,
    actor: str = "engine",
) -> bool:
    """
    Runs an UPDATE whose old state the caller has read under the lock; False where it did not land.

    The statement itself sets the new state, and names the old one (or a fence) in its WHERE.
    """
    if old not in sources(thing, new):
        raise Conflict(f"A {thing} cannot go from {old} to {new}.")
    landed = cast("CursorResult[Any]", conn.execute(statement, params)).rowcount == 1
    if landed:
        status_changed(conn, thing, [row_id], old, new, reason, actor)
    return landed
