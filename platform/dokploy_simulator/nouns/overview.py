"""The list of everything that runs or might."""

from typing import Any, Final

from dokploy_simulator.backup_run import owner_of
from dokploy_simulator.history import newest_first
from dokploy_simulator.nouns.listing import DATABASES, status_name
from dokploy_simulator.routes import query
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

SHOWN_RUNS: Final = 500


@query("overview.services")
def services(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Every service of the organization with its place and its last deploy."""
    kinds = ("application", *DATABASES, "compose")
    return [_listed(world, kind, row) for kind in kinds for row in world.store.every(kind)]


@query("overview.domains")
def domains(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Every domain that has an owner, with its place."""
    listed = []
    for row in world.store.every("domain"):
        kind = "compose" if row["composeId"] else "application"
        owner = world.store.get(kind, row[f"{kind}Id"])
        if owner is not None:
            names = (
                "domainId", "host", "path", "port", "customEntrypoint", "https",
                "certificateType", "createdAt", "enabled", "domainType",
            )  # fmt: skip
            place = _place(world, owner)
            listed.append(
                {name: row[name] for name in names}
                | {
                    "serviceOwnerId": owner[f"{kind}Id"],
                    "serviceOwnerType": kind,
                    "serviceName": owner["name"],
                }
                | place,
            )
    return listed


@query("overview.backups")
def backups(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """The newest runs of backups and volume backups, whatever they belong to."""
    listed = []
    for run in reversed(world.store.every("deployment")):
        kind = "backup" if run["backupId"] else "volumeBackup"
        row = world.store.get(kind, run[f"{kind}Id"])
        if row is not None:
            listed.append(_backup_run(world, run, kind, row))
    return listed[:SHOWN_RUNS]


def _backup_run(world: World, run: Row, kind: str, row: Row) -> Row:
    found = owner_of(world, row)
    owner_kind, owner = found or ("web-server", {})
    place = _place(world, owner)
    destination = world.store.get("destination", row["destinationId"]) or {}
    return {
        "deploymentId": run["deploymentId"],
        "kind": kind,
        "status": run["status"],
        "createdAt": run["createdAt"],
        "destinationId": row["destinationId"],
        "destinationName": destination.get("name"),
        "databaseType": row.get("databaseType"),
        "serviceType": row.get("serviceType"),
        "backupType": row.get("backupType"),
        "serviceName": owner.get("name"),
        "serviceOwnerId": owner.get(f"{owner_kind}Id"),
        "serviceOwnerType": owner_kind,
        "serverId": owner.get("serverId"),
        "projectId": place["projectId"],
        "environmentId": place["environmentId"],
    }


def _place(world: World, owner: Row) -> Row:
    environment = world.store.get("environment", owner.get("environmentId")) or {}
    project = world.store.get("project", environment.get("projectId")) or {}
    return {
        "projectId": project.get("projectId"),
        "projectName": project.get("name"),
        "environmentId": environment.get("environmentId"),
        "environmentName": environment.get("name"),
    }


def _listed(world: World, kind: str, row: Row) -> Row:
    server = world.store.get("server", row["serverId"])
    owner = "composeId" if kind == "compose" else "applicationId"
    runs = newest_first(world, owner, row[f"{kind}Id"])
    return {
        "id": row[f"{kind}Id"],
        "name": row["name"],
        "appName": row["appName"],
        "status": row[status_name(kind)],
        "createdAt": row["createdAt"],
        "serverId": row["serverId"],
        "serverName": server["name"] if server else None,
        **_place(world, row),
        "icon": row.get("icon"),
        "type": kind,
        "lastDeployAt": runs[0]["createdAt"] if runs else None,
    }
