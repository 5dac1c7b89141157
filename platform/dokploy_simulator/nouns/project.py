"""Projects. Names are free to repeat; removal forgets rows and leaves the engine alone."""

from functools import partial
from typing import Any

from dokploy_simulator.answers import server_error
from dokploy_simulator.history import drop_runs, drop_schedule
from dokploy_simulator.identity import new_id, now_iso
from dokploy_simulator.nouns.listing import DATABASES, need, search, service_lists
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

_COLUMNS = ("projectId", "name", "description", "createdAt", "organizationId", "env")


def new_environment(world: World, project_id: str, name: str, **values: Any) -> Row:
    """Make an environment row."""
    row = {
        "environmentId": new_id(),
        "name": name,
        "description": None,
        "createdAt": now_iso(),
        "env": "",
        "projectId": project_id,
        "isDefault": False,
    } | values
    return world.store.put("environment", row["environmentId"], row)


@mutation("project.create", "name:str+ description:str?~ env:str?")
def create(world: World, asked: dict[str, Any]) -> Any:
    """Always a new project, with an environment called production."""
    row = {
        "projectId": new_id(),
        "name": asked["name"],
        "description": asked.get("description"),
        "createdAt": now_iso(),
        "organizationId": world.organization_id,
        "env": asked.get("env", ""),
    }
    world.store.put("project", row["projectId"], row)
    environment = new_environment(
        world,
        row["projectId"],
        "production",
        description="Production environment",
        isDefault=True,
    )
    return {"project": row, "environment": environment}


@query("project.one", "projectId:str+")
def one(world: World, asked: dict[str, Any]) -> Any:
    """The project with every service's name, appName and description."""
    project = need(world, "project", asked["projectId"], "Project")
    environments = [
        row | service_lists(world, row["environmentId"], "full")
        for row in world.store.where("environment", "projectId", project["projectId"])
    ]
    return project | {"environments": environments, "projectTags": []}


@query("project.all")
def every(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - every handler's shape
    """All projects, newest first, with little of each service."""
    return [
        project
        | {
            "environments": [
                world.store.derived(row["environmentId"], partial(_least, world, row))
                for row in world.store.where("environment", "projectId", project["projectId"])
            ],
            "projectTags": [],
        }
        for project in reversed(world.store.every("project"))
    ]


def _least(world: World, environment: Row) -> Row:
    named = {name: environment[name] for name in ("name", "environmentId", "isDefault")}
    return named | service_lists(world, environment["environmentId"], "least")


@query("project.search", "q:str? name:str? description:str? limit:limit offset:offset")
def find(world: World, asked: dict[str, Any]) -> Any:
    """Projects by part of their name."""
    return search(world.store.every("project"), asked, ("name", "description"), _COLUMNS)


@mutation(
    "project.update",
    "projectId:str+ name:str?+ description:str?~ createdAt:str? organizationId:str? env:str?",
)
def update(world: World, asked: dict[str, Any]) -> Any:
    """Change what was given; the answer is the row."""
    project_id = asked.pop("projectId")
    need(world, "project", project_id, "Project")
    if not asked:
        raise server_error("No values to set")
    return world.store.change("project", project_id, **asked)


@mutation("project.remove", "projectId:str+")
def remove(world: World, asked: dict[str, Any]) -> Any:
    """
    Forget the project and all under it. Services, volumes and routes in the engine run on, and
    no id leads to them any more.
    """
    project = need(world, "project", asked["projectId"], "Project")
    for environment in world.store.where("environment", "projectId", project["projectId"]):
        environment_id = environment["environmentId"]
        for row in world.store.where("application", "environmentId", environment_id):
            forget_application(world, row["applicationId"])
        for row in world.store.where("compose", "environmentId", environment_id):
            forget_compose(world, row["composeId"])
        for kind in DATABASES:
            for row in world.store.where(kind, "environmentId", environment_id):
                forget_database(world, kind, row[f"{kind}Id"])
        world.store.drop("environment", environment_id)
    world.store.drop("project", project["projectId"])
    return project


def forget_application(world: World, application_id: str) -> None:
    """Drop an application's row and all rows that hang on it; the engine is not told."""
    world.store.drop("application", application_id)
    drop_runs(world, "applicationId", application_id)
    for row in world.store.where("redirect", "applicationId", application_id):
        world.store.drop("redirect", row["redirectId"])
    _forget_hanging(world, "application", application_id)


def forget_compose(world: World, compose_id: str) -> None:
    """Drop a compose's row and all rows that hang on it; the engine is not told."""
    world.store.drop("compose", compose_id)
    drop_runs(world, "composeId", compose_id)
    _forget_hanging(world, "compose", compose_id)


def forget_database(world: World, kind: str, database_id: str) -> None:
    """Drop a database's row, its mounts and its backups; the engine is not told."""
    world.store.drop(kind, database_id)
    _forget_hanging(world, kind, database_id)


def _forget_hanging(world: World, kind: str, owner_id: str) -> None:
    """
    Rows go with their owner. What the clock was told to run is not told that they went, and
    files in the storage stay.
    """
    id_name = f"{kind}Id"
    for row in world.store.where("mount", "serviceId", owner_id):
        world.store.drop("mount", row["mountId"])
    for hanging in ("backup", "volumeBackup"):
        for row in world.store.where(hanging, id_name, owner_id):
            drop_runs(world, f"{hanging}Id", row[f"{hanging}Id"])
            world.store.drop(hanging, row[f"{hanging}Id"])
    if kind in {"application", "compose"}:
        for row in world.store.where("domain", id_name, owner_id):
            world.store.drop("domain", row["domainId"])
        for row in world.store.where("schedule", id_name, owner_id):
            drop_schedule(world, row["scheduleId"])
