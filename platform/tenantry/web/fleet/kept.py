"""Figures that nobody needs fresher than some seconds: worked out once in a while and process."""

from collections.abc import Callable
from threading import Lock
from typing import Any, TypeVar

from flask import current_app

from tenantry.clock import monotonic

T = TypeVar("T")
KEY = "tenantry.kept"
SECONDS = 20.0


class _Shelf:
    """What was worked out, by name, with its time."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.rows: dict[str, tuple[float, Any]] = {}


def kept(name: str, make: Callable[[], T]) -> T:
    """
    The value of that name, at most 20 s old; made by the caller where there is none.

    Two that come at once may both make it: nobody waits for anybody.
    """
    shelf: _Shelf = current_app.extensions.setdefault(KEY, _Shelf())
    with shelf.lock:
        at, value = shelf.rows.get(name, (-SECONDS, None))
    if monotonic() - at < SECONDS:
        return value  # type: ignore[no-any-return]
    made = make()
    with shelf.lock:
        shelf.rows[name] = (monotonic(), made)
    return made
