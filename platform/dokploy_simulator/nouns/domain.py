"""Domains: rows, and the routes the proxy keeps for them."""

from typing import Any, Final

from dokploy_simulator.answers import bad_request, failed_query
from dokploy_simulator.identity import new_id, new_suffix, now_iso
from dokploy_simulator.names import ADDRESS
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

_OPTIONS: Final = (
    " path:str?~+ port:port?~ customEntrypoint:str?~ https:bool?"
    " certificateType:{letsencrypt,none,custom}? customCertResolver:str?~ serviceName:str?~"
    " domainType:{compose,application,preview}?~ internalPath:str?~ stripPath:bool?"
    " middlewares:list?~ forwardAuthEnabled:bool?"
)


def set_route(world: World, row: Row) -> None:
    """
    Let the proxy know; it keeps the route until the domain or the application is deleted. For a
    compose the routes are labels, and only its next deploy writes them.
    """
    if row["composeId"]:
        return
    application = world.store.get("application", row["applicationId"])
    if application is None or not row["enabled"]:
        world.store.drop("route", row["domainId"])
        return
    world.names.learn(row["host"])
    world.store.put(
        "route",
        row["domainId"],
        {
            "domainId": row["domainId"],
            "host": row["host"].lower(),
            "path": row["path"] or "/",
            "appName": application["appName"],
        },
    )


def _with_owner(world: World, row: Row) -> Row:
    application = world.store.get("application", row["applicationId"])
    names = ("applicationId", "appName", "name")
    shown = application and {name: application[name] for name in names}
    return row | {"application": shown}


@mutation(
    "domain.create",
    "host:host applicationId:str?~ composeId:str?~ previewDeploymentId:str?~" + _OPTIONS,
)
def create(world: World, asked: dict[str, Any]) -> Any:
    """Always a new row: a host may be there already, on this application or another."""
    application_id = asked.get("applicationId")
    if application_id and world.store.get("application", application_id) is None:
        values = {"domainId": new_id()} | asked
        raise bad_request(failed_query("insert into", "domain", values))
    compose_id = asked.get("composeId")
    if compose_id and world.store.get("compose", compose_id) is None:
        raise bad_request(failed_query("insert into", "domain", asked))
    number = world.settings["domainKeys"] + 1
    world.change_settings(domainKeys=number)
    row: Row = {
        "domainId": new_id(),
        "host": asked["host"],
        "https": False,
        "port": 3000,
        "customEntrypoint": None,
        "path": "/",
        "serviceName": None,
        "domainType": "application",
        "uniqueConfigKey": number,
        "createdAt": now_iso(),
        "composeId": None,
        "customCertResolver": None,
        "applicationId": None,
        "previewDeploymentId": None,
        "certificateType": "none",
        "internalPath": "/",
        "stripPath": False,
        "middlewares": [],
        "forwardAuthEnabled": False,
        "enabled": True,
    } | asked
    world.store.put("domain", row["domainId"], row)
    set_route(world, row)
    return row


@query("domain.byApplicationId", "applicationId:str+")
def by_application(world: World, asked: dict[str, Any]) -> Any:
    """An application's domains, oldest first; none for an unknown application."""
    rows = world.store.where("domain", "applicationId", asked["applicationId"])
    return [_with_owner(world, row) for row in rows]


@query("domain.byComposeId", "composeId:str+")
def by_compose(world: World, asked: dict[str, Any]) -> Any:
    """A compose's domains, oldest first."""
    rows = world.store.where("domain", "composeId", asked["composeId"])
    compose = world.store.get("compose", asked["composeId"])
    return [row | {"compose": compose} for row in rows]


@query("domain.one", "domainId:str+")
def one(world: World, asked: dict[str, Any]) -> Any:
    """The row with its owner."""
    return _with_owner(world, need(world, "domain", asked["domainId"], "Domain"))


@mutation("domain.update", "host:host domainId:str enabled:bool?" + _OPTIONS)
def update(world: World, asked: dict[str, Any]) -> Any:
    """Change what was given; the host is needed each time."""
    domain_id = asked.pop("domainId")
    need(world, "domain", domain_id, "Domain")
    row = world.store.change("domain", domain_id, **asked)
    assert row is not None
    set_route(world, row)
    return row


@mutation("domain.toggleEnable", "domainId:str+")
def toggle(world: World, asked: dict[str, Any]) -> Any:
    """Take the route away or bring it back."""
    row = need(world, "domain", asked["domainId"], "Domain")
    changed = world.store.change("domain", row["domainId"], enabled=not row["enabled"])
    assert changed is not None
    set_route(world, changed)
    return changed | {"requiresRedeploy": changed["domainType"] == "compose"}


@mutation("domain.delete", "domainId:str+")
def delete(world: World, asked: dict[str, Any]) -> Any:
    """Remove the row and its route."""
    row = need(world, "domain", asked["domainId"], "Domain")
    world.store.drop("domain", row["domainId"])
    if not row["composeId"]:
        world.store.drop("route", row["domainId"])
    return row


@mutation("domain.generateDomain", "appName:str serverId:str?")
def generate(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """A hostname that needs no DNS record."""
    return f"{asked['appName']}-{new_suffix()}-{ADDRESS.replace('.', '-')}.sslip.io"


@mutation("domain.validateDomain", "domain:str serverIp:str?")
def validate(world: World, asked: dict[str, Any]) -> Any:
    """Whether the A record is there and points at the server."""
    host, wanted = asked["domain"], asked.get("serverIp")
    if not world.names.resolves(host):
        return {"isValid": False, "error": f"queryA ENOTFOUND {host}"}
    if wanted and wanted != ADDRESS:
        error = f"Domain resolves to {ADDRESS} but should point to {wanted}"
        return {"isValid": False, "resolvedIp": ADDRESS, "error": error}
    return {"isValid": True, "resolvedIp": ADDRESS}
