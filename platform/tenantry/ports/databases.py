"""Databases that a target makes by itself, after their first day."""

from dataclasses import dataclass
from typing import Protocol

from tenantry.planning.limits import Limits
from tenantry.planning.sources import DatabaseKind
from tenantry.ports.backups import BackupSeen


@dataclass(frozen=True, slots=True)
class DatabaseSeen:
    """A database in full; one call. `memory` and `cpu` are the target's own strings."""

    id: str
    kind: DatabaseKind
    name: str
    app_name: str
    description: str
    status: str
    image: str
    memory: str | None
    cpu: str | None
    external_port: int | None = None
    backups: tuple[BackupSeen, ...] = ()
    volumes: tuple[str, ...] = ()
    server_id: str | None = None
    created_at: str = ""


class DatabaseLife(Protocol):
    """Databases after their first day."""

    def database_in_full(self, kind: DatabaseKind, database_id: str) -> DatabaseSeen | None:
        """In full; None where it is gone."""

    def configure_database(
        self, kind: DatabaseKind, database_id: str, limits: Limits, image: str = ""
    ) -> None:
        """Change, safe to repeat: takes effect at its next deploy, which restarts it. Without an
        image that stays as it is.
        """

    def stop_database(self, kind: DatabaseKind, database_id: str) -> None:
        """Change, safe to repeat: a stopped one cannot be backed up."""

    def start_database(self, kind: DatabaseKind, database_id: str) -> None:
        """Change, safe to repeat."""

    def remove_database(self, kind: DatabaseKind, database_id: str) -> None:
        """Change, safe to repeat: its volume stays."""
