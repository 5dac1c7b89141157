"""One run of a backup, a volume backup or a restore, from its row to its file."""

import hashlib
from typing import Any, Final

from dokploy_simulator import durations
from dokploy_simulator.ground import Ground
from dokploy_simulator.history import append_log, finish_deployment, note_fact, start_deployment
from dokploy_simulator.storage import StorageRefusedError, bucket_of, flags, folder
from dokploy_simulator.store import OWNERS, Row

TITLES: Final = {
    "postgres": "Initializing Backup",
    "mysql": "MySQL Backup",
    "mariadb": "MariaDB Backup",
    "mongo": "MongoDB Backup",
    "libsql": "Libsql Backup",
    "compose": "Compose Backup",
}
ENDS: Final = (".sql.gz", ".bson.gz")
EMPTY_TAR: Final = 10_240


class BackupFailedError(Exception):
    """The run ended in ``error``; the text is the command that failed, keys included."""


def owner_of(ground: Ground, row: Row) -> tuple[str, Row] | None:
    """The service a backup row belongs to."""
    for id_name in OWNERS:
        kind = id_name.removesuffix("Id")
        owner = ground.store.get(kind, row.get(id_name))
        if owner is not None:
            return kind, owner
    return None


def service_name(ground: Ground, row: Row) -> str:
    """The engine's name of the service behind a backup row; also its folder in the storage."""
    found = owner_of(ground, row)
    if found is None:
        return str(row["appName"])
    kind, owner = found
    part = f"_{row['serviceName']}" if kind == "compose" and row.get("serviceName") else ""
    return f"{owner['appName']}{part}"


def data_volume(ground: Ground, name: str, owner_id: str | None = None) -> str:
    """The volume that holds what a service knows."""
    service = ground.engine.service(name)
    if service and service["volumes"]:
        return str(service["volumes"][0])
    mounts = ground.store.where("mount", "serviceId", owner_id) if owner_id else []
    named = [mount["volumeName"] for mount in mounts if mount["volumeName"]]
    return str(named[0]) if named else f"{name}-data"


def plausible_size(data: str) -> int:
    """A size that stays the same for the same content."""
    return 41_000 + int(hashlib.sha256(data.encode()).hexdigest()[:6], 16) % 9_000


def take_plan(ground: Ground, *targets: str | None) -> Row:
    """What a test planned for the next run of one of these, used up by one."""
    for target in (*targets, "*"):
        plan = ground.store.get("backupPlan", target)
        if plan is None:
            continue
        left = plan.get("times")
        if left is not None and left <= 1:
            ground.store.drop("backupPlan", target or "")
        elif left is not None:
            ground.store.put("backupPlan", target or "", plan | {"times": left - 1})
        return plan
    return {}


async def run_backup(ground: Ground, backup: Row) -> None:
    """Back a database up. Raises BackupFailedError; the reason is in the run's log."""
    kind = "compose" if backup["backupType"] == "compose" else str(backup["databaseType"])
    title = TITLES.get(kind, "Backup")
    run = start_deployment(ground, backup, title, title, "backupId")
    found = owner_of(ground, backup)
    owner_id = str(found[1][f"{found[0]}Id"]) if found else None
    name = service_name(ground, backup)
    destination = ground.store.get("destination", backup["destinationId"]) or {}
    ground.store.commit()
    log = run["deploymentId"]
    append_log(ground, log, "Starting backup process...", "Executing backup command...")
    start = f"{name}/{folder(backup['prefix'])}"
    end = ".bson.gz" if backup["databaseType"] == "mongo" else ".sql.gz"
    path = ground.storage.fresh_path(bucket_of(destination), start, end)
    plan = take_plan(ground, backup["backupId"], owner_id)
    reason = None
    if ground.engine.running(name) == 0:
        reason = "❌ Error: Container not found"
    else:
        append_log(ground, log, "Container Up", "Starting backup and upload to S3...")
        await ground.passes(plan.get("seconds") or durations.BACKUP_RUN)
        reason = _refused(ground, destination, plan)
    if reason:
        append_log(ground, log, reason)
        finish_deployment(ground, log, "error")
        ground.store.commit()
        raise BackupFailedError(_command(name, destination, path))
    volume = ground.engine.volumes.need(data_volume(ground, name, owner_id))
    size = plan.get("size") if plan.get("size") is not None else plausible_size(volume["data"])
    file = {"size": size, "data": volume["data"], "by": backup["backupId"]}
    ground.storage.put(bucket_of(destination), path, **file)
    note_fact(ground, log, file=path, size=size)
    append_log(ground, log, "✅ Backup uploaded to S3 successfully", "Backup done ✅")
    finish_deployment(ground, log, "done")
    ground.storage.keep_latest(bucket_of(destination), start, ENDS, backup["keepLatestCount"])
    ground.store.commit()


def _refused(ground: Ground, destination: Row, plan: Row) -> str | None:
    if plan.get("fail"):
        return f"❌ Error: Backup failed\nError: {plan['fail']}"
    try:
        ground.storage.check(destination)
    except StorageRefusedError as refusal:
        return f"❌ Error: Backup failed\nError: {refusal}"
    return None


def _command(name: str, destination: Row, path: str) -> str:
    return (
        "Command execution failed: Command failed: \n\tset -eo pipefail;\n"
        f'\tCONTAINER_ID=$(docker ps -q --filter "status=running" --filter'
        f' "label=com.docker.swarm.service.name={name}" | head -n 1);\n'
        f"\tUPLOAD_OUTPUT=$({{ docker exec -i $CONTAINER_ID bash -c 'pg_dump | gzip' | rclone rcat"
        f' {flags(destination)} ":s3:{destination["bucket"]}/{path}"; }} 2>&1 >/dev/null)\n'
    )


async def run_volume_backup(ground: Ground, row: Row) -> None:
    """
    Back a volume up. Nothing is raised: how it ended is on the run's row alone. With ``turnOff``
    a failure leaves the service without tasks, as v0.30.2 does.
    """
    run = start_deployment(ground, row, "Volume Backup", "Volume Backup", "volumeBackupId")
    ground.store.commit()
    log, name = run["deploymentId"], service_name(ground, row)
    destination = ground.store.get("destination", row["destinationId"]) or {}
    service = ground.engine.service(name) or {"replicas": 0}
    told = "Yes" if row["turnOff"] else "No"
    append_log(
        ground, log, f"Volume name: {row['volumeName']}", f"Turning off volume backup: {told}"
    )
    if row["turnOff"]:
        append_log(ground, log, "Stopping application to 0 replicas")
        ground.engine.scale(name, 0)
    plan = take_plan(ground, row["volumeBackupId"], row["volumeName"])
    await ground.passes(plan.get("seconds") or durations.BACKUP_RUN)
    reason = _refused(ground, destination, plan)
    if reason:
        append_log(ground, log, reason)
        finish_deployment(ground, log, "error")
        ground.store.commit()
        return
    known = ground.engine.volumes.get(row["volumeName"])
    data = known["data"] if known else ""
    ground.engine.volumes.need(row["volumeName"])  # docker makes the volume it is asked to mount
    size = plausible_size(data) if known else EMPTY_TAR
    start = f"{name}/{folder(row['prefix'])}{row['volumeName']}-"
    path = ground.storage.fresh_path(bucket_of(destination), start, ".tar")
    size = plan["size"] if plan.get("size") is not None else size
    file = {"size": size, "data": data, "by": row["volumeBackupId"]}
    ground.storage.put(bucket_of(destination), path, **file)
    note_fact(ground, log, file=path, size=size)
    append_log(ground, log, "Volume backup done ✅", "Upload to S3 done ✅")
    if row["turnOff"]:
        ground.engine.scale(name, service["replicas"])
    ground.storage.keep_latest(bucket_of(destination), start, (".tar",), row["keepLatestCount"])
    finish_deployment(ground, log, "done")
    ground.store.commit()


def put_back(
    ground: Ground, destination: Row, path: str, volume: str, told: dict[str, Any]
) -> None:
    """Restore a file into a volume; a file that is not there changes nothing and nobody says so."""
    found = ground.storage.get(bucket_of(destination), path)
    if found is not None:
        ground.engine.volumes.fill(volume, found["data"], path)
    number = sum(1 for _ in ground.store.ids("restore")) + 1
    row = told | {"file": path, "volume": volume, "found": found is not None}
    ground.store.put("restore", str(number), row)
    ground.store.commit()
