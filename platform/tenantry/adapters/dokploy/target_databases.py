"""Databases of a target, on their first day and after."""

from tenantry.adapters.dokploy import databases
from tenantry.adapters.dokploy.connected import Connected
from tenantry.planning.limits import Limits
from tenantry.planning.sources import DatabaseKind
from tenantry.ports import DatabaseSeen, DatabaseWish, ServiceSeen


class DokployDatabases(Connected):
    """Each method is one read or one change; updating a libSQL reads it first."""

    def create_database(
        self, environment_id: str, wish: DatabaseWish, server_id: str | None
    ) -> ServiceSeen:
        """Change: a new database with its volume."""
        return databases.create(self._client, environment_id, wish, server_id)

    def database(self, kind: DatabaseKind, database_id: str) -> ServiceSeen | None:
        """One database; None where it is gone."""
        return databases.one(self._client, kind, database_id)

    def deploy_database(self, kind: DatabaseKind, database_id: str, *, deadline: float) -> None:
        """Change: blocks for up to `deadline` seconds; a time-out leaves the outcome unknown."""
        databases.deploy(self._client, kind, database_id, deadline)

    def database_in_full(self, kind: DatabaseKind, database_id: str) -> DatabaseSeen | None:
        """In full; None where it is gone."""
        return databases.in_full(self._client, kind, database_id)

    def configure_database(
        self, kind: DatabaseKind, database_id: str, limits: Limits, image: str = ""
    ) -> None:
        """Change, safe to repeat: takes effect at its next deploy."""
        databases.configure(self._client, kind, database_id, limits, image)

    def stop_database(self, kind: DatabaseKind, database_id: str) -> None:
        """Change, safe to repeat."""
        databases.stop(self._client, kind, database_id)

    def start_database(self, kind: DatabaseKind, database_id: str) -> None:
        """Change, safe to repeat; Transient where it was never deployed."""
        databases.start(self._client, kind, database_id)

    def remove_database(self, kind: DatabaseKind, database_id: str) -> None:
        """Change, safe to repeat: its volume stays."""
        databases.remove(self._client, kind, database_id)
