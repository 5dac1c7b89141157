"""Images and volumes of the engine's host."""

import time
from typing import Any, Final

from dokploy_simulator.answers import EMPTY, ApiErrorAnswer, server_error
from dokploy_simulator.images import split_name
from dokploy_simulator.nouns.silence import is_silent, unless_silent
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.store import Row
from dokploy_simulator.volumes import EMPTY_SIZE
from dokploy_simulator.world import World

_ABSENT: Final = "N/A"
_KILO: Final = 1000.0


def human_size(size: float) -> str:
    """A size as docker writes it."""
    for unit in ("B", "kB", "MB"):
        if size < _KILO:
            return f"{size:.4g}{unit}"
        size /= _KILO
    return f"{size:.4g}GB"


def _failed(command: str, complaint: str) -> ApiErrorAnswer:
    return server_error(
        f"Command execution failed: Command failed: {command}\n{complaint}\n",
    )


@query("dockerImage.getImages", "serverId:str?")
@unless_silent
def images(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """All images of the host; what was built for a deleted application is still there."""
    return [_image(row) for row in reversed(world.engine.images.every())]


def _image(row: Row) -> Row:
    repository, tag = split_name(row["name"])
    made = row["createdAt"].replace("T", " ").partition(".")[0]
    return {
        "Containers": _ABSENT,
        "CreatedAt": f"{made} +0000 UTC",
        "CreatedSince": "Less than a second ago",
        "Digest": row["digest"] or "<none>",
        "ID": row["id"].removeprefix("sha256:")[:12],
        "Repository": repository,
        "SharedSize": _ABSENT,
        "Size": human_size(row["size"]),
        "Tag": tag,
        "UniqueSize": _ABSENT,
        "VirtualSize": human_size(row["size"]),
    }


def _found(world: World, reference: str) -> Row | None:
    for row in world.engine.images.every():
        bare = row["id"].removeprefix("sha256:")
        if reference == row["id"] or (len(reference) >= 12 and bare.startswith(reference)):  # noqa: PLR2004 - a short id
            return row
    return world.engine.images.row(reference)


@query("dockerImage.getImageConfig", "imageRef:str+ serverId:str?")
def image_config(world: World, asked: dict[str, Any]) -> Any:
    """An image's inspection; 500 for an unknown one."""
    row = _found(world, asked["imageRef"])
    if row is None or is_silent(world):
        raise _failed(
            f"docker image inspect {asked['imageRef']}",
            f"Error response from daemon: No such image: {asked['imageRef']}",
        )
    repository, _ = split_name(row["name"])
    return {
        "Id": row["id"],
        "RepoTags": [row["name"]] if "@" not in row["name"] else [],
        "RepoDigests": [f"{repository}@{row['digest']}"] if row["digest"] else [],
        "Created": row["createdAt"],
        "Architecture": "amd64",
        "Os": "linux",
        "Size": row["size"],
        "Config": {"Env": [], "Labels": {}},
    }


@mutation(
    "dockerImage.removeImage",
    "repository:str tag:str id:str+ force:bool? serverId:str?",
)
def remove_image(world: World, asked: dict[str, Any]) -> Any:
    """Remove an image no task uses, or any with ``force``."""
    tagged = "<none>" not in {asked["repository"], asked["tag"]} and asked["repository"]
    reference = f"{asked['repository']}:{asked['tag']}" if tagged else asked["id"]
    command = f"docker rmi {'-f ' if asked.get('force') else ''}{reference}"
    row = _found(world, reference)
    if row is None:
        raise _failed(command, f"Error response from daemon: No such image: {reference}")
    busy = any(
        service["replicas"] and world.engine.images.row(service["versions"][-1]["image"]) is row
        for service in world.engine.services()
    )
    if busy and not asked.get("force"):
        raise _failed(
            command,
            f"Error response from daemon: conflict: unable to remove repository reference"
            f' "{reference}" (must force) - a container is using its referenced image',
        )
    world.engine.images.remove(row["name"])
    return EMPTY


@query("dockerVolume.getVolumes", "serverId:str?")
@unless_silent
def volumes(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """All volumes of the host."""
    return [_volume(row["name"]) for row in world.engine.volumes.every()]


def _volume(name: str) -> Row:
    return {
        "Availability": _ABSENT,
        "Driver": "local",
        "Group": _ABSENT,
        "Labels": "",
        "Links": _ABSENT,
        "Mountpoint": f"/var/lib/docker/volumes/{name}/_data",
        "Name": name,
        "Scope": "local",
        "Size": _ABSENT,
        "Status": _ABSENT,
    }


@query("dockerVolume.getVolumesSize", "serverId:str?")
@unless_silent
def volume_sizes(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """How large each volume is, as a text."""
    return [
        {"name": row["name"], "size": human_size(EMPTY_SIZE + 1000 * len(row["data"]))}
        for row in world.engine.volumes.every()
    ]


@query("dockerVolume.getVolumeConfig", "volumeName:str+ serverId:str?")
def volume_config(world: World, asked: dict[str, Any]) -> Any:
    """A volume's inspection; 500 for an unknown one."""
    row = world.engine.volumes.get(asked["volumeName"])
    if row is None or is_silent(world):
        raise _failed(
            f"docker volume inspect {asked['volumeName']}",
            f"Error response from daemon: get {asked['volumeName']}: no such volume",
        )
    return {
        "CreatedAt": row.get("createdAt", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())),
        "Driver": "local",
        "Labels": None,
        "Mountpoint": f"/var/lib/docker/volumes/{row['name']}/_data",
        "Name": row["name"],
        "Options": None,
        "Scope": "local",
    }


@mutation("dockerVolume.removeVolume", "volumeName:str+ serverId:str?")
def remove_volume(world: World, asked: dict[str, Any]) -> Any:
    """Remove a volume nothing uses."""
    complaint = world.engine.volumes.remove(asked["volumeName"])
    if complaint:
        raise _failed(f"docker volume rm {asked['volumeName']}", complaint)
    return EMPTY
