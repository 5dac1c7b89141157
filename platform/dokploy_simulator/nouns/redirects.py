"""Redirects of applications; the proxy follows them on every router of the application."""

from typing import Any

from dokploy_simulator.answers import bad_request
from dokploy_simulator.identity import new_id, now_iso
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.world import World


@mutation("redirects.create", "regex:str+ replacement:str+ permanent:bool applicationId:str")
def create(world: World, asked: dict[str, Any]) -> Any:
    """A row nobody is told the id of; it is read from application.one."""
    if world.store.get("application", asked["applicationId"]) is None:
        raise bad_request("Error creating this redirect")
    number = int(world.settings.get("redirectKeys", 0)) + 1
    world.change_settings(redirectKeys=number)
    row = {
        "redirectId": new_id(),
        "regex": asked["regex"],
        "replacement": asked["replacement"],
        "permanent": asked["permanent"],
        "uniqueConfigKey": number,
        "createdAt": now_iso(),
        "applicationId": asked["applicationId"],
    }
    world.store.put("redirect", row["redirectId"], row)
    return True


@query("redirects.one", "redirectId:str+")
def one(world: World, asked: dict[str, Any]) -> Any:
    """The row."""
    return need(world, "redirect", asked["redirectId"], "Redirect")


@mutation("redirects.update", "redirectId:str+ regex:str+ replacement:str+ permanent:bool")
def update(world: World, asked: dict[str, Any]) -> Any:
    """Change a row; every field is needed each time."""
    redirect_id = asked.pop("redirectId")
    need(world, "redirect", redirect_id, "Redirect")
    return world.store.change("redirect", redirect_id, **asked)


@mutation("redirects.delete", "redirectId:str+")
def delete(world: World, asked: dict[str, Any]) -> Any:
    """Forget a row."""
    need(world, "redirect", asked["redirectId"], "Redirect")
    return world.store.drop("redirect", asked["redirectId"])
