"""
The database's own clock, in expressions that compile for each dialect.

`statement_timestamp()` on PostgreSQL: `now()` is the start of the transaction and would accept a
lease renewal after its expiry, and `clock_timestamp()` in a WHERE forces a sequential scan. On
SQLite the text has exactly the length that the driver stores, or comparisons would lie.
"""

from typing import Any

from sqlalchemy import ColumnElement, Float, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from tenantry.models.base import UTCDateTime


class _DbNow(FunctionElement[Any]):
    """Now, and optionally some seconds more or less."""

    type = UTCDateTime()
    inherit_cache = True
    name = "db_now"


def db_now(plus: float | ColumnElement[Any] | None = None) -> Any:
    """The database's now, plus so many seconds (may be negative, may be an expression)."""
    if plus is None:
        return _DbNow()
    if isinstance(plus, int | float):
        return _DbNow(bindparam(None, float(plus), type_=Float()))
    return _DbNow(plus)


@compiles(_DbNow, "postgresql")
def _postgresql(element: _DbNow, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = list(element.clauses)
    if not seconds:
        return "statement_timestamp()"
    shift = compiler.process(seconds[0], **kw)
    return f"(statement_timestamp() + make_interval(secs => {shift}))"


@compiles(_DbNow, "sqlite")
def _sqlite(element: _DbNow, compiler: SQLCompiler, **kw: Any) -> str:
    seconds = list(element.clauses)
    if not seconds:
        return "(strftime('%Y-%m-%d %H:%M:%f','now')||'000')"
    shift = compiler.process(seconds[0], **kw)
    return f"(strftime('%Y-%m-%d %H:%M:%f','now',({shift})||' seconds')||'000')"
