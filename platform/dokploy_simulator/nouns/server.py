"""Remote servers, SSH keys and Git providers: lists that tests may fill by the control door."""

from typing import Any

from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.world import World


@query("server.all")
def servers(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Remote servers."""
    return world.store.every("server")


@mutation("server.updateBuildsConcurrency", "serverId:str+ buildsConcurrency:slots")
def concurrency(world: World, asked: dict[str, Any]) -> Any:
    """How many builds may run at a time on that server."""
    need(world, "server", asked["serverId"], "Server")
    world.store.change(
        "server",
        asked["serverId"],
        buildsConcurrency=asked["buildsConcurrency"],
    )
    return True


@query("sshKey.all")
def ssh_keys(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """SSH keys."""
    return world.store.every("sshKey")


@query("gitProvider.getAll")
def providers(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Git providers."""
    return world.store.every("gitProvider")


@query("github.githubProviders")
def github(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Git providers of GitHub."""
    rows = world.store.every("gitProvider")
    return [row for row in rows if row.get("providerType") == "github"]
