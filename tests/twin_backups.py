"""Backups of the target twin: stored schedules, runs, and files that outlive their database."""

import contextlib
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from tenantry.errors import Permanent
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
from tests.twin_breaks import change, read
from tests.twin_rows import BackupRow, VolumeBackupRow
from tests.twin_world import TargetWorld

REFUSED = "Target twin: the target refused the backup; its log says why"
LISTED = 100


class BackupsOfTwin(TargetWorld):
    """
    Quirks: `keep` counts all files below a prefix, a stopped database cannot be backed up, a
    volume backup that failed is answered like any other, and a restore says success for a file
    that is not there (`row.data` tells what really came in).
    """

    # What a test does to it.

    def plan_runs(self, backup_id: str, *outcomes: str, log: str = "upload failed\n") -> None:
        """The next runs of a stored (volume) backup end so: `done` or `error`."""
        row = self.backup_rows.get(backup_id) or self.volume_backup_rows[backup_id]
        row.outcomes.extend((outcome, log) for outcome in outcomes)

    # ports.Backups

    @read
    def destinations(self) -> Sequence[DestinationSeen]:
        return tuple(self.destination_rows)

    @read
    def backups(self, kind: DatabaseKind, database_id: str) -> Sequence[BackupSeen]:
        return [r.seen for r in self.backup_rows.values() if r.database_id == database_id]

    @change
    def create_backup(self, kind: DatabaseKind, database_id: str, wish: BackupWish) -> None:
        if kind == "redis":
            raise Permanent("Target twin: it cannot back up redis")
        if database_id not in self.apps or not self._destination(wish.destination_id):
            raise Permanent("Target twin: it refused the backup")
        made = BackupSeen(self.new_id("bak"), wish)
        self.backup_rows[made.id] = BackupRow(kind, database_id, made)

    @change
    def update_backup(self, kind: DatabaseKind, backup_id: str, wish: BackupWish) -> None:
        row = self._backup(backup_id)
        row.seen = replace(row.seen, wish=wish)

    @change
    def remove_backup(self, backup_id: str) -> None:
        self.backup_rows.pop(backup_id, None)

    @change
    def run_backup(self, kind: DatabaseKind, backup_id: str, *, deadline: float) -> None:
        row = self._backup(backup_id)
        database, wish = self.apps[row.database_id], row.seen.wish
        if not any(c.state == "running" for c in database.containers):
            row.outcomes.appendleft(("error", "Container not found\n"))
        name = "{}.bson.gz" if kind == "mongodb" else "{}.sql.gz"
        folder = f"{database.seen.app_name}/{wish.prefix}"
        self._run(row, wish.destination_id, folder, name, wish.keep)

    @read
    def backup_runs(self, backup_id: str) -> Sequence[BuildSeen]:
        row = self.backup_rows.get(backup_id)
        return tuple(row.runs) if row else ()

    @read
    def backup_files(self, destination_id: str, folder: str) -> Sequence[BackupFile]:
        files = self.files.get(destination_id, [])
        return [file for file in files if file.path.startswith(folder)][:LISTED]

    @read
    def volume_backups(self, kind: str, service_id: str) -> Sequence[VolumeBackupSeen]:
        return [
            r.seen
            for r in self.volume_backup_rows.values()
            if (r.kind, r.service_id, r.listed) == (kind, service_id, True)
        ]

    @change
    def create_volume_backup(
        self, kind: str, service_id: str, app_name: str, wish: VolumeBackupWish
    ) -> None:
        if service_id not in self.apps or not self._destination(wish.destination_id):
            raise Permanent("Target twin: it refused the backup")
        made = VolumeBackupSeen(self.new_id("vbk"), wish)
        self.volume_backup_rows[made.id] = VolumeBackupRow(kind, service_id, app_name, made)

    @change
    def remove_volume_backup(self, volume_backup_id: str) -> None:
        row = self.volume_backup_rows.get(volume_backup_id)
        if row and row.listed:
            del self.volume_backup_rows[volume_backup_id]

    @change
    def run_volume_backup(self, volume_backup_id: str, *, deadline: float) -> None:
        if volume_backup_id not in self.volume_backup_rows:
            raise Permanent("Target twin: it answered 404, Volume backup not found")
        row = self.volume_backup_rows[volume_backup_id]
        wish = row.seen.wish
        folder = f"{self.row(row.service_id).seen.app_name}/{wish.prefix}"
        with contextlib.suppress(Permanent):
            # The target swallows the failure: only the run tells.
            self._run(row, wish.destination_id, folder, f"{wish.volume}-{{}}.tar", wish.keep)

    @read
    def volume_backup_runs(self, volume_backup_id: str) -> Sequence[BuildSeen]:
        row = self.volume_backup_rows.get(volume_backup_id)
        return tuple(row.runs) if row else ()

    @change
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
        row = self.row(database_id)
        self.restored.append((database_id, path))
        if path in {file.path for file in self.files.get(destination_id, [])}:
            row.data = path
        return [
            "Starting restore...",
            f"Restoring database: {database} from {path}",
            "Restore completed successfully!",
        ]

    def _run(
        self,
        row: BackupRow | VolumeBackupRow,
        destination_id: str,
        folder: str,
        name: str,
        keep: int,
    ) -> None:
        status, log = row.outcomes.popleft() if row.outcomes else ("done", "Backup done\n")
        at = self.moment()
        run = BuildSeen(self.new_id("run"), "Backup", "", "running", at)
        run = replace(run, status=status, finished_at=self.moment())  # type: ignore[arg-type]
        row.runs.insert(0, run)
        self.logs[run.id] = log
        if status != "done":
            raise Permanent(REFUSED)
        path = f"{folder.strip('/')}/{name.format(at.replace(':', '-').replace('.', '-'))}"
        files = self.files.setdefault(destination_id, [])
        files.append(BackupFile(path, 1024))
        below = deque(f for f in files if f.path.rpartition("/")[0] == folder.strip("/"))
        while keep and len(below) > keep:
            files.remove(below.popleft())

    def _backup(self, backup_id: str) -> BackupRow:
        if backup_id not in self.backup_rows:
            raise Permanent("Target twin: it answered 404, Backup not found")
        return self.backup_rows[backup_id]

    def _destination(self, destination_id: str) -> bool:
        return destination_id in {known.id for known in self.destination_rows}
