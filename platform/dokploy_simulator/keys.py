"""
API keys. The one from the options has no limits; tests add others by the control door.

Each request checks its key twice, so a limit of ten is used up by five requests.
"""

from typing import Any, Final

from dokploy_simulator.answers import ApiErrorAnswer, bad_request
from dokploy_simulator.world import World

CHECKS: Final = 2
ROLES: Final = ("owner", "member", "stranger")
_OWN_ROWS: Final = ("one", "create", "delete", "remove")


class KeyRefusedError(Exception):
    """401 without a code: missing, wrong, expired and exhausted keys look alike."""


def add_key(world: World, key: str, role: str, limit: int | None) -> None:
    """Make another key known. ``limit`` counts checks, not requests."""
    if role not in ROLES:
        raise ValueError(f"role must be one of {', '.join(ROLES)}")
    world.store.put("key", key, {"role": role, "limit": limit, "used": 0})


def check_key(world: World, key: str | None) -> str:
    """
    The role behind a key. Raises KeyRefusedError, or ApiErrorAnswer where the limit runs out
    between the two checks of one request.
    """
    if key == world.options.api_key:
        return "owner"
    row = world.store.get("key", key)
    if key is None or row is None:
        raise KeyRefusedError
    limit = row["limit"]
    if limit is None:
        return str(row["role"])
    if row["used"] >= limit:
        raise KeyRefusedError
    world.store.change("key", key, used=row["used"] + CHECKS)
    world.store.commit()
    if row["used"] + CHECKS > limit:
        raise ApiErrorAnswer("UNAUTHORIZED", "UNAUTHORIZED")
    return str(row["role"])


def check_role(role: str, path: str, asked: dict[str, Any]) -> None:
    """Refuse what the key's owner may not do. Raises ApiErrorAnswer."""
    noun, _, verb = path.partition(".")
    if role == "owner":
        return
    if role == "member":
        if path == "project.create":
            raise bad_request(
                'Error creating the project: unauthorized to access resource "project"',
            )
        if asked:
            raise ApiErrorAnswer("UNAUTHORIZED", "You don't have access to this service")
        return
    if verb in _OWN_ROWS and noun in {"application", "project"}:
        what = "project" if verb == "create" else noun
        act = "delete" if verb == "delete" else "access"
        raise ApiErrorAnswer("UNAUTHORIZED", f"You are not authorized to {act} this {what}")
