"""An engine that does not answer: a read of it is an empty list then, with 200."""

import functools
from collections.abc import Callable
from typing import Any

from dokploy_simulator.world import World

Read = Callable[[World, dict[str, Any]], Any]


def is_silent(world: World) -> bool:
    """Whether a test made the engine silent."""
    return bool(world.settings.get("nodeSilent"))


def unless_silent(read: Read) -> Read:
    """The read, or ``[]`` for whatever went wrong with the engine."""

    @functools.wraps(read)
    def told(world: World, asked: dict[str, Any]) -> Any:
        return [] if is_silent(world) else read(world, asked)

    return told
