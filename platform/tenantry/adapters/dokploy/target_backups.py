"""ports.Backups: no word of the target's about them reaches anybody."""

from collections.abc import Sequence

from tenantry.adapters.dokploy import backups, builds
from tenantry.adapters.dokploy.connected import Connected
from tenantry.planning.sources import DatabaseKind
from tenantry.ports import (
    BackupFile,
    BackupSeen,
    BackupWish,
    BuildSeen,
    DestinationSeen,
    VolumeBackupSeen,
    VolumeBackupWish,
)


class DokployBackups(Connected):
    """Each method is one read or one change. Permanent for a kind that has no backups (redis)."""

    def destinations(self) -> Sequence[DestinationSeen]:
        """The configured places."""
        return backups.destinations(self._client)

    def backups(self, kind: DatabaseKind, database_id: str) -> Sequence[BackupSeen]:
        """Stored backups of a database; empty where it is gone."""
        return backups.of_database(self._client, kind, database_id)

    def create_backup(self, kind: DatabaseKind, database_id: str, wish: BackupWish) -> None:
        """Change: answers nothing, and a repeat makes a second one."""
        backups.create(self._client, kind, database_id, wish)

    def update_backup(self, kind: DatabaseKind, backup_id: str, wish: BackupWish) -> None:
        """Change, safe to repeat."""
        backups.update(self._client, kind, backup_id, wish)

    def remove_backup(self, backup_id: str) -> None:
        """Change, safe to repeat; the files stay."""
        backups.remove(self._client, backup_id)

    def run_backup(self, kind: DatabaseKind, backup_id: str, *, deadline: float) -> None:
        """Change: Permanent where it failed (`build_log` of its run says why)."""
        backups.run(self._client, kind, backup_id, deadline)

    def backup_runs(self, backup_id: str) -> Sequence[BuildSeen]:
        """Runs of a stored backup, newest first."""
        return builds.runs(self._client, backup_id, "backup")

    def backup_files(self, destination_id: str, folder: str) -> Sequence[BackupFile]:
        """Files whose path begins with `folder`, 100 at most; an empty list proves nothing."""
        return backups.files(self._client, destination_id, folder)

    def volume_backups(self, kind: str, service_id: str) -> Sequence[VolumeBackupSeen]:
        """Stored volume backups; empty where their owner is gone."""
        return backups.of_volumes(self._client, kind, service_id)

    def create_volume_backup(
        self, kind: str, service_id: str, app_name: str, wish: VolumeBackupWish
    ) -> None:
        """Change: a repeat makes a second one."""
        backups.create_of_volume(self._client, kind, service_id, app_name, wish)

    def remove_volume_backup(self, volume_backup_id: str) -> None:
        """Change, safe to repeat; the files stay."""
        backups.remove_of_volume(self._client, volume_backup_id)

    def run_volume_backup(self, volume_backup_id: str, *, deadline: float) -> None:
        """Change: answers also where it failed; look at `volume_backup_runs`."""
        backups.run_of_volume(self._client, volume_backup_id, deadline)

    def volume_backup_runs(self, volume_backup_id: str) -> Sequence[BuildSeen]:
        """Runs of a stored volume backup, newest first."""
        return builds.runs(self._client, volume_backup_id, "volumeBackup")

    def restore(
        self,
        kind: DatabaseKind,
        database_id: str,
        database: str,
        destination_id: str,
        path: str,
        *,
        deadline: float,
    ) -> Sequence[str]:
        """Change: the lines of its log, unknown ones left out; never proof of success."""
        return backups.restore(
            self._client, kind, database_id, database, destination_id, path, deadline
        )
