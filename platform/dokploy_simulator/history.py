"""Deployment rows and their logs: about ten for an application, older ones vanish."""

from typing import Any, Final

from dokploy_simulator.ground import Ground
from dokploy_simulator.identity import log_stamp, new_id, now_iso
from dokploy_simulator.store import Row

KEPT: Final = 10


def deployment_row(title: str, description: str, log_folder: str, **owner: Any) -> Row:
    """A row of a run that starts now."""
    now = now_iso()
    return {
        "deploymentId": new_id(),
        "title": title,
        "description": description,
        "status": "running",
        "logPath": f"{log_folder}-{log_stamp()}.log",
        "pid": None,
        "applicationId": None,
        "composeId": None,
        "serverId": None,
        "isPreviewDeployment": False,
        "previewDeploymentId": None,
        "createdAt": now,
        "startedAt": now,
        "finishedAt": None,
        "errorMessage": None,
        "scheduleId": None,
        "backupId": None,
        "rollbackId": None,
        "volumeBackupId": None,
        "buildServerId": None,
    } | owner


def start_deployment(
    ground: Ground, owner: Row, title: str, description: str, id_name: str = "applicationId"
) -> Row:
    """Make the row of a run that starts; what is beyond the kept ones goes first."""
    owner_id = owner[id_name]
    for old in newest_first(ground, id_name, owner_id)[KEPT:]:
        drop_deployment(ground, old["deploymentId"])
    name = owner["appName"]
    values = {id_name: owner_id, "serverId": owner.get("serverId")}
    row = deployment_row(title, description, f"/etc/dokploy/logs/{name}/{name}", **values)
    return ground.store.put("deployment", row["deploymentId"], row)


def newest_first(ground: Ground, field: str, owner_id: str) -> list[Row]:
    """Rows of an owner, as the lists show them."""
    return ground.store.where("deployment", field, owner_id)[::-1]


def drop_deployment(ground: Ground, deployment_id: str) -> None:
    """Forget a row, its log and its rollback."""
    row = ground.store.drop("deployment", deployment_id)
    if row and row["rollbackId"]:
        ground.store.drop("rollback", row["rollbackId"])
    ground.store.drop("log", deployment_id)
    ground.store.drop("fact", deployment_id)


def drop_runs(ground: Ground, id_name: str, owner_id: str) -> None:
    """Forget all runs of an owner."""
    for run in newest_first(ground, id_name, owner_id):
        drop_deployment(ground, run["deploymentId"])


def note_fact(ground: Ground, deployment_id: str, **values: Any) -> None:
    """Remember what a run really did; no answer of the API tells it, the control door does."""
    known = ground.store.get("fact", deployment_id) or {"deploymentId": deployment_id}
    ground.store.put("fact", deployment_id, known | values)


def finish_deployment(ground: Ground, deployment_id: str, status: str) -> None:
    """Set the end; nothing happens when the row is gone meanwhile."""
    ground.store.change("deployment", deployment_id, status=status, finishedAt=now_iso())


def append_log(ground: Ground, deployment_id: str, *lines: str) -> None:
    """Write lines to a run's log and keep them, unless the run's row is gone."""
    if ground.store.get("deployment", deployment_id) is None:
        return
    log = ground.store.get("log", deployment_id) or {"lines": []}
    written = [part for line in lines for part in line.split("\n")]
    ground.store.put("log", deployment_id, {"lines": log["lines"] + written})
    ground.store.commit()


def read_log(ground: Ground, deployment_id: str, tail: int) -> str:
    """The last lines of a log, each with its line end."""
    log = ground.store.get("log", deployment_id) or {"lines": []}
    return "".join(f"{line}\n" for line in log["lines"][-tail:])


def drop_schedule(ground: Ground, schedule_id: str) -> None:
    """Forget a schedule with its runs."""
    drop_runs(ground, "scheduleId", schedule_id)
    ground.store.drop("schedule", schedule_id)
