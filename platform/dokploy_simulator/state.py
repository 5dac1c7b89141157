"""What the control door shows of everything there is."""

import json
from collections import Counter
from typing import Any, Final

from dokploy_simulator.nouns.listing import DATABASES
from dokploy_simulator.store import Row
from dokploy_simulator.tasks import breaks
from dokploy_simulator.world import World

_BRIEF: Final = ("name", "appName", "description", "environmentId", "applicationStatus")
_SHAPE: Final = ("replicas", "args", "command", "memoryLimit", "cpuLimit")
_REMAINS: Final = {
    "projects": "project",
    "environments": "environment",
    "applications": "application",
    "compose": "compose",
    **{kind: kind for kind in DATABASES},
    "domains": "domain",
    "routes": "route",
    "redirects": "redirect",
    "mounts": "mount",
    "schedules": "schedule",
    "backups": "backup",
    "volume_backups": "volumeBackup",
    "cron": "armed",
    "deployments": "deployment",
    "rollbacks": "rollback",
    "services": "service",
    "images": "image",
    "volumes": "volume",
    "files": "file",
}


def state(world: World) -> dict[str, Any]:
    """Everything worth counting."""
    store = world.store
    rows: dict[str, list[Any]] = {
        "projects": [
            {"id": row["projectId"], "name": row["name"], "description": row["description"]}
            for row in store.every("project")
        ],
        "environments": store.every("environment"),
        "applications": [_application(row) for row in store.every("application")],
        "databases": [
            _database(world, kind, row) for kind in DATABASES for row in store.every(kind)
        ],
        "compose": [_compose(row) for row in store.every("compose")],
        "domains": [_domain(row) for row in store.every("domain")],
        "redirects": store.every("redirect"),
        "mounts": store.every("mount"),
        "deployments": store.every("deployment"),
        "builds": store.every("fact"),
        "schedules": store.every("schedule"),
        "destinations": store.every("destination"),
        "backups": store.every("backup"),
        "volume_backups": store.every("volumeBackup"),
        "cron": world.clock.jobs(),
        "files": store.every("file"),
        "restores": store.every("restore"),
        "registries": store.every("registry"),
        "rollbacks": [_rollback(row) for row in store.every("rollback")],
        "services": [_service(world, row) for row in world.engine.services()],
        "images": world.engine.images.every(),
        "volumes": world.engine.volumes.every(),
        "queue": world.queue.listing(),
    }
    return {
        "counts": {name: len(listed) for name, listed in rows.items()},
        **rows,
        **_counts(world),
    }


def _counts(world: World) -> Row:
    store = world.store
    provisions: Counter[str] = Counter()
    for row in store.every("provision"):
        provisions[row["key"]] += row["calls"]
    deploys = {key: store.get("deployCalls", key) or {} for key in store.ids("deployCalls")}
    names = ("room", "nodeSilent", "stack_lingers", "service_lingers", "enableDockerCleanup")
    return {
        "provision_calls": dict(provisions),
        "deploy_calls": {key: row.get("calls", 0) for key, row in deploys.items()},
        "api_calls": sum(world.calls.values()),
        "api_calls_by_procedure": dict(world.calls),
        "faults": world.faults.listing(),
        "fault_counts": world.faults.counts,
        "speed": world.speed,
        "settings": {name: world.settings.get(name) for name in names},
    }


def _application(row: Row) -> Row:
    names = (*_BRIEF, "autoDeploy", *_SHAPE, "updateConfigSwarm", "cleanCache", "dockerImage")
    return {"id": row["applicationId"]} | {name: row[name] for name in names}


def _database(world: World, kind: str, row: Row) -> Row:
    names = (*_BRIEF, "dockerImage", "memoryLimit", "cpuLimit")
    volume = world.engine.volumes.get(f"{row['appName']}-data") or {}
    return (
        {"kind": kind, "id": row[f"{kind}Id"]}
        | {name: row[name] for name in names}
        | {"data": volume.get("data", ""), "restoredFrom": volume.get("restoredFrom")}
    )


def _compose(row: Row) -> Row:
    names = ("name", "appName", "description", "environmentId", "composeStatus", "composeType")
    return {"id": row["composeId"]} | {name: row[name] for name in names}


def _domain(row: Row) -> Row:
    names = ("domainId", "host", "applicationId", "composeId", "https", "enabled", "serviceName")
    return {name: row[name] for name in names}


def _rollback(row: Row) -> Row:
    return {name: row[name] for name in ("rollbackId", "deploymentId", "version", "image")}


def _service(world: World, row: Row) -> Row:
    newest = row["versions"][-1]
    return {
        "name": row["name"],
        "kind": row["kind"],
        "stack": row.get("stack"),
        "image": newest["image"],
        "digest": newest.get("digest"),
        "version": newest["number"],
        "env": newest["envHash"],
        "args": newest.get("args"),
        "command": newest.get("command"),
        "limits": newest.get("limits"),
        "order": row["order"],
        "failureAction": row["failureAction"],
        "parallelism": row.get("parallelism"),
        "pinned": row.get("pinned"),
        "volumes": row["volumes"],
        "replicas": row["replicas"],
        "placed": world.engine.placed(row),
        "broken": breaks(newest),
        "running": world.engine.running(row["name"]),
        "serving": world.engine.serving(row["name"])[0],
    }


def remains(world: World, of: str) -> dict[str, list[str]]:
    """
    What is left of anything whose row holds the text, by kind: ids only, and kinds with none
    are not there. A tenant that is gone leaves nothing but ``volumes`` and ``files``.
    """
    world.engine.services()  # what lingered long enough goes before it is counted
    found = {
        name: [row_id for row_id in world.store.ids(kind) if _holds(world, kind, row_id, of)]
        for name, kind in _REMAINS.items()
    }
    return {name: ids for name, ids in found.items() if ids}


def _holds(world: World, kind: str, row_id: str, of: str) -> bool:
    return of in row_id or of in json.dumps(world.store.get(kind, row_id), ensure_ascii=False)
