"""
The database as the engine uses it.

READ COMMITTED with explicit row locks on PostgreSQL; `BEGIN IMMEDIATE`, WAL and a busy timeout on
SQLite, where one writer at a time makes row locks needless (KERNEL R3).
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from weakref import WeakKeyDictionary

import psycopg
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

LOCK_TIMEOUT_MS = 5_000
STATEMENT_TIMEOUT_MS = 8_000
IDLE_TIMEOUT_MS = 10_000
SQLITE_BUSY_SECONDS = 10
# Its statements take about a millisecond: few connections serve many threads, and stay warm.
SWIFT_POOL = 8
# Nobody's fault, over in a moment: a lock that was not got, a connection that broke, a full pool.
DATABASE_TROUBLE = (OperationalError, InterfaceError, PoolTimeout)
# An execution option: this transaction only reads, so on SQLite it need not wait for writers.
READS_ONLY = "tenantry_reads_only"


def engine_options(url: str, *, pool: int = 20, ping: bool = True) -> dict[str, Any]:
    """
    Arguments for `create_engine`.

    `ping` asks each connection for a sign of life before it is used: pages want that. Workers and
    the watchdog do without the extra round trip, since every transaction of theirs may fail.
    """
    if make_url(url).get_backend_name() == "sqlite":
        return {
            "connect_args": {"timeout": SQLITE_BUSY_SECONDS, "check_same_thread": False},
            "hide_parameters": True,
        }
    options = (
        f"-c lock_timeout={LOCK_TIMEOUT_MS} -c statement_timeout={STATEMENT_TIMEOUT_MS} "
        f"-c idle_in_transaction_session_timeout={IDLE_TIMEOUT_MS} -c timezone=UTC"
    )
    return {
        "pool_size": pool,
        "max_overflow": pool,
        "pool_pre_ping": ping,
        "pool_timeout": 10,
        "pool_recycle": 1800,
        # The connection used last has its statements prepared and its caches warm.
        "pool_use_lifo": True,
        "hide_parameters": True,
        "connect_args": {"options": options, "connect_timeout": 5},
    }


def open_engine(url: str, *, pool: int = 20, ping: bool = True) -> Engine:
    """An engine with our rules attached."""
    return attach(create_engine(url, **engine_options(url, pool=pool, ping=ping)))


def attach(engine: Engine) -> Engine:
    """Attaches SQLite's rules where they are needed; safe to repeat."""
    if engine.dialect.name == "sqlite" and not event.contains(engine, "connect", _on_connect):
        event.listen(engine, "connect", _on_connect)
        event.listen(engine, "begin", _on_begin)
    return engine


def _on_connect(connection: Any, _record: Any) -> None:
    # The driver must not open transactions by itself: its BEGIN is a deferred one.
    connection.isolation_level = None
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=NORMAL"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _on_begin(connection: Connection) -> None:
    reads = connection.get_execution_options().get(READS_ONLY, False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """One short transaction; never held while a target is called."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def one_statement(engine: Engine) -> Iterator[psycopg.Cursor[Any]]:
    """
    A cursor on PostgreSQL whose one statement commits by itself: one round trip instead of three.

    The driver's own, from a small pool beside the engine's: for text that is composed once,
    SQLAlchemy's work around a statement costs as much as the statement. Raises what SQLAlchemy
    would raise.
    """
    swift = _swift(engine)
    pooled = swift.raw_connection()
    try:
        driver: psycopg.Connection[Any] = cast("Any", pooled.driver_connection)
        try:
            with driver.cursor() as cursor:
                yield cursor
        except psycopg.Error as trouble:
            if driver.closed:
                # The server has gone or restarted: the others of the pool are of no use either.
                pooled.invalidate(trouble)
                swift.dispose()
            raise DBAPIError.instance(
                None, None, trouble, psycopg.Error, hide_parameters=True, dialect=engine.dialect
            ) from trouble
    finally:
        pooled.close()


_swift_engines: WeakKeyDictionary[Engine, tuple[int, Engine]] = WeakKeyDictionary()


def _swift(engine: Engine) -> Engine:
    """
    Few connections, which commit each statement and plan it once for all parameters.

    All that runs there finds its rows by id, so that one plan is as good as any; elsewhere it would
    miss the partial indexes. A forked child gets a pool of its own.
    """
    pid, found = _swift_engines.get(engine, (0, None))
    if found is None or pid != os.getpid():
        options = engine_options(engine.url.drivername + "://", pool=SWIFT_POOL, ping=False)
        arguments = options["connect_args"]
        # A plan that was made while a table was small would go through all of it later.
        arguments["options"] += " -c plan_cache_mode=force_generic_plan -c enable_seqscan=off"
        found = create_engine(
            engine.url,
            **{**options, "max_overflow": 0, "pool_reset_on_return": None},
            isolation_level="AUTOCOMMIT",
        )
        _swift_engines[engine] = (os.getpid(), found)
    return found


def locked(statement: Any, *, of: Any = None, skip: bool = False) -> Any:
    """
    The same with `FOR NO KEY UPDATE`, which SQLite leaves out.

    Never `FOR UPDATE`: the key share lock of a foreign-key check would deadlock with it.
    """
    return statement.with_for_update(key_share=True, of=of, skip_locked=skip)
