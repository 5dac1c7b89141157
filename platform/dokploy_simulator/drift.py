"""Changes by somebody else's hand: in Dokploy's own panel, or at the engine behind it."""

from typing import Any, Final

from dokploy_simulator import nouns
from dokploy_simulator.nouns import domain, project
from dokploy_simulator.nouns.listing import DATABASES
from dokploy_simulator.routes import ROUTES
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

_REMOVALS: Final = {
    "application": "delete",
    "compose": "delete",
    "domain": "delete",
} | dict.fromkeys(DATABASES, "remove")
assert nouns.__all__  # the import above filled the table of procedures


def drift(world: World, asked: Row) -> Any:
    """
    ``{"kind": "application", "id": …, "fields": {…}}`` changes a row; ``"delete": true`` deletes
    it as the panel does, ``"delete": "row"`` the row alone. ``{"kind": …, "add": {…}}`` makes
    one. ``kind`` "service" is the engine's own: ``id`` is the service's name, ``fields`` may be
    ``replicas``, ``image``, ``env`` (lines), ``args``, ``limits``, ``crashes``.
    """
    kind = asked["kind"]
    if "add" in asked:
        return _add(world, kind, asked["add"])
    if kind == "service":
        return _service(world, asked)
    id_name = f"{kind}Id"
    row = world.store.get(kind, asked["id"])
    if row is None:
        raise KeyError(asked["id"])
    if asked.get("delete"):
        return _delete(world, kind, row, whole=asked["delete"] != "row")
    changed = world.store.change(kind, row[id_name], **asked["fields"]) or row
    if kind == "domain":
        domain.set_route(world, changed)
    return changed


def _add(world: World, kind: str, fields: Row) -> Any:
    """The panel makes rows as the API does."""
    procedure = ROUTES[f"{kind}.create"]
    made: Any = procedure.handler(world, dict(fields))
    if kind == "application" and "dockerImage" in fields:
        values = {"dockerImage": fields["dockerImage"], "sourceType": "docker"}
        world.store.change("application", made["applicationId"], **values)
    return made if isinstance(made, dict) else {"made": made}


def _delete(world: World, kind: str, row: Row, *, whole: bool) -> Any:
    id_name = f"{kind}Id"
    if whole and kind in _REMOVALS:
        told = {id_name: row[id_name], "deleteVolumes": False}
        ROUTES[f"{kind}.{_REMOVALS[kind]}"].handler(world, told)
    elif whole and kind == "project":
        project.remove(world, {id_name: row[id_name]})
    else:
        world.store.drop(kind, row[id_name])
        world.store.drop("route", row[id_name])
    return {"deleted": row[id_name]}


def _service(world: World, asked: Row) -> Any:
    name = asked["id"]
    if world.engine.service(name) is None:
        raise KeyError(name)
    if asked.get("delete"):
        world.engine.remove(name)
        return {"deleted": name}
    fields = dict(asked["fields"])
    replicas = fields.pop("replicas", None)
    if replicas is not None:
        world.engine.scale(name, int(replicas))
    if fields:
        world.engine.change_version(name, **fields)
    return world.engine.service(name)
