"""
What the server's clock was told to run: schedules, backups and volume backups.

The real clock lives in memory beside the rows. A row that goes with its owner does not stop it,
so the job fires on until the server restarts. Here nothing fires by itself: tests ask for it.
"""

from typing import Final

from dokploy_simulator.store import OWNERS, Row, Store

KINDS: Final = {
    "schedule": "cronExpression",
    "backup": "schedule",
    "volumeBackup": "cronExpression",
}


class Clock:
    """The armed jobs by the id of their row."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def arm(self, kind: str, row: Row) -> None:
        """Let a row fire, or not, as its ``enabled`` says."""
        row_id = row[f"{kind}Id"]
        if not row["enabled"]:
            self.disarm(row_id)
            return
        known = self._store.get("armed", row_id) or {"fired": 0}
        told = {"id": row_id, "kind": kind, "cron": row[KINDS[kind]], "name": row.get("name")}
        self._store.put("armed", row_id, known | told | {"of": self._owner(row)})

    def _owner(self, row: Row) -> str | None:
        """The appName of the service a row belongs to, kept for when the service is gone."""
        for id_name in OWNERS:
            owner = self._store.get(id_name.removesuffix("Id"), row.get(id_name))
            if owner is not None:
                return str(owner["appName"])
        return None

    def disarm(self, row_id: str) -> None:
        """Stop a job. Safe to repeat."""
        self._store.drop("armed", row_id)

    def rearm(self) -> None:
        """What a start of the server does: the rows alone say what fires."""
        for job in self.jobs():
            if job["orphan"]:
                self.disarm(job["id"])

    def jobs(self) -> list[Row]:
        """All armed jobs; ``orphan`` says that the row is gone."""
        return [
            job | {"orphan": self._store.get(job["kind"], job["id"]) is None}
            for job in self._store.every("armed")
        ]

    def fire(self, row_id: str) -> Row:
        """Count a firing; the job. Raises KeyError if nothing of that id is armed."""
        job = self._store.get("armed", row_id)
        if job is None:
            raise KeyError(row_id)
        return self._store.put("armed", row_id, job | {"fired": job["fired"] + 1})
