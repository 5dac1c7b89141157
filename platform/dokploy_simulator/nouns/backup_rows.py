"""Backups as services carry them."""

from dokploy_simulator.history import newest_first
from dokploy_simulator.store import Row
from dokploy_simulator.world import World

_SECRETS = ("accessKey", "secretAccessKey")


def open_destination(world: World, destination_id: str) -> Row | None:
    """A destination without its keys."""
    row = world.store.get("destination", destination_id)
    return row and {name: value for name, value in row.items() if name not in _SECRETS}


def shown_backups(world: World, kind: str, owner_id: str) -> list[Row]:
    """The backups of a service with their destination and runs."""
    return [
        row
        | {
            "destination": open_destination(world, row["destinationId"]),
            "deployments": newest_first(world, "backupId", row["backupId"])[::-1],
        }
        for row in world.store.where("backup", f"{kind}Id", owner_id)
    ]
