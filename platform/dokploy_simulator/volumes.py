"""
Volumes of the engine. What lies in one is modelled as a short text without a meaning, so that a
test can see where data came from.
"""

from typing import Any, Final

from dokploy_simulator.identity import now_iso
from dokploy_simulator.store import Row, Store

EMPTY_SIZE: Final = 48_128


class Volumes:
    """Named volumes; a service that is removed leaves its own behind."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def need(self, name: str) -> Row:
        """The volume, made empty if it is not there."""
        row = self._store.get("volume", name)
        if row is None:
            row = {"name": name, "createdAt": now_iso(), "data": "", "restoredFrom": None}
            self._store.put("volume", name, row)
        return row

    def get(self, name: str) -> Row | None:
        """The volume, or None."""
        return self._store.get("volume", name)

    def every(self) -> list[Row]:
        """All volumes, oldest first."""
        return self._store.every("volume")

    def fill(self, name: str, data: str, restored_from: str | None = None) -> Row:
        """Put something else into a volume."""
        values: dict[str, Any] = {"data": data, "restoredFrom": restored_from}
        return self._store.put("volume", name, self.need(name) | values)

    def used(self, name: str, *, running: bool = False) -> bool:
        """Whether a service has it, or one that has tasks."""
        return any(
            name in service["volumes"] and (service["replicas"] > 0 or not running)
            for service in self._store.every("service")
        )

    def remove(self, name: str) -> str | None:
        """Remove a volume; the engine's complaint when it is unknown or in use."""
        if self._store.get("volume", name) is None:
            return f"Error response from daemon: get {name}: no such volume"
        if self.used(name):
            return f"Error response from daemon: remove {name}: volume is in use"
        self._store.drop("volume", name)
        return None

    def drop(self, name: str) -> None:
        """Take a volume away, asked or not."""
        self._store.drop("volume", name)

    def clean(self) -> list[str]:
        """Lose every volume no running service has, data and all; their names."""
        lost = [row["name"] for row in self.every() if not self.used(row["name"], running=True)]
        for name in lost:
            self._store.drop("volume", name)
        return lost
