"""Image registries."""

from typing import Any, Final

from dokploy_simulator.answers import bad_request
from dokploy_simulator.identity import new_id, now_iso
from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.world import World

_TEST: Final = (
    "registryName:str? username:str+ password:str+ registryUrl:str registryType:{cloud}"
    " imagePrefix:str?~ serverId:str?"
)


@mutation(
    "registry.create",
    "registryName:str+ username:str+ password:str+ registryUrl:str registryType:{cloud}"
    " imagePrefix:str~! serverId:str?",
)
def create(world: World, asked: dict[str, Any]) -> Any:
    """Always a new registry; the answer has the password in clear."""
    names = ("registryName", "imagePrefix", "username", "password", "registryUrl")
    row = (
        {"registryId": new_id()}
        | {name: asked[name] for name in names}
        | {
            "createdAt": now_iso(),
            "registryType": asked["registryType"],
            "organizationId": world.organization_id,
        }
    )
    return world.store.put("registry", row["registryId"], row)


@query("registry.all")
def every(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """All registries, passwords in clear."""
    return world.store.every("registry")


@query("registry.one", "registryId:str+")
def one(world: World, asked: dict[str, Any]) -> Any:
    """One registry without its password."""
    row = need(world, "registry", asked["registryId"], "Registry")
    return {name: value for name, value in row.items() if name != "password"}


@mutation("registry.remove", "registryId:str+")
def remove(world: World, asked: dict[str, Any]) -> Any:
    """Forget a registry; applications that named it name none."""
    row = need(world, "registry", asked["registryId"], "Registry")
    world.store.drop("registry", row["registryId"])
    for application in world.store.every("application"):
        if application["rollbackRegistryId"] == row["registryId"]:
            world.store.change("application", application["applicationId"], rollbackRegistryId=None)
    return row


@mutation("registry.testRegistry", _TEST)
def test(world: World, asked: dict[str, Any]) -> Any:
    """Log in. A test refuses it by the control door, as it refuses a destination."""
    refusal = world.store.get("refusal", asked["registryUrl"])
    if refusal is not None:
        raise bad_request(
            f"Command failed: docker login {asked['registryUrl']} --username {asked['username']}"
            f" --password-stdin\nError response from daemon: {refusal['reason']}\n",
        )
    return True
