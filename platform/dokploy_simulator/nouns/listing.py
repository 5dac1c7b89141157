"""Services as projects and environments list them, and searching."""

import re
from collections.abc import Iterable
from typing import Any, Final

from dokploy_simulator.answers import not_found
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

DATABASES: Final = ("mariadb", "mongo", "mysql", "postgres", "redis", "libsql")
_KINDS: Final = (
    {"application": "applications"} | {kind: kind for kind in DATABASES} | {"compose": "compose"}
)
_BRIEF: Final = ("name", "description", "appName", "createdAt", "serverId")


def need(world: World, kind: str, row_id: str, what: str) -> Row:
    """The row, or a 404 that names ``what``."""
    row = world.store.get(kind, row_id)
    if row is None:
        raise not_found(what)
    return row


def services_in(world: World, environment_id: str) -> Iterable[tuple[str, Row]]:
    """Every service of an environment with its kind."""
    for kind in _KINDS:
        for row in world.store.where(kind, "environmentId", environment_id):
            yield kind, row


def service_lists(world: World, environment_id: str, columns: str) -> Row:
    """
    The lists of services of an environment. ``columns``: ``full`` with appName and description,
    ``named`` with name and status, ``least`` with name and status for applications alone.
    """
    lists: Row = {name: [] for name in _KINDS.values()}
    for kind, row in services_in(world, environment_id):
        lists[_KINDS[kind]].append(_listed(world, kind, row, columns))
    return lists


def _listed(world: World, kind: str, row: Row, columns: str) -> Row:
    id_name, status = f"{kind}Id", status_name(kind)
    if columns == "full":
        listed = {name: row[name] for name in (*_BRIEF, status)} | {id_name: row[id_name]}
        if kind in {"application", "compose"}:
            listed["icon"] = row["icon"]
        server = world.store.get("server", row["serverId"])
        return listed | {"server": {"name": server["name"]} if server else None}
    if columns == "least" and kind in DATABASES:
        return {id_name: row[id_name]}
    return {name: row[name] for name in (id_name, "name", status)}


def status_name(kind: str) -> str:
    """The column that says how a service fares."""
    return "composeStatus" if kind == "compose" else "applicationStatus"


def environment_with_project(world: World, environment_id: str) -> Row | None:
    """What every service's answer carries of its place."""
    environment = world.store.get("environment", environment_id)
    if environment is None:
        return None
    return environment | {"project": world.store.get("project", environment["projectId"])}


def search(
    rows: list[Row], asked: dict[str, Any], names: Iterable[str], shown: Iterable[str]
) -> Row:
    """Rows whose text fields hold the asked text, whatever its case; ``%`` and ``_`` are wild."""
    found = rows
    for name in names:
        if asked.get(name):
            found = [row for row in found if _like(row.get(name), asked[name])]
    if asked.get("q"):
        found = [row for row in found if any(_like(row.get(name), asked["q"]) for name in names)]
    if asked.get("environmentId"):
        found = [row for row in found if row["environmentId"] == asked["environmentId"]]
    found = sorted(found, key=lambda row: str(row["createdAt"]), reverse=True)
    start = int(asked["offset"])
    page = found[start : start + int(asked["limit"])]
    return {
        "items": [{name: row[name] for name in shown} for row in page],
        "total": len(found),
    }


def _like(value: Any, wanted: str) -> bool:
    pattern = re.escape(wanted).replace("%", ".*").replace("_", ".")
    return re.search(pattern, str(value or ""), re.IGNORECASE | re.DOTALL) is not None
