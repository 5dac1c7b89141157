"""
Restores: subscriptions of the wrapped mount alone, told as server-sent events.

The one of a database says that it went well even where the file does not exist.
"""

from collections.abc import Callable
from typing import Any, Final

from dokploy_simulator import durations
from dokploy_simulator.answers import not_found
from dokploy_simulator.backup_run import data_volume, put_back, take_plan
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import subscription
from dokploy_simulator.storage import bucket_of
from dokploy_simulator.world import World

_TYPES: Final = "{postgres,mysql,mariadb,mongo,web-server,libsql}"
Emit = Callable[[str], None]


@subscription(
    "backup.restoreBackupWithLogs",
    f"databaseId:str databaseType:{_TYPES} backupType:{{database,compose}} databaseName:str+"
    " backupFile:str+ destinationId:str+ metadata:obj?",
)
async def restore(world: World, asked: dict[str, Any], emit: Emit) -> None:
    """Put a file into a running database."""
    destination = need(world, "destination", asked["destinationId"], "Destination")
    kind = "compose" if asked["backupType"] == "compose" else asked["databaseType"]
    row = world.store.get(kind, asked["databaseId"])
    if row is None:
        raise not_found(kind.capitalize())
    part = (asked.get("metadata") or {}).get("serviceName")
    name = f"{row['appName']}_{part}" if kind == "compose" else str(row["appName"])
    emit("Starting restore...")
    emit(f"Restoring database: {asked['databaseName']} from {asked['backupFile']}")
    plan = take_plan(world, f"restore:{asked['databaseId']}", "restore:*")
    if world.engine.running(name) == 0:
        emit("Error: Command execution failed: Command failed: docker exec: No such container")
        return
    await world.passes(plan.get("seconds") or durations.RESTORE_RUN)
    if plan.get("fail"):
        emit(f"Error: Command execution failed: Command failed: {plan['fail']}")
        return
    volume = data_volume(world, name, asked["databaseId"])
    told = {"kind": kind, "id": asked["databaseId"], "name": name}
    put_back(world, destination, asked["backupFile"], volume, told)
    emit("Restore completed successfully!")


@subscription(
    "volumeBackups.restoreVolumeBackupWithLogs",
    "backupFileName:str+ destinationId:str+ volumeName:str+ id:str+"
    " serviceType:{application,compose} serverId:str?",
)
async def restore_volume(world: World, asked: dict[str, Any], emit: Emit) -> None:
    """Put a file into a volume that no running service uses; this one tells when it failed."""
    destination = need(world, "destination", asked["destinationId"], "Destination")
    volume, path = asked["volumeName"], asked["backupFileName"]
    emit("🚀 Starting volume restore process...")
    emit(f"📂 Backup File: {path}")
    emit(f"🔧 Volume Name: {volume}")
    emit(f"🏷️ Service Type: {asked['serviceType']}")
    plan = take_plan(world, f"restore:{volume}", "restore:*")
    await world.passes(plan.get("seconds") or durations.RESTORE_RUN)
    there = world.storage.get(bucket_of(destination), path) is not None
    if world.engine.volumes.used(volume, running=True):
        emit("❌ Volume restore aborted - volume is in use")
    elif there and not plan.get("fail"):
        told = {"kind": "volume", "id": asked["id"], "name": volume}
        put_back(world, destination, path, volume, told)
        emit("✅ Volume restore completed successfully!")
        return
    emit("❌ Volume restore failed!")
