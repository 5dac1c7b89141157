"""The table of procedures. A noun's file adds its own with ``query`` and ``mutation``."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from dokploy_simulator.inputs import Field, parse_fields
from dokploy_simulator.world import World

Handler = Callable[[World, dict[str, Any]], Any | Awaitable[Any]]
Teller = Callable[[World, dict[str, Any], Callable[[str], None]], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Procedure:
    """A procedure: its verb, its input and what it does. A handler may be a coroutine."""

    path: str
    verb: str
    fields: tuple[Field, ...]
    handler: Handler


@dataclass(frozen=True, slots=True)
class Subscription:
    """A procedure that tells one line after the other; only the wrapped mount has it."""

    path: str
    fields: tuple[Field, ...]
    teller: Teller


ROUTES: Final[dict[str, Procedure]] = {}
SUBSCRIPTIONS: Final[dict[str, Subscription]] = {}


def query(path: str, fields: str = "") -> Callable[[Handler], Handler]:
    """Register a read, asked by GET."""
    return _register(path, "GET", fields)


def mutation(path: str, fields: str = "") -> Callable[[Handler], Handler]:
    """Register a write, asked by POST."""
    return _register(path, "POST", fields)


def subscription(path: str, fields: str = "") -> Callable[[Teller], Teller]:
    """Register what is told as server-sent events."""

    def keep(teller: Teller) -> Teller:
        SUBSCRIPTIONS[path] = Subscription(path, parse_fields(fields), teller)
        return teller

    return keep


def _register(path: str, verb: str, fields: str) -> Callable[[Handler], Handler]:
    def keep(handler: Handler) -> Handler:
        if path in ROUTES:
            raise ValueError(f"two procedures at {path}")
        ROUTES[path] = Procedure(path, verb, parse_fields(fields), handler)
        return handler

    return keep
