"""
Rows that outlive the process.

Everything is read from memory and written through to one SQLite file. A change is lost only if
the process dies before ``commit``, and no answer leaves before ``commit``; so what a client was
told is there after kill -9.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

Row = dict[str, Any]

OWNERS: Final = (
    "applicationId",
    "composeId",
    "postgresId",
    "mysqlId",
    "mariadbId",
    "mongoId",
    "redisId",
    "libsqlId",
)
INDEXED: Final[dict[str, tuple[str, ...]]] = {
    "environment": ("projectId",),
    "application": ("environmentId", "appName", "refreshToken"),
    "postgres": ("environmentId", "appName"),
    "mysql": ("environmentId", "appName"),
    "mariadb": ("environmentId", "appName"),
    "mongo": ("environmentId", "appName"),
    "redis": ("environmentId", "appName"),
    "libsql": ("environmentId", "appName"),
    "compose": ("environmentId", "appName"),
    "deployment": ("applicationId", "composeId", "scheduleId", "backupId", "volumeBackupId"),
    "domain": ("applicationId", "composeId"),
    "route": ("host", "appName", "stack"),
    "schedule": ("applicationId", "composeId"),
    "mount": ("serviceId",),
    "backup": OWNERS,
    "volumeBackup": OWNERS,
    "redirect": ("applicationId",),
    "rollback": ("applicationId", "deploymentId"),
    "file": ("bucket",),
    "service": ("stack",),
}


class Store:
    """Kinds of rows by id, in the order they were made. Used from one thread only."""

    def __init__(self, path: str | Path | None) -> None:
        self._database = sqlite3.connect(str(path) if path else ":memory:", check_same_thread=False)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS rows (kind TEXT, id TEXT, place INTEGER, body TEXT,"
            " PRIMARY KEY (kind, id)) WITHOUT ROWID",
        )
        self._database.commit()
        self._kinds: dict[str, dict[str, Row]] = {}
        self._places: dict[tuple[str, str], int] = {}
        self._indexes: dict[tuple[str, str, Any], dict[str, None]] = {}
        self._changed: dict[tuple[str, str], None] = {}
        self._derived: dict[Any, Any] = {}
        self._next_place = 0
        self._load()

    def _load(self) -> None:
        found = self._database.execute("SELECT kind, id, place, body FROM rows ORDER BY place")
        for kind, row_id, place, body in found:
            row = json.loads(body)
            self._kinds.setdefault(kind, {})[row_id] = row
            self._places[kind, row_id] = place
            self._next_place = place + 1
            self._index(kind, row_id, row)

    def _index(self, kind: str, row_id: str, row: Row) -> None:
        for field in INDEXED.get(kind, ()):
            self._indexes.setdefault((kind, field, row.get(field)), {})[row_id] = None

    def _unindex(self, kind: str, row_id: str, row: Row) -> None:
        for field in INDEXED.get(kind, ()):
            self._indexes.get((kind, field, row.get(field)), {}).pop(row_id, None)

    def get(self, kind: str, row_id: str | None) -> Row | None:
        """The row, or None. It is the stored one: change it with ``change`` alone."""
        return self._kinds.get(kind, {}).get(row_id) if row_id is not None else None

    def every(self, kind: str) -> list[Row]:
        """All rows of a kind, oldest first."""
        return list(self._kinds.get(kind, {}).values())

    def ids(self, kind: str) -> Iterator[str]:
        """All ids of a kind, oldest first."""
        return iter(list(self._kinds.get(kind, {})))

    def where(self, kind: str, field: str, value: Any) -> list[Row]:
        """Rows of a kind with that value in an indexed field, oldest first."""
        rows = self._kinds.get(kind, {})
        return [rows[row_id] for row_id in self._indexes.get((kind, field, value), {})]

    def put(self, kind: str, row_id: str, row: Row) -> Row:
        """Add or replace a row."""
        old = self.get(kind, row_id)
        if old is None:
            self._places[kind, row_id] = self._next_place
            self._next_place += 1
        self._kinds.setdefault(kind, {})[row_id] = row
        self._stale(old)
        self._stale(row)
        for field in INDEXED.get(kind, ()):
            if old is not None and old.get(field) == row.get(field):
                continue  # a row keeps its place among its like
            if old is not None:
                self._indexes.get((kind, field, old.get(field)), {}).pop(row_id, None)
            self._indexes.setdefault((kind, field, row.get(field)), {})[row_id] = None
        self._changed[kind, row_id] = None
        return row

    def change(self, kind: str, row_id: str, /, **values: Any) -> Row | None:
        """Change fields of a row; None when it is gone meanwhile."""
        row = self.get(kind, row_id)
        return None if row is None else self.put(kind, row_id, row | values)

    def drop(self, kind: str, row_id: str) -> Row | None:
        """Remove a row and return what it was."""
        row = self._kinds.get(kind, {}).pop(row_id, None)
        if row is not None:
            self._unindex(kind, row_id, row)
            self._stale(row)
            self._changed[kind, row_id] = None
        return row

    def derived(self, environment_id: str, make: Callable[[], Row]) -> Row:
        """
        What `make` made of an environment, made anew once one of its rows has changed.

        Each new project asks for the list of all, which takes a thousand of these.
        """
        kept = self._derived.get(environment_id)
        if kept is None:
            kept = self._derived[environment_id] = make()
        return kept

    def _stale(self, row: Row | None) -> None:
        if row is not None:
            self._derived.pop(row.get("environmentId"), None)

    def commit(self) -> None:
        """Make every change so far survive the end of this process. Cheap when nothing changed."""
        if not self._changed:
            return
        for kind, row_id in self._changed:
            row = self.get(kind, row_id)
            if row is None:
                self._places.pop((kind, row_id), None)
                self._database.execute("DELETE FROM rows WHERE kind=? AND id=?", (kind, row_id))
            else:
                self._database.execute(
                    "INSERT OR REPLACE INTO rows VALUES (?,?,?,?)",
                    (kind, row_id, self._places[kind, row_id], json.dumps(row)),
                )
        self._changed.clear()
        self._database.commit()

    def clear(self) -> None:
        """Forget every row, on disk as well."""
        self._database.execute("DELETE FROM rows")
        self._database.commit()
        for held in (self._kinds, self._places, self._indexes, self._changed, self._derived):
            held.clear()

    def close(self) -> None:
        """Commit and let go of the file."""
        self.commit()
        self._database.close()
