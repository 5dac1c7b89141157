"""The server itself: version, health and how many builds run at a time."""

from typing import Any, Final

from dokploy_simulator.routes import mutation, query
from dokploy_simulator.world import World

VERSION: Final = "v0.30.2"


@query("settings.getDokployVersion")
def version(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """The version this simulator follows."""
    return VERSION


@query("settings.health")
def health(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """The process and its database answer."""
    return {"status": "ok"}


@query("settings.checkInfrastructureHealth")
def infrastructure(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Database and proxy."""
    return {"postgres": {"status": "healthy"}, "traefik": {"status": "healthy"}}


@query("settings.getIp")
def own_address(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """No public address is set."""
    return ""


@query("settings.getWebServerSettings")
def web_server(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """The web server's settings; few of them have a meaning here."""
    settings = world.settings
    return {
        "id": settings["organizationId"],
        "serverIp": None,
        "certificateType": "none",
        "https": False,
        "host": None,
        "letsEncryptEmail": None,
        "sshPrivateKey": None,
        "enableDockerCleanup": settings["enableDockerCleanup"],
        "logCleanupCron": "0 0 * * *",
        "metricsConfig": {},
        "whitelabelingConfig": {},
        "remoteServersOnly": False,
        "buildsConcurrency": settings["buildsConcurrency"],
        "enforceSSO": False,
        "cleanupCacheApplications": False,
        "cleanupCacheOnPreviews": False,
        "cleanupCacheOnCompose": False,
        "createdAt": settings["createdAt"],
        "updatedAt": settings["createdAt"],
    }


@mutation("settings.updateBuildsConcurrency", "buildsConcurrency:slots")
def concurrency(world: World, asked: dict[str, Any]) -> Any:
    """How many builds may run at a time."""
    world.change_settings(buildsConcurrency=asked["buildsConcurrency"])
    world.queue.refill()
    return True


@mutation("settings.cleanUnusedImages", "serverId:str?")
def clean_images(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Every image no running service uses goes, those of stopped services too."""
    world.engine.clean_images()
    return True


@mutation("settings.cleanUnusedVolumes", "serverId:str?")
def clean_volumes(world: World, asked: dict[str, Any]) -> Any:  # noqa: ARG001 - a handler's shape
    """Every volume no running service has goes, data and all."""
    world.engine.volumes.clean()
    return True
