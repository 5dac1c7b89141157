"""Backups of databases: rows, runs by hand and the files they leave."""

from typing import Any, Final

from dokploy_simulator.answers import EMPTY, bad_request, failed_query, not_found
from dokploy_simulator.backup_run import BackupFailedError, owner_of, run_backup
from dokploy_simulator.history import drop_runs
from dokploy_simulator.identity import app_name, new_id
from dokploy_simulator.nouns.backup_rows import open_destination
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.storage import LISTED, StorageRefusedError, bucket_of, flags, folder
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

_TYPES: Final = "{postgres,mariadb,mysql,mongo,web-server,libsql}"
_OWNERS: Final = ("compose", "postgres", "mariadb", "mysql", "mongo", "libsql")
_COLUMNS: Final = (
    "backupId appName schedule enabled database prefix serviceName destinationId keepLatestCount"
    " includeEncryptionKey backupType databaseType composeId postgresId mariadbId mysqlId mongoId"
    " libsqlId userId metadata"
).split()
_MANUAL: Final = {
    "Postgres": "postgres",
    "MySql": "MySQL",
    "Mariadb": "Mariadb",
    "Compose": "Compose",
    "Mongo": "Mongo",
    "Libsql": "Libsql",
}


@mutation(
    "backup.create",
    "schedule:str enabled:bool?~ prefix:str+ destinationId:str keepLatestCount:num?~"
    " database:str+ mariadbId:str?~ mysqlId:str?~ postgresId:str?~ mongoId:str?~ libsqlId:str?~"
    f" databaseType:{_TYPES} userId:str?~ backupType:{{database,compose}}? composeId:str?~"
    " serviceName:str?~ includeEncryptionKey:bool? metadata:any?~",
)
def create(world: World, asked: dict[str, Any]) -> Any:
    """A row nobody is told the id of; repeats make more of them, and any cron is taken."""
    kinds = [kind for kind in _OWNERS if asked.get(f"{kind}Id")]
    unknown = [kind for kind in kinds if world.store.get(kind, asked[f"{kind}Id"]) is None]
    if unknown or world.store.get("destination", asked["destinationId"]) is None:
        raise bad_request(failed_query("insert into", "backup", asked))
    row: Row = dict.fromkeys(_COLUMNS) | {
        "backupId": new_id(),
        "appName": app_name("backup", None),
        "includeEncryptionKey": True,
        "backupType": "database",
    }
    row |= asked
    world.store.put("backup", row["backupId"], row)
    world.clock.arm("backup", row)
    return EMPTY


@query("backup.one", "backupId:str+")
def one(world: World, asked: dict[str, Any]) -> Any:
    """The row with its database, password in clear."""
    row = need(world, "backup", asked["backupId"], "Backup")
    owners = {kind: world.store.get(kind, row[f"{kind}Id"]) for kind in _OWNERS}
    destination = open_destination(world, row["destinationId"])
    return row | owners | {"destination": destination}


@mutation(
    "backup.update",
    "schedule:str enabled:bool~! prefix:str+ backupId:str destinationId:str database:str+"
    " keepLatestCount:num~! serviceName:str~! metadata:any~!"
    f" databaseType:{_TYPES} includeEncryptionKey:bool?",
)
def update(world: World, asked: dict[str, Any]) -> Any:
    """Change a row; every field is needed each time."""
    backup_id = asked.pop("backupId")
    row = world.store.change("backup", backup_id, **asked)
    if row is None:
        raise bad_request("Backup not found")
    world.clock.arm("backup", row)
    return EMPTY


@mutation("backup.remove", "backupId:str")
def remove(world: World, asked: dict[str, Any]) -> Any:
    """Forget a backup and its runs; the files stay."""
    row = world.store.drop("backup", asked["backupId"])
    if row is None:
        raise bad_request("Backup not found")
    world.clock.disarm(row["backupId"])
    drop_runs(world, "backupId", row["backupId"])
    return row


def _register_manual(name: str, word: str) -> None:
    async def run(world: World, asked: dict[str, Any]) -> Any:
        row = world.store.get("backup", asked["backupId"])
        if row is None:
            raise not_found("Backup")
        found = owner_of(world, row)
        message = f"Error running manual {word} backup "
        if found is None or found[0] != name.lower():
            raise bad_request(message)
        try:
            await run_backup(world, row)
        except BackupFailedError as failure:
            raise bad_request(str(failure) if name == "Postgres" else message) from failure
        return True

    mutation(f"backup.manualBackup{name}", "backupId:str+")(run)


for _name, _word in _MANUAL.items():
    _register_manual(_name, _word)


@query("backup.listBackupFiles", "destinationId:str search:str serverId:str?")
def files(world: World, asked: dict[str, Any]) -> Any:
    """The first hundred files of a folder whose path holds the last part of the search."""
    destination = world.store.get("destination", asked["destinationId"])
    if destination is None:
        raise bad_request("Destination not found")
    before, slash, wanted = asked["search"].rpartition("/")
    base = folder(before) if slash else ""
    listed = None
    try:
        world.storage.check(destination)
        listed = world.storage.listing(bucket_of(destination), base)
    except StorageRefusedError:
        listed = None
    if listed is None:
        raise bad_request(
            f"Command execution failed: Command failed: rclone lsjson {flags(destination)}"
            f" \\:s3\\:{destination['bucket']}/{base} --no-mimetype --no-modtime 2>/dev/null\n",
        )
    rows = [row | {"Path": f"{base}{row['Path']}"} for row in listed]
    return [row for row in rows if wanted.lower() in row["Path"].lower()][:LISTED]
