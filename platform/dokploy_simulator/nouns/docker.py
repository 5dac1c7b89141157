"""Reads of the engine. They say ``[]`` for whatever they cannot tell."""

import time
from typing import Any

from dokploy_simulator.answers import EMPTY, server_error
from dokploy_simulator.engine import NODE
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.store import Row
from dokploy_simulator.tasks import Task
from dokploy_simulator.world import World

_SHORT = 12


@query("docker.getServiceContainersByAppName", "appName:str+ serverId:str?")
def service_containers(world: World, asked: dict[str, Any]) -> Any:
    """Every task, the failed and replaced ones too; ``containerId`` is the task's id."""
    name, now = asked["appName"], time.time()
    listed: list[Row] = []
    slot = 0
    for task in world.engine.tasks(name):
        listed.append(
            {
                "containerId": task.task_id,
                "name": ("\\_ " if task.slot == slot else "") + f"{name}.{task.slot}",
                "state": task.desired,
                "currentState": task.current_state(now),
                "node": NODE,
                "error": task.error,
            },
        )
        slot = task.slot
    if listed and not listed[-1]["error"]:
        listed[-1]["error"] = "Error:"  # the last line loses its blank before the split
    return listed


def _stack_row(name: str, task: Task, status: str) -> Row:
    return {
        "containerId": task.container_id[:_SHORT],
        "name": f"{name}.{task.slot}.{task.task_id}",
        "node": NODE,
        "state": task.state.lower(),
        "status": status,
    }


@query(
    "docker.getContainersByAppNameMatch",
    "appType:{stack,docker-compose}? appName:str+ serverId:str?",
)
def containers_by_name(world: World, asked: dict[str, Any]) -> Any:
    """Containers whose name begins so; with ``stack`` the tasks that should run."""
    name, now = asked["appName"], time.time()
    if asked.get("appType") == "stack":
        wanted = [task for task in world.engine.tasks(name) if task.desired == "running"]
        rows = [_stack_row(name, task, task.current_state(now)) for task in wanted]
        if rows:
            rows[-1]["status"] += " (Error:)"
        return rows
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
    wanted = asked["containerId"]
    for service in world.engine.services():
        for task in world.engine.tasks(service["name"]):
            if task.container_id.startswith(wanted) and task.state != "Starting":
                return _inspection(service, task)
    return EMPTY


def _inspection(service: Row, task: Task) -> Row:
    born = time.strftime("%Y-%m-%dT%H:%M:%S.000000000Z", time.gmtime(task.since))
    env: list[str] = []
    for version in service["versions"]:
        if version["number"] == task.version:
            env = version["env"]
    return {
        "Id": task.container_id,
        "Created": born,
        "Name": f"/{service['name']}.{task.slot}.{task.task_id}",
        "State": {
            "Status": "running" if task.runs else "exited",
            "Running": task.runs,
            "ExitCode": 0 if task.runs else 1,
            "StartedAt": born,
        },
        "RestartCount": 0,
        "Config": {
            "Image": task.image,
            "Env": env,
            "Labels": {
                "com.docker.swarm.service.id": service["id"],
                "com.docker.swarm.service.name": service["name"],
                "com.docker.swarm.task.id": task.task_id,
            },
        },
        "Mounts": [{"Type": "volume", "Name": volume} for volume in service["volumes"]],
    }


@query("swarm.getNodeApps", "serverId:str?")
def node_apps(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Every service with how many of its tasks run."""
    return [
        {
            "ID": row["id"][:_SHORT],
            "Image": row["versions"][-1]["image"],
            "Mode": "replicated",
            "Name": row["name"],
            "Ports": "",
            "Replicas": f"{world.engine.running(row['name'])}/{row['replicas']}",
        }
        for row in world.engine.services()
    ]


@query("dockerVolume.getVolumes", "serverId:str?")
def volumes(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """All volumes of the host."""
    absent = "N/A"
    return [
        {
            "Availability": absent,
            "Driver": "local",
            "Group": absent,
            "Labels": "",
            "Links": absent,
            "Mountpoint": f"/var/lib/docker/volumes/{row['name']}/_data",
            "Name": row["name"],
            "Scope": "local",
            "Size": absent,
            "Status": absent,
        }
        for row in world.engine.volumes()
    ]


@mutation("dockerVolume.removeVolume", "volumeName:str+ serverId:str?")
def remove_volume(world: World, asked: dict[str, Any]) -> Any:
    """Remove a volume nothing uses."""
    complaint = world.engine.remove_volume(asked["volumeName"])
    if complaint:
        raise server_error(
            f"Command execution failed: Command failed: docker volume rm {asked['volumeName']}\n"
            f"{complaint}\n",
        )
    return EMPTY
