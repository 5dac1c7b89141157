"""
The database's own clock, in expressions that compile for each dialect.

`statement_timestamp()` on PostgreSQL: `now()` is the start of the transaction and would accept a
lease renewal after its expiry, and `clock_timestamp()` in a WHERE forces a sequential scan. On
SQLite the text has exactly the length that the driver stores, or comparisons would lie.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, DateTime, Float, Integer, bindparam
from sqlalchemy.engine import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator


class UTCDateTime(TypeDecorator[datetime]):
    """Aware in Python, `timestamptz` on PostgreSQL, naive UTC text of one length on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses naive times: nobody knows what they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Always aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


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


class _Seconds(FunctionElement[Any]):
    """Seconds from one time to another."""

    type = Float()
    inherit_cache = True
    name = "seconds_between"


class _Day(FunctionElement[Any]):
    """A time's day, as its number since 1970."""

    type = Integer()
    inherit_cache = True
    name = "day_of"


def seconds_between(earlier: Any, later: Any) -> Any:
    """From one column's time to another's; NULL where one of them is."""
    return _Seconds(earlier, later)


def day_of(at: Any) -> Any:
    """The UTC day of a column's time, counted from 1 January 1970."""
    return _Day(at)


@compiles(_Seconds, "postgresql")
def _seconds_postgresql(element: _Seconds, compiler: SQLCompiler, **kw: Any) -> str:
    earlier, later = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({later} - {earlier})) AS DOUBLE PRECISION)"


@compiles(_Seconds, "sqlite")
def _seconds_sqlite(element: _Seconds, compiler: SQLCompiler, **kw: Any) -> str:
    earlier, later = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"((julianday({later}) - julianday({earlier})) * 86400.0)"


@compiles(_Day, "postgresql")
def _day_postgresql(element: _Day, compiler: SQLCompiler, **kw: Any) -> str:
    at = compiler.process(next(iter(element.clauses)), **kw)
    return f"CAST(FLOOR(EXTRACT(EPOCH FROM {at}) / 86400) AS INTEGER)"


@compiles(_Day, "sqlite")
def _day_sqlite(element: _Day, compiler: SQLCompiler, **kw: Any) -> str:
    at = compiler.process(next(iter(element.clauses)), **kw)
    return f"CAST(julianday({at}) - 2440587.5 AS INTEGER)"
