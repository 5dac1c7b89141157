"""Mounts of services."""

from typing import Any

from dokploy_simulator.nouns.listing import need
from dokploy_simulator.routes import mutation, query
from dokploy_simulator.rows import mount_row, shown_mount
from dokploy_simulator.world import World

_OWNERS = "{application,postgres,mysql,mariadb,mongo,redis,compose,libsql}"


@mutation(
    "mounts.create",
    "type:{bind,volume,file} hostPath:str?~ volumeName:str?~ content:str?~ mountPath:str+"
    f" filePath:str?~ serviceType:{_OWNERS}? serviceId:str+",
)
def create(world: World, asked: dict[str, Any]) -> Any:
    """A row; without ``serviceType`` it belongs to nothing."""
    service_type = asked.pop("serviceType", None)
    service_id = asked.pop("serviceId")
    row = mount_row(service_type or "application", service_id if service_type else None, **asked)
    world.store.put("mount", row["mountId"], row)
    return shown_mount(row)


@query("mounts.listByServiceId", "serviceType:str+ serviceId:str+")
def by_service(world: World, asked: dict[str, Any]) -> Any:
    """A service's mounts."""
    rows = world.store.where("mount", "serviceId", asked["serviceId"])
    return [shown_mount(row) for row in rows if row["serviceType"] == asked["serviceType"]]


@mutation("mounts.remove", "mountId:str")
def remove(world: World, asked: dict[str, Any]) -> Any:
    """Forget a mount; its volume stays."""
    row = need(world, "mount", asked["mountId"], "Mount")
    world.store.drop("mount", row["mountId"])
    return shown_mount(row)
