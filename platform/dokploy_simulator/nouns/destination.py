"""Destinations: where backups go. Lists give the keys in clear."""

from typing import Any, Final

from dokploy_simulator.answers import EMPTY, bad_request
from dokploy_simulator.identity import new_id, now_iso
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.storage import StorageRefusedError, flags
from dokploy_simulator.world import World

_FIELDS: Final = (
    "name:str+ provider:str~! accessKey:str bucket:str region:str endpoint:str"
    " secretAccessKey:str additionalFlags:list?~ serverId:str?"
)


def _row(world: World, asked: dict[str, Any]) -> dict[str, Any]:
    names = "name provider accessKey secretAccessKey bucket region endpoint".split()
    return (
        {"destinationId": new_id()}
        | {name: asked[name] for name in names}
        | {
            "additionalFlags": asked.get("additionalFlags") or [],
            "organizationId": world.organization_id,
            "createdAt": now_iso(),
        }
    )


@mutation("destination.create", _FIELDS)
def create(world: World, asked: dict[str, Any]) -> Any:
    """Always a new destination; nothing is tried."""
    row = _row(world, asked)
    return world.store.put("destination", row["destinationId"], row)


@mutation("destination.testConnection", _FIELDS)
def test(world: World, asked: dict[str, Any]) -> Any:
    """List the bucket: no bytes when it works, the whole command with its keys when not."""
    row = _row(world, asked)
    try:
        world.storage.check(row)
    except StorageRefusedError as refusal:
        raise bad_request(
            f"Command execution failed: Command failed: rclone ls {flags(row)} --retries 1"
            f" --low-level-retries 1 --timeout 10s --contimeout 5s \\:s3\\:{row['bucket']}\n"
            f"Failed to ls: {refusal}\n",
        ) from refusal
    return EMPTY


@query("destination.all")
def every(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """All destinations."""
    return world.store.every("destination")


@query("destination.one", "destinationId:str+")
def one(world: World, asked: dict[str, Any]) -> Any:
    """The row."""
    return need(world, "destination", asked["destinationId"], "Destination")


@mutation("destination.update", _FIELDS + " destinationId:str")
def update(world: World, asked: dict[str, Any]) -> Any:
    """Change a row; every field is needed each time."""
    destination_id = asked.pop("destinationId")
    asked.pop("serverId", None)
    need(world, "destination", destination_id, "Destination")
    return world.store.change("destination", destination_id, **asked)


@mutation("destination.remove", "destinationId:str")
def remove(world: World, asked: dict[str, Any]) -> Any:
    """Forget the destination and the backups that go there; the files stay."""
    row = need(world, "destination", asked["destinationId"], "Destination")
    world.store.drop("destination", row["destinationId"])
    for kind in ("backup", "volumeBackup"):
        for hanging in world.store.every(kind):
            if hanging["destinationId"] == row["destinationId"]:
                world.store.drop(kind, hanging[f"{kind}Id"])
    return row
