"""Deploying, starting and stopping compose."""

from typing import Any, Final

from dokploy_simulator import durations
from dokploy_simulator.answers import server_error
from dokploy_simulator.compose_run import drop_routes
from dokploy_simulator.nouns.application_runs import container_log
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.world import World

_TITLED: Final = "composeId:str+ title:str? description:str?"


def _enqueue(world: World, asked: dict[str, Any], kind: str, title: str) -> Any:
    row = need(world, "compose", asked["composeId"], "Compose")
    world.count_deploy(row["composeId"])
    world.queue.add(
        row,
        kind=kind,
        title=asked.get("title") or title,
        description=asked.get("description") or "",
        owner_kind="compose",
    )
    word = "Deployment" if kind == "deploy" else "Redeployment"
    return {"success": True, "message": f"{word} queued", "composeId": row["composeId"]}


@mutation("compose.deploy", _TITLED)
def deploy(world: World, asked: dict[str, Any]) -> Any:
    """Queue a deploy of the newest file."""
    return _enqueue(world, asked, "deploy", "Manual deployment")


@mutation("compose.redeploy", _TITLED)
def redeploy(world: World, asked: dict[str, Any]) -> Any:
    """Queue a deploy of the file already there."""
    return _enqueue(world, asked, "redeploy", "Rebuild deployment")


@mutation("compose.start", "composeId:str+")
async def start(world: World, asked: dict[str, Any]) -> Any:
    """Start the containers; on a stack nothing happens, and the answer is the same."""
    row = need(world, "compose", asked["composeId"], "Compose")
    if row["composeType"] != "stack":
        await world.passes(durations.SCALING)
        for service in world.engine.services(row["appName"]):
            world.engine.scale(service["name"], max(1, int(service.get("before", 1))))
    world.store.change("compose", row["composeId"], composeStatus="done")
    return True


@mutation("compose.stop", "composeId:str+")
async def stop(world: World, asked: dict[str, Any]) -> Any:
    """Stop the containers; a stack is removed, and only a deploy brings it back."""
    row = need(world, "compose", asked["composeId"], "Compose")
    await world.passes(durations.SCALING)
    for service in world.engine.services(row["appName"]):
        if row["composeType"] == "stack":
            world.engine.remove(service["name"])
        else:
            world.store.change("service", service["name"], before=service["replicas"])
            world.engine.scale(service["name"], 0)
    if row["composeType"] == "stack":
        drop_routes(world, row["appName"])
    world.store.change("compose", row["composeId"], composeStatus="idle")
    return True


@mutation("compose.cleanQueues", "composeId:str+")
def clean_queues(world: World, asked: dict[str, Any]) -> Any:
    """Drop the waiting jobs of the compose; the running one goes on."""
    need(world, "compose", asked["composeId"], "Compose")
    world.queue.drop_waiting(asked["composeId"])
    return {"success": True, "message": "Queues cleaned successfully"}


@query(
    "compose.readLogs",
    "composeId:str+ containerId:str+ tail:tail since:since search:str?",
)
def read_logs(world: World, asked: dict[str, Any]) -> Any:
    """The last lines of one container."""
    need(world, "compose", asked["composeId"], "Compose")
    found = world.engine.find_container(asked["containerId"])
    if found is None:
        raise server_error(f"No such container: {asked['containerId']}")
    return container_log(world, found[0]["name"], asked)
