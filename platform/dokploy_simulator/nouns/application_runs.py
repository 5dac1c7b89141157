"""Deploying, starting, stopping and reading applications."""

from typing import Any, Final

from dokploy_simulator import durations
from dokploy_simulator.answers import EMPTY, bad_request, server_error
from dokploy_simulator.build_run import service_spec
from dokploy_simulator.environment_text import UnknownReferenceError, resolved_env
from dokploy_simulator.identity import now_iso
from dokploy_simulator.nouns.application import full_application
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.world import World

_TITLED: Final = "applicationId:str+ title:str? description:str?"


def _enqueue(world: World, asked: dict[str, Any], kind: str, title: str) -> Any:
    row = need(world, "application", asked["applicationId"], "Application")
    world.count_deploy(row["applicationId"])
    world.queue.add(
        row,
        kind=kind,
        title=asked.get("title") or title,
        description=asked.get("description") or "",
    )
    return EMPTY


@mutation("application.deploy", _TITLED)
def deploy(world: World, asked: dict[str, Any]) -> Any:
    """Queue a build of fresh code; accepted even where there is no source."""
    return _enqueue(world, asked, "deploy", "Manual deployment")


@mutation("application.redeploy", _TITLED)
def redeploy(world: World, asked: dict[str, Any]) -> Any:
    """Queue a build of the code already there."""
    return _enqueue(world, asked, "redeploy", "Rebuild deployment")


@mutation("application.reload", "appName:appname! applicationId:str")
def reload(world: World, asked: dict[str, Any]) -> Any:
    """Apply the row's settings to the service; no build, no deployment row."""
    row = need(world, "application", asked["applicationId"], "Application")
    try:
        env = resolved_env(world.store, row)
    except UnknownReferenceError as failure:
        raise server_error(str(failure)) from failure
    image = row["dockerImage"] if row["sourceType"] == "docker" else f"{row['appName']}:latest"
    world.engine.apply(service_spec(world, row, env, image or ""))
    return True


@mutation("application.start", "applicationId:str+")
async def start(world: World, asked: dict[str, Any]) -> Any:
    """One task, whatever ``replicas`` says. The answer is the row as it was."""
    row = need(world, "application", asked["applicationId"], "Application")
    name = row["appName"]
    before = full_application(world, row)
    if not world.engine.scale(name, 1):
        raise server_error(
            f"Command execution failed: Command failed: docker service scale {name}=1 \n"
            f"{name}: Error response from daemon: service {name} not found\n",
        )
    await world.passes(durations.SCALING)
    world.store.change("application", row["applicationId"], applicationStatus="done")
    return before


@mutation("application.stop", "applicationId:str+")
async def stop(world: World, asked: dict[str, Any]) -> Any:
    """No tasks; an engine that knows no such service is not complained about."""
    row = need(world, "application", asked["applicationId"], "Application")
    before = full_application(world, row)
    if world.engine.scale(row["appName"], 0):
        await world.passes(durations.SCALING)
    world.store.change("application", row["applicationId"], applicationStatus="idle")
    return before


@mutation("application.cleanQueues", "applicationId:str+")
def clean_queues(world: World, asked: dict[str, Any]) -> Any:
    """Drop the waiting jobs of the application; the running one goes on."""
    need(world, "application", asked["applicationId"], "Application")
    world.queue.drop_waiting(asked["applicationId"])
    return EMPTY


@mutation("application.cancelDeployment", "applicationId:str+")
def cancel_deployment(world: World, asked: dict[str, Any]) -> Any:
    """Always refused on a server of one's own."""
    need(world, "application", asked["applicationId"], "Application")
    raise bad_request("Deployment cancellation only available in cloud version")


@mutation("application.markRunning", "applicationId:str+")
def mark_running(world: World, asked: dict[str, Any]) -> Any:
    """Set the status, nothing else."""
    need(world, "application", asked["applicationId"], "Application")
    world.store.change("application", asked["applicationId"], applicationStatus="running")
    return EMPTY


@query("application.readLogs", "applicationId:str+ tail:tail since:since search:str?")
def read_logs(world: World, asked: dict[str, Any]) -> Any:
    """The last lines of the running containers."""
    row = need(world, "application", asked["applicationId"], "Application")
    return container_log(world, row["appName"], asked)


def container_log(world: World, name: str, asked: dict[str, Any]) -> str:
    """What the containers of a service wrote; 500 when there is no container."""
    tasks = world.engine.tasks(name)
    if not tasks:
        raise server_error(f"No container or service found for: {name}")
    stamp = now_iso().replace("Z", "000000Z")
    lines = []
    for task in reversed(tasks):
        who = f"{stamp} [/{name}.{task.slot}.{task.task_id}]"
        said = "listening on port 3000" if task.runs else "Error: exit status 1"
        lines += [f"{who} starting", f"{who} {said}"]
    wanted = asked.get("search")
    if wanted:
        lines = [line for line in lines if wanted.lower() in line.lower()]
    return "".join(f"{line}\n" for line in lines[-int(asked["tail"]) :])
