"""
One statement for many rows, each with values of its own.

PostgreSQL takes the rows as one JSON document, so that the statement is always the same text and
compiled once; on SQLite, which is asked inside this process, each row is a statement.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, bindparam, column, func, insert, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import JSONB

Rows = Sequence[Mapping[str, Any]]


def update_many(conn: Connection, table: Table, rows: Rows, fixed: Mapping[str, Any]) -> None:
    """
    Sets the columns of each row by its `id`, and `fixed` on all of them.

    Every row names the same columns. The caller holds the rows' locks.
    """
    if not rows:
        return
    names = [name for name in rows[0] if name != "id"]
    if conn.dialect.name != "postgresql":
        given = {name: bindparam(f"b_{name}", type_=table.c[name].type) for name in names}
        statement = update(table).where(table.c.id == bindparam("b_id")).values(**given, **fixed)
        conn.execute(statement, [{f"b_{k}": v for k, v in row.items()} for row in rows])
        return
    listed = func.jsonb_to_recordset(bindparam("listed", type_=JSONB)).table_valued(
        *(column(name, table.c[name].type) for name in ("id", *names)), name="listed"
    )
    new = listed.render_derived(name="listed", with_types=True)
    values = {name: new.c[name] for name in names}
    statement = update(table).where(table.c.id == new.c.id).values(**values, **fixed)
    conn.execute(statement, {"listed": [_plain(row) for row in rows]})


def _plain(row: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}


def insert_many(conn: Connection, table: Table, rows: Rows) -> None:
    """One INSERT for many rows."""
    if rows:
        # With RETURNING, SQLAlchemy sends all rows in one statement on both databases.
        conn.execute(insert(table).returning(table.primary_key.columns[0]), list(rows))


def add_up(conn: Connection, table: Table, rows: Rows, sums: Sequence[str], most: str) -> None:
    """
    Inserts rows, or adds their `sums` to those that stand there under the same primary key, and
    keeps the larger of `most`. No two of the given rows have the same key.
    """
    if not rows:
        return
    make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    largest = func.greatest if conn.dialect.name == "postgresql" else func.max
    wish = make(table)
    new = wish.excluded
    values = {name: table.c[name] + new[name] for name in sums}
    values[most] = largest(table.c[most], new[most])
    keys = list(table.primary_key.columns)
    statement = wish.on_conflict_do_update(index_elements=keys, set_=values)
    conn.execute(statement.returning(keys[0]), list(rows))


def insert_missing(
    conn: Connection, table: Table, rows: Rows, unique: str, fixed: Mapping[str, Any]
) -> None:
    """Inserts rows with `fixed` beside them, but for those whose `unique` column is there."""
    if rows:
        make = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
        statement = make(table).values(**fixed).on_conflict_do_nothing(index_elements=[unique])
        conn.execute(statement, list(rows))
