"""What goes over the wire to PostgreSQL, as the driver's own library writes it down (PQtrace)."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg.pq import Trace
from sqlalchemy import event
from sqlalchemy.pool import Pool

OF_TRANSACTIONS = (b'"BEGIN', b'"COMMIT', b'"ROLLBACK')


class Seen(NamedTuple):
    """A round trip is whatever the client waits for: each statement, BEGIN, COMMIT, a preparing."""

    statements: int
    transactions: int
    round_trips: int


class Wire:
    """
    Listens to every connection that any pool of this process makes from now on.

    Of whatever engine, and below whatever library: what is not counted here was not sent. Nothing
    is slowed down before `listen`.
    """

    def __init__(self, folder: Path) -> None:
        # Those that commit each statement by themselves are counted apart.
        self._files = {alone: folder / f"wire-{alone}" for alone in (False, True)}
        for file in self._files.values():
            file.touch()
        self._known: list[Any] = []
        self._listening = False
        event.listen(Pool, "connect", self._connected)

    def close(self) -> None:
        """Connections made later are not listened to."""
        event.remove(Pool, "connect", self._connected)

    def listen(self) -> None:
        """From now on all is counted."""
        self._listening = True
        for connection in self._known:
            self._trace(connection)

    def seen(self) -> Seen:
        """All so far."""
        alone, plain = (self._files[which].read_bytes().splitlines() for which in (True, False))
        sent = [line.split(b"\t") for line in (*alone, *plain) if line.startswith(b"F\t")]
        queries = [parts[3].lstrip() for parts in sent if parts[2] == b"Query"]
        executed = sum(parts[2] == b"Execute" for parts in sent)
        own = sum(words.startswith(OF_TRANSACTIONS) for words in queries)
        begun = sum(words.startswith(b'"BEGIN') for words in queries)
        return Seen(
            statements=len(queries) - own + executed,
            transactions=begun + sum(_starts(line) for line in alone),
            round_trips=len(queries) + sum(parts[2] == b"Sync" for parts in sent),
        )

    def _connected(self, connection: Any, _record: Any) -> None:
        self._known.append(connection)
        if self._listening:
            self._trace(connection)

    def _trace(self, connection: psycopg.Connection[Any]) -> None:
        if connection.closed:
            return
        # A descriptor of its own: the library closes what it was given.
        file = os.open(self._files[connection.autocommit], os.O_WRONLY | os.O_APPEND)
        connection.pgconn.trace(file)
        connection.pgconn.set_trace_flags(Trace.SUPPRESS_TIMESTAMPS)


def _starts(line: bytes) -> bool:
    """Whether a line sends a statement."""
    return line.startswith(b"F\t") and line.split(b"\t")[2] in {b"Query", b"Execute"}
