"""Reads of the engine's tasks. They say ``[]`` for whatever they cannot tell."""

import time
from datetime import UTC, datetime
from typing import Any, Final

from dokploy_simulator.answers import EMPTY
from dokploy_simulator.engine import NODE
from dokploy_simulator.nouns.silence import is_silent, unless_silent
from dokploy_simulator.routes import query
from dokploy_simulator.store import Row
from dokploy_simulator.tasks import Task
from dokploy_simulator.world import World

_SHORT: Final = 12
_NEVER: Final = "0001-01-01T00:00:00Z"


def _task_rows(world: World, name: str) -> list[Row]:
    now = time.time()
    listed: list[Row] = []
    slot = 0
    for task in world.engine.tasks(name):
        listed.append(
            {
                "containerId": task.task_id,
                "name": ("\\_ " if task.slot == slot else "") + f"{name}.{task.slot}",
                "state": task.desired,
                "currentState": task.current_state(now),
                "node": "" if task.state == "Pending" else NODE,
                "error": task.error,
            },
        )
        slot = task.slot
    return listed


def _clipped(listed: list[Row]) -> list[Row]:
    """The last line loses its blank before the split, so an empty error reads "Error:"."""
    if listed and not listed[-1]["error"]:
        listed[-1]["error"] = "Error:"
    return listed


@query("docker.getServiceContainersByAppName", "appName:str+ serverId:str?")
@unless_silent
def service_containers(world: World, asked: dict[str, Any]) -> Any:
    """Every task, the failed and replaced ones too; ``containerId`` is the task's id."""
    return _clipped(_task_rows(world, asked["appName"]))


@query("docker.getStackContainersByAppName", "appName:str+ serverId:str?")
@unless_silent
def stack_containers(world: World, asked: dict[str, Any]) -> Any:
    """Every task of every service of a stack."""
    services = world.engine.services(asked["appName"])
    return _clipped([row for service in services for row in _task_rows(world, service["name"])])


def _stack_row(name: str, task: Task, status: str) -> Row:
    container = task.container_id[:_SHORT] if task.runs else ""
    return {
        "containerId": container,
        "name": f"{name}.{task.slot}.{task.task_id}",
        "node": "" if task.state == "Pending" else NODE,
        "state": task.state.lower(),
        "status": f"{status} ({task.error})" if task.error else status,
    }


@query(
    "docker.getContainersByAppNameMatch",
    "appType:{stack,docker-compose}? appName:str+ serverId:str?",
)
@unless_silent
def containers_by_name(world: World, asked: dict[str, Any]) -> Any:
    """Containers whose name begins so; with ``stack`` the tasks that should run."""
    name, now = asked["appName"], time.time()
    if asked.get("appType") == "stack":
        names = [row["name"] for row in world.engine.services(name)] or [name]
        rows = [
            _stack_row(service, task, task.current_state(now))
            for service in names
            for task in world.engine.tasks(service)
            if task.desired == "running"
        ]
        if rows and "(" not in rows[-1]["status"]:
            rows[-1]["status"] += " (Error:)"
        return rows
    if asked.get("appType") == "docker-compose":
        found = [row["name"] for row in world.engine.services(name)]
    else:
        found = [row["name"] for row in world.engine.services() if row["name"].startswith(name)]
    return [
        {
            "containerId": task.container_id[:_SHORT],
            "name": f"{service}.{task.slot}.{task.task_id}",
            "state": "running" if task.runs else "exited",
            "status": "Up" if task.runs else "Exited (1)",
        }
        for service in found
        for task in world.engine.tasks(service)
        if task.runs or task.state == "Failed"
    ]


@query("docker.getContainersByAppLabel", "appName:str+ serverId:str? type:{standalone,swarm}")
@unless_silent
def containers_by_label(world: World, asked: dict[str, Any]) -> Any:
    """Running containers of a service."""
    return [
        {
            "containerId": task.container_id[:_SHORT],
            "name": f"{asked['appName']}.{task.slot}.{task.task_id}",
            "state": "running",
        }
        for task in world.engine.tasks(asked["appName"])
        if task.runs
    ]


@query("docker.getConfig", "containerId:str+ serverId:str?")
def config(world: World, asked: dict[str, Any]) -> Any:
    """A container's inspection with exact times; no bytes at all for an unknown one."""
    found = None if is_silent(world) else world.engine.find_container(asked["containerId"])
    return EMPTY if found is None else _inspection(*found)


def _exact(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "000Z"


def _inspection(service: Row, task: Task) -> Row:
    kept = {version["number"]: version for version in service["versions"]}
    version = kept.get(task.version) or service["failed"] or service["versions"][-1]
    limits = version.get("limits") or {}
    began = version["ready"] if task.runs else version["born"]
    return {
        "Id": task.container_id,
        "Created": _exact(version["born"]),
        "Name": f"/{service['name']}.{task.slot}.{task.task_id}",
        "Args": version.get("args") or [],
        "State": {
            "Status": "running" if task.runs else "exited",
            "Running": task.runs,
            "ExitCode": 1 if task.error else 0,
            "StartedAt": _exact(began),
            "FinishedAt": _NEVER if task.runs else _exact(task.since),
        },
        "RestartCount": 0,
        "Image": version.get("digest") or "",
        "HostConfig": {
            "Memory": limits.get("memoryLimit") or 0,
            "NanoCpus": limits.get("cpuLimit") or 0,
            "MemoryReservation": limits.get("memoryReservation") or 0,
        },
        "Config": {
            "Image": task.image,
            "Env": version["env"],
            "Cmd": version.get("args") or [],
            "Labels": {
                "com.docker.swarm.service.id": service["id"],
                "com.docker.swarm.service.name": service["name"],
                "com.docker.swarm.task.id": task.task_id,
            },
        },
        "Mounts": [{"Type": "volume", "Name": volume} for volume in service["volumes"]],
    }
