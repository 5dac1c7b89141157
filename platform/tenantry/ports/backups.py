"""Backups through a target: destinations, stored schedules, runs and the files they leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tenantry.planning.sources import DatabaseKind
from tenantry.ports.builds import BuildSeen


@dataclass(frozen=True, slots=True)
class DestinationSeen:
    """A place for backups, without its keys."""

    id: str
    name: str
    bucket: str


@dataclass(frozen=True, slots=True)
class BackupWish:
    """
    A stored backup of one database.

    `keep` counts files below the prefix, those of manual runs too. A disabled one runs only when
    it is asked to.
    """

    destination_id: str
    prefix: str
    database: str
    schedule: str
    keep: int
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class BackupSeen:
    """A stored backup as the target shows it."""

    id: str
    wish: BackupWish


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A file in a destination; `size` in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class VolumeBackupWish:
    """A stored backup of one volume of an application or compose stack."""

    name: str
    destination_id: str
    prefix: str
    volume: str
    cron: str
    keep: int
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class VolumeBackupSeen:
    """A stored volume backup as the target shows it: remove it before its application."""

    id: str
    wish: VolumeBackupWish


class Backups(Protocol):
    """Backups. No error text of the target may be shown unredacted: they carry storage keys."""

    def destinations(self) -> Sequence[DestinationSeen]:
        """The configured places."""

    def backups(self, kind: DatabaseKind, database_id: str) -> Sequence[BackupSeen]:
        """Stored backups of a database, oldest first; empty where the database is gone."""

    def create_backup(self, kind: DatabaseKind, database_id: str, wish: BackupWish) -> None:
        """Change: answers nothing, and a repeat makes a second one."""

    def update_backup(self, kind: DatabaseKind, backup_id: str, wish: BackupWish) -> None:
        """Change, safe to repeat."""

    def remove_backup(self, backup_id: str) -> None:
        """Change, safe to repeat; the files stay."""

    def run_backup(self, kind: DatabaseKind, backup_id: str, *, deadline: float) -> None:
        """
        Change: blocks until the file is stored; a time-out does not stop the run. Permanent where
        it failed: `build_log` of its run says why.
        """

    def backup_runs(self, backup_id: str) -> Sequence[BuildSeen]:
        """Runs of a stored backup, newest first."""

    def backup_files(self, destination_id: str, folder: str) -> Sequence[BackupFile]:
        """
        Files whose path begins with `folder`, 100 at most; the date belongs into it. Empty also
        where the folder does not exist yet, or the storage cannot be read: it proves nothing.
        """

    def volume_backups(self, kind: str, service_id: str) -> Sequence[VolumeBackupSeen]:
        """Stored volume backups; `kind` is application or compose. Empty where that is gone."""

    def create_volume_backup(
        self, kind: str, service_id: str, app_name: str, wish: VolumeBackupWish
    ) -> None:
        """Change: a repeat makes a second one."""

    def remove_volume_backup(self, volume_backup_id: str) -> None:
        """Change, safe to repeat; the files stay."""

    def run_volume_backup(self, volume_backup_id: str, *, deadline: float) -> None:
        """
        Change: blocks until the run is over, and answers in the same way where it failed: only
        `volume_backup_runs` tells. The service keeps running.
        """

    def volume_backup_runs(self, volume_backup_id: str) -> Sequence[BuildSeen]:
        """Runs of a stored volume backup, newest first."""

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
        """
        Change: overwrites the database's contents; answers the lines of the target's log.

        Never proof of success: the target says so even for a file that does not exist, and goes
        on when the caller hangs up. Not in its published API.
        """
