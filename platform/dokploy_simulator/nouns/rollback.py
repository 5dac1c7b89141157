"""Going back to the picture of an earlier deploy."""

from typing import Any

from dokploy_simulator.answers import EMPTY, bad_request
from dokploy_simulator.history import drop_deployment
from dokploy_simulator.rollbacks import roll_back, shown_rollback
from dokploy_simulator.routes import mutation
from dokploy_simulator.world import World


@mutation("rollback.rollback", "rollbackId:str+")
def back(world: World, asked: dict[str, Any]) -> Any:
    """Run what ran then; no deployment row is made and nothing changes on the application."""
    row = world.store.get("rollback", asked["rollbackId"])
    if row is None or world.store.get("application", row["applicationId"]) is None:
        raise bad_request("Error input: Rolling back")
    roll_back(world, row)
    return EMPTY


@mutation("rollback.delete", "rollbackId:str+")
def delete(world: World, asked: dict[str, Any]) -> Any:
    """Forget a rollback, and with it the deployment row it belongs to."""
    row = world.store.get("rollback", asked["rollbackId"])
    if row is None:
        raise bad_request("Error input: Deleting rollback")
    deployment = world.store.get("deployment", row["deploymentId"])
    drop_deployment(world, row["deploymentId"])
    world.store.drop("rollback", row["rollbackId"])
    return (shown_rollback(row) or {}) | {"deployment": deployment}
