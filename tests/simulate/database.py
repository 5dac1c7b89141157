"""
The database of a run: SQLite in memory, or a real PostgreSQL, brought back to one state each time.

All actors share one connection of SQLite: a transaction is never left open while another actor
has its turn, which is what BEGIN IMMEDIATE makes of writers anyhow.
"""

import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg
from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.pool import StaticPool

from tenantry.engine.store import attach, open_engine
from tenantry.models.base import Base
from tests.kept import emptied
from tests.simulate.clockwork import Clock
from tests.simulate.singles import Singles, unhurried

# Ahead of the server's own functions, so that the product's statements ask this one.
OUR_CLOCK = """
CREATE SCHEMA IF NOT EXISTS simulated;
CREATE OR REPLACE FUNCTION simulated.statement_timestamp() RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT current_setting('simulated.now')::timestamptz $$;
CREATE OR REPLACE FUNCTION simulated.clock_timestamp() RETURNS timestamptz
LANGUAGE sql STABLE AS $$ SELECT current_setting('simulated.now')::timestamptz $$;
"""
TELL_TIME = (
    "SELECT set_config('search_path', 'simulated, pg_catalog, public', false),"
    " set_config('simulated.now', %s, false)"
)


class Store:
    """An engine under a virtual clock. `home` makes the state that every run begins with."""

    def __init__(self, clock: Clock, url: str | None, home: Callable[[Engine], None]) -> None:
        self.clock, self._home = clock, home
        self._kept: sqlite3.Connection | None = None
        self._raw: Any = None
        self._indexes: dict[str, str] = {}
        self.singles = Singles(self._tell_time)
        self.engine = self._postgresql(url) if url else self._memory()
        self.memory = url is None

    def _memory(self) -> Engine:
        engine = create_engine(
            "sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False}
        )

        @event.listens_for(engine, "connect")
        def _clock(connection: sqlite3.Connection, _record: Any) -> None:
            connection.create_function("strftime", -1, self.clock.strftime)
            self._raw = connection

        attach(engine)
        Base.metadata.create_all(engine)
        return engine

    def _postgresql(self, url: str) -> Engine:
        from tests.conftest import migrate  # noqa: PLC0415 — it brings pytest along

        engine = open_engine(url, pool=20, ping=False)
        event.listen(engine, "connect", unhurried)
        migrate(engine)
        with engine.begin() as conn:
            conn.execute(text(OUR_CLOCK))
        self._looker = create_engine(url, isolation_level="AUTOCOMMIT")
        self.singles.attach(engine)

        @event.listens_for(engine, "begin")
        def _begun(connection: Any) -> None:
            connection.exec_driver_sql(TELL_TIME, (self.clock.database().isoformat(),))

        return engine

    def _tell_time(self, connection: Any) -> None:
        psycopg.Cursor(connection).execute(TELL_TIME, (self.clock.database().isoformat(),))

    def fresh(self) -> None:
        """The state that every run begins with."""
        if not self.memory:
            emptied(self.engine)
            for statement in self._indexes.values():
                self.execute(statement)
            self._indexes.clear()
            self._home(self.engine)
        elif self._kept is None:
            self._home(self.engine)
            self._kept = sqlite3.connect(":memory:", check_same_thread=False)
            self._raw.backup(self._kept)
        else:
            self._kept.backup(self._raw)

    def close(self) -> None:
        """Leaves the server alone."""
        self.engine.dispose()
        if not self.memory:
            self._looker.dispose()

    @property
    def busy(self) -> bool:
        """Whether the one connection of SQLite is inside a transaction, or a part of one."""
        return bool(self._raw.in_transaction)

    def drop_index(self, name: str) -> None:
        """Gone until the next run begins."""
        if not self.memory:
            query = f"SELECT indexdef FROM pg_indexes WHERE indexname = '{name}'"
            self._indexes[name] = self.query(query)[0][0]
        self.execute(f"DROP INDEX {name}")

    def execute(self, statement: str) -> None:
        """One statement on the side, between transactions."""
        if self.memory:
            self._raw.execute(statement)
            return
        with self._looker.connect() as conn:
            conn.exec_driver_sql(statement)

    def query(self, statement: str) -> list[Any]:
        """Rows as they stand committed; for looking only, between transactions."""
        if self.memory:
            return self._raw.execute(statement).fetchall()
        with self._looker.connect() as conn:
            return [tuple(row) for row in conn.exec_driver_sql(statement).fetchall()]
