"""Backups of volumes: the only ones for what is no database of Dokploy's own."""

from typing import Any, Final

from dokploy_simulator.answers import EMPTY, failed_query, server_error
from dokploy_simulator.backup_run import run_volume_backup
from dokploy_simulator.history import drop_runs
from dokploy_simulator.identity import app_name, new_id, now_iso
from dokploy_simulator.nouns.backup_rows import open_destination
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.store import OWNERS, Row
from dokploy_simulator.world import World

_TYPES: Final = "{application,postgres,mysql,mariadb,mongo,redis,compose,libsql}"
_FIELDS: Final = (
    f"name:str volumeName:str prefix:str serviceType:{_TYPES}? appName:str? serviceName:str?~"
    " turnOff:bool? cronExpression:str keepLatestCount:num?~ enabled:bool?~ applicationId:str?~"
    " postgresId:str?~ mariadbId:str?~ mongoId:str?~ mysqlId:str?~ redisId:str?~ libsqlId:str?~"
    " composeId:str?~ createdAt:str? destinationId:str"
)
_COLUMNS: Final = (
    "volumeBackupId name volumeName prefix serviceType appName serviceName turnOff"
    " cronExpression keepLatestCount enabled applicationId postgresId mariadbId mongoId mysqlId"
    " redisId libsqlId composeId createdAt destinationId"
).split()


@mutation("volumeBackups.create", _FIELDS)
def create(world: World, asked: dict[str, Any]) -> Any:
    """A row; it fires only if ``enabled`` was said."""
    if world.store.get("destination", asked["destinationId"]) is None:
        raise server_error(failed_query("insert into", "volume_backup", asked))
    row: Row = dict.fromkeys(_COLUMNS) | {
        "volumeBackupId": new_id(),
        "serviceType": "application",
        "appName": app_name("volumeBackup", None),
        "turnOff": False,
        "createdAt": now_iso(),
    }
    row |= asked
    world.store.put("volumeBackup", row["volumeBackupId"], row)
    world.clock.arm("volumeBackup", row)
    return row


@query("volumeBackups.list", f"id:str+ volumeBackupType:{_TYPES}")
def every(world: World, asked: dict[str, Any]) -> Any:
    """The volume backups of a service, newest first."""
    id_name = f"{asked['volumeBackupType']}Id"
    rows = world.store.where("volumeBackup", id_name, asked["id"])
    return [row | _owners(world, row) for row in reversed(rows)]


def _owners(world: World, row: Row) -> Row:
    owners: Row = {}
    for id_name in OWNERS:
        kind = id_name.removesuffix("Id")
        found = world.store.get(kind, row[id_name])
        names = (id_name, "appName", "serverId")
        owners[kind] = found and {name: found[name] for name in names}
    return owners


@query("volumeBackups.one", "volumeBackupId:str+")
def one(world: World, asked: dict[str, Any]) -> Any:
    """The row with its service and its destination."""
    row = need(world, "volumeBackup", asked["volumeBackupId"], "Volume backup")
    destination = open_destination(world, row["destinationId"])
    return row | _owners(world, row) | {"destination": destination}


@mutation("volumeBackups.update", _FIELDS + " volumeBackupId:str+")
def update(world: World, asked: dict[str, Any]) -> Any:
    """Change a row; what a creation needs is needed each time."""
    row_id = asked.pop("volumeBackupId")
    need(world, "volumeBackup", row_id, "Volume backup")
    row = world.store.change("volumeBackup", row_id, **asked) or {}
    world.clock.arm("volumeBackup", row)
    return row


@mutation("volumeBackups.delete", "volumeBackupId:str+")
def delete(world: World, asked: dict[str, Any]) -> Any:
    """Forget a row and its runs, and stop what was armed; the files stay."""
    row = need(world, "volumeBackup", asked["volumeBackupId"], "Volume backup")
    world.store.drop("volumeBackup", row["volumeBackupId"])
    world.clock.disarm(row["volumeBackupId"])
    drop_runs(world, "volumeBackupId", row["volumeBackupId"])
    return EMPTY


@mutation("volumeBackups.runManually", "volumeBackupId:str+")
async def run_manually(world: World, asked: dict[str, Any]) -> Any:
    """Run now and wait; 200 without a byte however it ends."""
    row = need(world, "volumeBackup", asked["volumeBackupId"], "Volume backup")
    await run_volume_backup(world, row)
    return EMPTY
