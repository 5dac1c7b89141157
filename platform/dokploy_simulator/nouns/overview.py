"""The list of everything that runs or might."""

from typing import Any

from dokploy_simulator.history import newest_first
from dokploy_simulator.nouns.listing import DATABASES
from dokploy_simulator.routes import query
from dokploy_simulator.store import Row
from dokploy_simulator.world import World


@query("overview.services")
def services(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Every service of the organization with its place and its last deploy."""
    kinds = ("application", *DATABASES)
    return [_listed(world, kind, row) for kind in kinds for row in world.store.every(kind)]


def _listed(world: World, kind: str, row: Row) -> Row:
    environment = world.store.get("environment", row["environmentId"]) or {}
    project = world.store.get("project", environment.get("projectId")) or {}
    server = world.store.get("server", row["serverId"])
    runs = newest_first(world, "applicationId", row[f"{kind}Id"])
    return {
        "id": row[f"{kind}Id"],
        "name": row["name"],
        "appName": row["appName"],
        "status": row["applicationStatus"],
        "createdAt": row["createdAt"],
        "serverId": row["serverId"],
        "serverName": server["name"] if server else None,
        "projectId": project.get("projectId"),
        "projectName": project.get("name"),
        "environmentId": row["environmentId"],
        "environmentName": environment.get("name"),
        "icon": row.get("icon"),
        "type": kind,
        "lastDeployAt": runs[0]["createdAt"] if runs else None,
    }
