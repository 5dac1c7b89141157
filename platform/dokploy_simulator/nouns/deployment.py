"""Deployment rows, their logs and the queue."""

from typing import Any

from dokploy_simulator.answers import bad_request
from dokploy_simulator.history import drop_deployment, newest_first, read_log
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.rollbacks import shown_rollback
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

_KINDS = "{application,compose,server,schedule,previewDeployment,backup,volumeBackup}"
_OWNERS = {
    "application": "applicationId",
    "compose": "composeId",
    "schedule": "scheduleId",
    "backup": "backupId",
    "volumeBackup": "volumeBackupId",
}


@query("deployment.all", "applicationId:str+")
def every(world: World, asked: dict[str, Any]) -> Any:
    """An application's runs, newest first; none for an unknown application."""
    return newest_first(world, "applicationId", asked["applicationId"])


@query("deployment.allByType", f"id:str+ type:{_KINDS}")
def by_type(world: World, asked: dict[str, Any]) -> Any:
    """The runs of anything that has runs."""
    owner = _OWNERS.get(asked["type"])
    rows = newest_first(world, owner, asked["id"]) if owner else []
    return [
        row | {"rollback": shown_rollback(world.store.get("rollback", row["rollbackId"]))}
        for row in rows
    ]


@query("deployment.allByCompose", "composeId:str+")
def by_compose(world: World, asked: dict[str, Any]) -> Any:
    """A compose's runs, newest first; none for an unknown one."""
    return newest_first(world, "composeId", asked["composeId"])


@query("deployment.allCentralized")
def centralized(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """All applications' runs, newest first, each with its place."""
    rows = [row for row in world.store.every("deployment") if row["applicationId"]]
    placed = [_placed(world, row) for row in reversed(rows)]
    return [row for row in placed if row["application"]]


def _placed(world: World, row: Row) -> Row:
    application = world.store.get("application", row["applicationId"])
    place: Row | None = None
    if application:
        environment = world.store.get("environment", application["environmentId"]) or {}
        project = world.store.get("project", environment.get("projectId")) or {}
        place = {name: application[name] for name in ("applicationId", "name", "appName", "icon")}
        place["environment"] = {
            "environmentId": environment.get("environmentId"),
            "name": environment.get("name"),
            "project": {"projectId": project.get("projectId"), "name": project.get("name")},
        }
        place |= {"server": None, "buildServer": None}
    return row | {"application": place, "compose": None, "server": None, "buildServer": None}


@query("deployment.queueList")
def queue_list(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Waiting and active jobs of everybody, newest first."""
    return world.queue.listing()


@query("deployment.readLogs", "deploymentId:str+ tail:tail")
def read_logs(world: World, asked: dict[str, Any]) -> Any:
    """The end of a run's log as one text."""
    need(world, "deployment", asked["deploymentId"], "Deployment")
    return read_log(world, asked["deploymentId"], int(asked["tail"]))


@mutation("deployment.killProcess", "deploymentId:str+")
def kill_process(world: World, asked: dict[str, Any]) -> Any:
    """A build has no process id, so there is nothing to kill."""
    need(world, "deployment", asked["deploymentId"], "Deployment")
    raise bad_request("Deployment is not running")


@mutation("deployment.removeDeployment", "deploymentId:str+")
def remove(world: World, asked: dict[str, Any]) -> Any:
    """Forget a run and its log."""
    row = need(world, "deployment", asked["deploymentId"], "Deployment")
    drop_deployment(world, row["deploymentId"])
    return row
