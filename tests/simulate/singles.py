"""
PostgreSQL's statements that commit by themselves (engine/fused): they go past SQLAlchemy and all
its events, so a cursor of ours stands below them.

And the one moment in which they are not alone: such a statement sees other rows as they were when
it began, even where it then waited for a lock (ADR 0014). So an actor may stand before its
statement until somebody else is about to commit who holds its row. Then it is begun in a thread,
and that commit is made once PostgreSQL says that it waits. One seed stays one schedule.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Thread
from typing import Any

import psycopg
from sqlalchemy import Engine, event

from tenantry.engine.store import _swift
from tests.simulate.baton import Baton

Query = Callable[[str], list[Any]]
# Each keeps one of the few connections for statements of this kind.
MOST_WAITING = 4
# Machine time, of which a run under virtual time may need any amount while an actor stands still.
NO_HURRY = (
    "SELECT set_config('idle_in_transaction_session_timeout', '0', false),"
    " set_config('statement_timeout', '0', false), set_config('lock_timeout', '0', false)"
)


def unhurried(connection: Any, _record: Any) -> None:
    """Without the timeouts that the product gives its connections."""
    psycopg.Cursor(connection).execute(NO_HURRY)
    connection.commit()


@dataclass(eq=False)
class Single:
    """One statement on its way: `act` runs it, `row` is what it locks first."""

    act: Callable[[], Any]
    row: tuple[str, int]
    pid: int
    thread: Thread | None = None
    done: bool = False
    trouble: BaseException | None = None

    def begin(self) -> None:
        self.thread = Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.act()
        except psycopg.Error as trouble:
            self.trouble = trouble
        self.done = True


@dataclass
class Singles:
    """Of one store: what is done to the text of such a statement, and around it."""

    tell_time: Callable[[Any], None]
    rewrites: list[Callable[[str], str]] = field(default_factory=list)
    around: Callable[[Single], None] = lambda single: single.act()

    def attach(self, engine: Engine) -> None:
        """Puts our cursor under the product's own few connections."""
        swift = _swift(engine)
        # SQLAlchemy asks the server about itself first, which is none of ours.
        swift.connect().close()
        swift.dispose()
        singles = self

        class Cursor(psycopg.Cursor[Any]):
            def execute(self, query: Any, params: Any = None, **more: Any) -> Any:
                for rewrite in singles.rewrites:
                    query = rewrite(query)

                def act() -> None:
                    singles.tell_time(self.connection)
                    psycopg.Cursor.execute(self, query, params, **more)

                table = "deployment" if "deployment" in params else "deployment_step"
                number = params.get("deployment", params["step"])
                pid = self.connection.info.backend_pid
                singles.around(Single(act, (table, number), pid))
                return self

        @event.listens_for(swift, "connect")
        def _connected(connection: Any, _record: Any) -> None:
            connection.cursor_factory = Cursor
            unhurried(connection, None)


class Crossing:
    """Where single statements stand until somebody else holds what they would lock."""

    def __init__(self, query: Query, baton: Baton, dice: random.Random) -> None:
        self._query, self._baton, self._dice = query, baton, dice
        self.chance, self.longest = 0.3, 3.0
        self.met = 0
        self._standing: list[Single] = []

    def cross(self, single: Single) -> None:
        """Runs it: now, later, or in the middle of somebody's commit."""
        if len(self._standing) < MOST_WAITING and self._dice.random() < self.chance:
            self._standing.append(single)
            try:
                self._baton.rest(self._dice.uniform(0.0, self.longest))
            finally:
                self._standing.remove(single)
        if single.thread is None:
            single.act()
        elif single.trouble is not None:
            raise single.trouble

    def before_commit(self) -> None:
        """Begins those that whoever has the turn will keep waiting."""
        for single in self._standing:
            if single.thread is None and self._is_locked(single):
                single.begin()
                self._until_it_waits(single)
                self.met += 1

    def after_commit(self) -> None:
        """They end before anybody else has the turn."""
        for single in self._standing:
            if single.thread is not None:
                single.thread.join()

    def _is_locked(self, single: Single) -> bool:
        table, number = single.row
        return not self._query(
            f"SELECT id FROM {table} WHERE id = {number} FOR NO KEY UPDATE SKIP LOCKED"
        )

    def _until_it_waits(self, single: Single) -> None:
        assert single.thread is not None
        blocked = f"SELECT cardinality(pg_blocking_pids({single.pid})) > 0"
        while not single.done and not self._query(blocked)[0][0]:
            single.thread.join(0.0005)
