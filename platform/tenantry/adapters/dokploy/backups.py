"""
Backups. What the target says about them holds the keys of the storage: `faults` leaves its words
out, and only known lines of a restore are handed on.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tenantry.adapters.dokploy import rows, rows_of_services
from tenantry.adapters.dokploy.client import DokployClient, anything
from tenantry.adapters.dokploy.faults import Gone
from tenantry.errors import Permanent
from tenantry.planning.sources import DatabaseKind
from tenantry.ports import (
    BackupFile,
    BackupSeen,
    BackupWish,
    DestinationSeen,
    VolumeBackupSeen,
    VolumeBackupWish,
)

# The call that runs a stored backup, spelled as the target spells it. It has none for redis.
MANUAL: Mapping[str, str] = {
    "postgres": "backup.manualBackupPostgres",
    "mysql": "backup.manualBackupMySql",
    "mariadb": "backup.manualBackupMariadb",
    "mongodb": "backup.manualBackupMongo",
    "libsql": "backup.manualBackupLibsql",
}
KNOWN_LINES = ("Starting restore", "Restoring ", "Restore completed")
ERROR = "Error"
LEFT_OUT = "(a line of the target's is left out: it may carry storage keys)"
LEFT_OUT_ERROR = "Error: (the target's words are left out: they may carry storage keys)"


def destinations(client: DokployClient) -> Sequence[DestinationSeen]:
    """The configured places; their keys, which come along, are not read."""
    return client.ask(
        "destination.all",
        lambda document: [
            DestinationSeen(
                rows.text(row["destinationId"]), rows.words(row, "name"), rows.words(row, "bucket")
            )
            for row in rows.rows(document)
        ],
    )


def of_database(
    client: DokployClient, kind: DatabaseKind, database_id: str
) -> Sequence[BackupSeen]:
    """Stored backups of a database; empty where it is gone."""
    try:
        return client.ask(
            f"{rows.router_of(kind)}.one",
            lambda row: rows_of_services.backups(row.get("backups")),
            **{rows.id_field(kind): database_id},
        )
    except Gone:
        return []


def create(client: DokployClient, kind: DatabaseKind, database_id: str, wish: BackupWish) -> None:
    """Change: a repeat makes a second one."""
    _check(kind)
    body = {
        **_body(kind, wish),
        rows.id_field(kind): database_id,
        "backupType": "database",
    }
    client.tell("backup.create", body, anything)


def update(client: DokployClient, kind: DatabaseKind, backup_id: str, wish: BackupWish) -> None:
    """Change, safe to repeat: every field is asked for."""
    _check(kind)
    body = {**_body(kind, wish), "backupId": backup_id, "serviceName": None, "metadata": None}
    client.tell("backup.update", body, anything)


def _body(kind: DatabaseKind, wish: BackupWish) -> dict[str, object]:
    return {
        "schedule": wish.schedule,
        "enabled": wish.enabled,
        "prefix": wish.prefix,
        "destinationId": wish.destination_id,
        "keepLatestCount": wish.keep,
        "database": wish.database,
        "databaseType": rows.router_of(kind),
    }


def remove(client: DokployClient, backup_id: str) -> None:
    """Change, safe to repeat."""
    try:
        client.tell("backup.remove", {"backupId": backup_id}, anything)
    except Permanent:
        # One that is gone is a 400 here like any other mistake, so look.
        if not _is_gone(client, backup_id):
            raise


def _is_gone(client: DokployClient, backup_id: str) -> bool:
    try:
        client.ask("backup.one", anything, backupId=backup_id)
    except Gone:
        return True
    return False


def run(client: DokployClient, kind: DatabaseKind, backup_id: str, deadline: float) -> None:
    """Change: Permanent where the run failed; a time-out does not stop it."""
    _check(kind)
    try:
        client.tell(MANUAL[kind], {"backupId": backup_id}, anything, seconds=deadline)
    except Permanent as refusal:
        raise Permanent(f"{refusal}. The target refused the backup; its log says why") from None


def files(client: DokployClient, destination_id: str, folder: str) -> Sequence[BackupFile]:
    """
    Files whose path begins with `folder`. Empty proves nothing: the target answers a folder that
    is not there, and a storage that it cannot read, with the same 400.
    """

    def read(document: Any) -> list[BackupFile]:
        return [
            BackupFile(rows.text(row["Path"]), int(row.get("Size") or 0))
            for row in rows.rows(document)
            # It searches anywhere in the path and in either case.
            if not row.get("IsDir") and rows.text(row["Path"]).startswith(folder)
        ]

    try:
        return client.ask(
            "backup.listBackupFiles", read, destinationId=destination_id, search=folder
        )
    except Permanent as refusal:
        if "it answered 400" not in str(refusal):
            raise
        return []


def of_volumes(client: DokployClient, kind: str, service_id: str) -> Sequence[VolumeBackupSeen]:
    """Stored volume backups of an application, stack or database."""
    return client.ask(
        "volumeBackups.list",
        lambda document: [rows_of_services.volume_backup(row) for row in rows.rows(document)],
        id=service_id,
        volumeBackupType=rows.router_of(kind),
    )


def create_of_volume(
    client: DokployClient, kind: str, service_id: str, app_name: str, wish: VolumeBackupWish
) -> None:
    """Change: a repeat makes a second one."""
    body = {
        "name": wish.name,
        "volumeName": wish.volume,
        "prefix": wish.prefix,
        "serviceType": rows.router_of(kind),
        "appName": app_name,
        # Stopping the service for it leaves it at no replicas where the backup fails.
        "turnOff": False,
        "cronExpression": wish.cron,
        "keepLatestCount": wish.keep,
        "enabled": wish.enabled,
        rows.id_field(kind): service_id,
        "destinationId": wish.destination_id,
    }
    client.tell("volumeBackups.create", body, anything)


def remove_of_volume(client: DokployClient, volume_backup_id: str) -> None:
    """Change, safe to repeat."""
    try:
        client.tell("volumeBackups.delete", {"volumeBackupId": volume_backup_id}, anything)
    except Gone:
        return


def run_of_volume(client: DokployClient, volume_backup_id: str, deadline: float) -> None:
    """Change: answered in the same way where it failed; only its run tells."""
    body = {"volumeBackupId": volume_backup_id}
    client.tell("volumeBackups.runManually", body, anything, seconds=deadline)


def restore(
    client: DokployClient,
    kind: DatabaseKind,
    database_id: str,
    database: str,
    destination_id: str,
    path: str,
    deadline: float,
) -> Sequence[str]:
    """Change: its lines, of which those that nobody knows are left out."""
    _check(kind)
    given = {
        "databaseId": database_id,
        "databaseType": rows.router_of(kind),
        "backupType": "database",
        "databaseName": database,
        "backupFile": path,
        "destinationId": destination_id,
    }
    lines = client.follow("backup.restoreBackupWithLogs", given, seconds=deadline)
    return [_fit(line) for line in lines]


def _fit(line: str) -> str:
    if line.startswith(KNOWN_LINES):
        return line
    return LEFT_OUT_ERROR if line.startswith(ERROR) else LEFT_OUT


def _check(kind: DatabaseKind) -> None:
    if kind not in MANUAL:
        raise Permanent(f"The target cannot back up a database of the kind {kind}")
