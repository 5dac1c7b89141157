"""Control actions on the engine, the storage, the registries and the repositories."""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from dokploy_simulator.backup_run import (
    BackupFailedError,
    data_volume,
    run_backup,
    run_volume_backup,
)
from dokploy_simulator.engine import FOR_EVER
from dokploy_simulator.nouns.listing import DATABASES
from dokploy_simulator.nouns.schedule import run_schedule
from dokploy_simulator.repositories import set_branch
from dokploy_simulator.storage import bucket_of
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

_PLAN: Final = ("fail", "size", "seconds", "times")


def room(world: World, asked: Row) -> Any:
    """``{"room": 3}`` tasks fit and no more; null lifts it. Who runs now keeps its room."""
    for service in world.engine.services():
        world.engine.placed(service)
    world.change_settings(room=asked["room"])
    return {"room": asked["room"]}


def node_silent(world: World, asked: Row) -> Any:
    """``{"silent": true}``; "bytes" lets ``swarm.getNodes`` say no byte, as v0.30.2 does."""
    world.change_settings(nodeSilent=asked.get("silent", True))
    return {"silent": world.settings["nodeSilent"]}


def lingering(world: World, asked: Row) -> Any:
    """
    ``{"stack_lingers": 5, "service_lingers": true}``: what is deleted runs on for that many
    seconds, for ever (true), or not at all (null).
    """
    for name in ("stack_lingers", "service_lingers"):
        if name in asked:
            told = asked[name]
            lasts = FOR_EVER if told is True else (float(told) if told else None)
            world.change_settings(**{name: lasts})
    if "enableDockerCleanup" in asked:
        world.change_settings(enableDockerCleanup=bool(asked["enableDockerCleanup"]))
    return {name: world.settings.get(name) for name in ("stack_lingers", "service_lingers")}


def image_gone(world: World, asked: Row) -> Any:
    """``{"image": …}`` is lost at once; ``{}`` cleans up as every night, if that is on."""
    if "image" in asked:
        return {"lost": [asked["image"]] if world.engine.images.remove(asked["image"]) else []}
    if not world.settings["enableDockerCleanup"]:
        return {"lost": []}
    return {"lost": world.engine.clean_images()}


def image_moved(world: World, asked: Row) -> Any:
    """``{"image": "nginx:1"}``: the registry has something new under the tag."""
    return {"image": asked["image"], "digest": world.engine.images.move_tag(asked["image"])}


def git(world: World, asked: Row) -> Any:
    """``{"url": …, "branch": …, "commit": …, "message": …, "files": {…}, "only": true}``."""
    return set_branch(world.store, asked)


def data(world: World, asked: Row) -> Any:
    """
    ``{"volume": … | "name": <service> | "id": <database>, "data": "v1"}``: what lies there.
    Without ``data`` it is only told.
    """
    volume = asked.get("volume") or _volume_of(world, asked)
    if "data" in asked:
        world.engine.volumes.fill(volume, str(asked["data"]))
    row = world.engine.volumes.get(volume)
    return row or {"name": volume, "data": None, "restoredFrom": None}


def _volume_of(world: World, asked: Row) -> str:
    for kind in DATABASES:
        row = world.store.get(kind, asked.get("id"))
        if row is not None:
            return data_volume(world, row["appName"], row[f"{kind}Id"])
    return data_volume(world, asked["name"])


def backup(world: World, asked: Row) -> Any:
    """
    ``{"id": <backup | volume backup | database | volume> or "*", "fail": …, "size": …,
    "seconds": …, "times": 1}``: how its next runs go; ``"restore": true`` means its restores.
    A plan of nothing is lifted.
    """
    target = f"restore:{asked['id']}" if asked.get("restore") else str(asked["id"])
    plan = {name: asked[name] for name in _PLAN if asked.get(name) is not None}
    if plan:
        world.store.put("backupPlan", target, plan)
    else:
        world.store.drop("backupPlan", target)
    return {"id": target} | plan


def backup_file(world: World, asked: Row) -> Any:
    """
    ``{"destinationId": …, "path": …, "size": …, "data": …}`` puts or changes a file;
    ``"remove": true`` deletes it.
    """
    bucket = asked.get("bucket") or bucket_of(_destination(world, asked["destinationId"]))
    if asked.get("remove"):
        return {"removed": world.storage.remove(bucket, asked["path"])}
    known = world.storage.get(bucket, asked["path"]) or {}
    told = {name: asked[name] for name in ("size", "data") if name in asked}
    kept = {name: known[name] for name in ("size", "data", "by", "createdAt") if name in known}
    return world.storage.put(bucket, asked["path"], **kept | told)


def _destination(world: World, destination_id: str) -> Row:
    row = world.store.get("destination", destination_id)
    if row is None:
        raise KeyError(destination_id)
    return row


def refuse(world: World, asked: Row) -> Any:
    """``{"id": <destinationId, bucket, registry url> or "*", "reason": …}``; null lifts it."""
    if asked.get("reason"):
        world.store.put("refusal", asked["id"], {"reason": asked["reason"]})
    else:
        world.store.drop("refusal", asked["id"])
    return {"id": asked["id"], "reason": asked.get("reason")}


def fire(world: World, asked: Row) -> Any:
    """``{"id": …}`` or ``{"kind": "backup"}``: what the clock would run now runs."""
    wanted = [
        job
        for job in world.clock.jobs()
        if asked.get("id") in {None, job["id"]} and asked.get("kind") in {None, job["kind"]}
    ]
    if not wanted and "id" in asked:
        raise KeyError(asked["id"])
    for job in wanted:
        world.clock.fire(job["id"])
        world.keep(asyncio.create_task(_run(world, job)))
    return [{"id": job["id"], "kind": job["kind"], "orphan": job["orphan"]} for job in wanted]


async def _run(world: World, job: Row) -> None:
    """A job whose row went with its owner finds nothing to do."""
    row = world.store.get(job["kind"], job["id"])
    if row is None:
        return
    try:
        if job["kind"] == "backup":
            await run_backup(world, row)
        elif job["kind"] == "volumeBackup":
            await run_volume_backup(world, row)
        else:
            await run_schedule(world, row)
    except BackupFailedError:
        return
    finally:
        world.store.commit()


ENGINE_ACTIONS: Final[dict[str, Callable[[World, Row], Any]]] = {
    "room": room,
    "node-silent": node_silent,
    "settings": lingering,
    "image-gone": image_gone,
    "image-moved": image_moved,
    "git": git,
    "data": data,
    "backup": backup,
    "backup-file": backup_file,
    "refuse": refuse,
    "fire": fire,
}
