"""Schedules: rows and runs by hand. They fire when a test asks for it by the control door."""

from typing import Any

from dokploy_simulator import durations
from dokploy_simulator.history import (
    append_log,
    drop_schedule,
    finish_deployment,
    newest_first,
    start_deployment,
)
from dokploy_simulator.identity import app_name, new_id, now_iso
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

_TYPES = "{application,compose,server,dokploy-server}"
_FIELDS = (
    " name:str description:str?~ cronExpression:str appName:str? serviceName:str?~"
    f" shellType:{{bash,sh}}? scheduleType:{_TYPES}? command:str script:str?~ applicationId:str?~"
    " composeId:str?~ serverId:str?~ organizationId:str?~ enabled:bool? timezone:str?~"
    " createdAt:str?"
)
_OWNER_FIELDS = {"application": "applicationId", "compose": "composeId", "server": "serverId"}


@mutation("schedule.create", "scheduleId:str?" + _FIELDS)
def create(world: World, asked: dict[str, Any]) -> Any:
    """Always a new row."""
    row: Row = {
        "scheduleId": new_id(),
        "name": None,
        "description": None,
        "cronExpression": None,
        "appName": app_name("schedule", None),
        "serviceName": None,
        "shellType": "bash",
        "scheduleType": "application",
        "command": None,
        "script": None,
        "applicationId": None,
        "composeId": None,
        "serverId": None,
        "organizationId": None,
        "enabled": True,
        "timezone": None,
        "createdAt": now_iso(),
    } | {name: value for name, value in asked.items() if name != "scheduleId"}
    world.store.put("schedule", row["scheduleId"], row)
    world.clock.arm("schedule", row)
    return row


@query("schedule.list", f"id:str scheduleType:{_TYPES}")
def every(world: World, asked: dict[str, Any]) -> Any:
    """The schedules of one owner with their runs."""
    kind = asked["scheduleType"]
    field = _OWNER_FIELDS.get(kind)
    if field in {"applicationId", "composeId"}:
        rows = world.store.where("schedule", field, asked["id"])
    else:
        rows = world.store.every("schedule")
    return [
        _with_runs(world, row)
        for row in rows
        if row["scheduleType"] == kind and (field is None or row[field] == asked["id"])
    ]


def _with_runs(world: World, row: Row) -> Row:
    application = world.store.get("application", row["applicationId"])
    names = ("applicationId", "appName", "name", "serverId")
    return row | {
        "application": {name: application[name] for name in names} if application else None,
        "server": world.store.get("server", row["serverId"]),
        "compose": world.store.get("compose", row["composeId"]),
        "deployments": newest_first(world, "scheduleId", row["scheduleId"]),
    }


@query("schedule.one", "scheduleId:str")
def one(world: World, asked: dict[str, Any]) -> Any:
    """The row with its runs."""
    return _with_runs(world, need(world, "schedule", asked["scheduleId"], "Schedule"))


@mutation("schedule.update", "scheduleId:str+" + _FIELDS)
def update(world: World, asked: dict[str, Any]) -> Any:
    """Change a row; name, cron and command are needed each time."""
    schedule_id = asked.pop("scheduleId")
    need(world, "schedule", schedule_id, "Schedule")
    row = world.store.change("schedule", schedule_id, **asked) or {}
    world.clock.arm("schedule", row)
    return row


@mutation("schedule.delete", "scheduleId:str")
def delete(world: World, asked: dict[str, Any]) -> Any:
    """Forget a row and its runs, and stop what was armed."""
    need(world, "schedule", asked["scheduleId"], "Schedule")
    world.clock.disarm(asked["scheduleId"])
    drop_schedule(world, asked["scheduleId"])
    return True


@mutation("schedule.runManually", "scheduleId:str+")
async def run_manually(world: World, asked: dict[str, Any]) -> Any:
    """Run now and wait; a stopped application gives 200 with the status error."""
    row = need(world, "schedule", asked["scheduleId"], "Schedule")
    run = await run_schedule(world, row)
    return {name: run[name] for name in ("status", "deploymentId", "logPath")}


async def run_schedule(world: World, row: Row) -> Row:
    """Run a schedule to its end; the row of the run."""
    run = start_deployment(world, row, "Schedule", "Schedule", "scheduleId")
    run_id = run["deploymentId"]
    world.store.commit()
    await world.passes(durations.SCHEDULE_RUN)
    service = _service(world, row)
    runs = service is None or world.engine.running(service) > 0
    fails = not runs or "fail" in row["command"]
    said = "❌ No running container found" if not runs else f"$ {row['command']}"
    append_log(world, run_id, "Initializing schedule", said)
    finish_deployment(world, run_id, "error" if fails else "done")
    return world.store.get("deployment", run_id) or run


def _service(world: World, row: Row) -> str | None:
    """The engine's name of what a command runs in; None for the host."""
    for kind in ("application", "compose"):
        owner = world.store.get(kind, row[f"{kind}Id"])
        if owner is not None:
            part = f"_{row['serviceName']}" if kind == "compose" else ""
            return f"{owner['appName']}{part}"
    return None
