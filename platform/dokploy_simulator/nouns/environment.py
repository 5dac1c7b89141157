"""Environments of a project."""

from typing import Any

from dokploy_simulator.answers import bad_request, server_error
from dokploy_simulator.nouns.listing import need, service_lists, services_in
from dokploy_simulator.nouns.project import new_environment
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.world import World

_SHOWN = ("name", "description", "environmentId", "isDefault")


@mutation("environment.create", "name:str+ description:str? projectId:str+")
def create(world: World, asked: dict[str, Any]) -> Any:
    """Always a new environment; only the name production is refused."""
    need(world, "project", asked["projectId"], "Project")
    if asked["name"].lower() == "production":
        raise bad_request("You cannot create a environment with the name 'production'")
    return new_environment(
        world, asked["projectId"], asked["name"], description=asked.get("description")
    )


@query("environment.one", "environmentId:str+")
def one(world: World, asked: dict[str, Any]) -> Any:
    """The environment; its services come without appName."""
    row = need(world, "environment", asked["environmentId"], "Environment")
    return (
        {name: row[name] for name in (*_SHOWN, "projectId", "env")}
        | service_lists(world, row["environmentId"], "named")
        | {"project": world.store.get("project", row["projectId"])}
    )


@query("environment.byProjectId", "projectId:str")
def by_project(world: World, asked: dict[str, Any]) -> Any:
    """A project's environments, oldest first, with every service's appName."""
    return [
        {name: row[name] for name in _SHOWN}
        | service_lists(world, row["environmentId"], "full")
        | {"project": world.store.get("project", row["projectId"])}
        for row in world.store.where("environment", "projectId", asked["projectId"])
    ]


@mutation(
    "environment.update",
    "environmentId:str+ name:str?+ description:str? projectId:str? env:str?",
)
def update(world: World, asked: dict[str, Any]) -> Any:
    """Change what was given; the default environment keeps its name."""
    environment_id = asked.pop("environmentId")
    row = need(world, "environment", environment_id, "Environment")
    if row["isDefault"] and asked.get("name") not in {None, row["name"]}:
        raise bad_request(
            "Error updating the environment: You cannot rename the default environment",
        )
    if not asked:
        raise server_error("No values to set")
    return world.store.change("environment", environment_id, **asked)


@mutation("environment.remove", "environmentId:str+")
def remove(world: World, asked: dict[str, Any]) -> Any:
    """Remove an empty environment that is not the default one."""
    row = need(world, "environment", asked["environmentId"], "Environment")
    if row["isDefault"]:
        raise bad_request("You cannot delete the default environment")
    if any(services_in(world, row["environmentId"])):
        raise bad_request(
            "Cannot delete environment: it has active services. Delete all services first.",
        )
    return world.store.drop("environment", row["environmentId"])
