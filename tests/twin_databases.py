"""Databases of the target twin."""

from dataclasses import replace

from tenantry.errors import Permanent, Transient
from tenantry.planning.limits import Limits
from tenantry.planning.sources import DatabaseKind
from tenantry.ports import DatabaseSeen, DatabaseWish, MountSeen, ServiceSeen
from tests.twin_breaks import change, read
from tests.twin_builds import BuildsOfTwin
from tests.twin_rows import AppRow


class DatabasesOfTwin(BuildsOfTwin):
    """
    Quirks: new limits come with a deploy only, a start before any deploy fails, and a removal
    leaves the volume and the files of backups.
    """

    @change
    def create_database(
        self, environment_id: str, wish: DatabaseWish, server_id: str | None
    ) -> ServiceSeen:
        made = self.create(
            wish.kind, environment_id, wish.name, wish.app_name, wish.description, server_id
        )
        row = self.apps[made.id]
        row.wish = wish
        volume = f"{made.app_name}-data"
        row.mounts.append(MountSeen(self.new_id("mnt"), "volume", volume, "/var/lib/data"))
        return made

    @read
    def database(self, kind: DatabaseKind, database_id: str) -> ServiceSeen | None:
        row = self.of_kind(kind, database_id)
        return row.seen if row else None

    @change
    def deploy_database(self, kind: DatabaseKind, database_id: str, *, deadline: float) -> None:
        row = self._database(kind, database_id)
        row.seen = replace(row.seen, status="done")
        self.run_container(row)

    @read
    def database_in_full(self, kind: DatabaseKind, database_id: str) -> DatabaseSeen | None:
        row = self.of_kind(kind, database_id)
        if row is None:
            return None
        return DatabaseSeen(
            id=row.seen.id,
            kind=kind,
            name=row.seen.name,
            app_name=row.seen.app_name,
            description=row.seen.description,
            status=row.seen.status,
            image=row.wish.image if row.wish else "",
            memory=row.memory,
            cpu=row.cpu,
            backups=tuple(
                b.seen for b in self.backup_rows.values() if b.database_id == row.seen.id
            ),
            volumes=tuple(m.source for m in row.mounts if m.type == "volume"),
            server_id=row.seen.server_id,
            created_at=row.seen.created_at,
        )

    @change
    def configure_database(
        self, kind: DatabaseKind, database_id: str, limits: Limits, image: str = ""
    ) -> None:
        row = self._database(kind, database_id)
        row.memory, row.cpu = limits.memory_bytes, limits.nano_cpus
        if image and row.wish:
            row.wish = replace(row.wish, image=image)

    @change
    def stop_database(self, kind: DatabaseKind, database_id: str) -> None:
        row = self._database(kind, database_id)
        row.seen = replace(row.seen, status="idle")
        if row.scale is not None and not self.engine_silent:
            row.scale, row.containers = 0, []

    @change
    def start_database(self, kind: DatabaseKind, database_id: str) -> None:
        row = self._database(kind, database_id)
        if row.scale is None:
            raise Transient("Target twin: it answered 500, service not found", most_tries=3)
        row.seen = replace(row.seen, status="done")
        if not row.scale:
            # The old limits: only a deploy takes new ones over.
            row.scale = 1
            self.run_tasks(row)

    @change
    def remove_database(self, kind: DatabaseKind, database_id: str) -> None:
        if self.of_kind(kind, database_id):
            self.drop(database_id)

    def _database(self, kind: DatabaseKind, database_id: str) -> AppRow:
        row = self.of_kind(kind, database_id)
        if row is None:
            raise Permanent(f"Target twin: it answered 404, {kind} not found")
        return row
