"""What create_web was handed, found again from any request."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from flask import Flask, current_app

from tenantry.operations.desk import Desk

KEY = "tenantry"


@dataclass(frozen=True, slots=True)
class Door:
    """The desk behind this door; `resting` is True shortly after the broker failed."""

    desk: Desk
    resting: Callable[[], bool]


def open_door(app: Flask, desk: Desk, resting: Callable[[], bool]) -> None:
    """Remembers both on the application; no module-level state."""
    app.extensions[KEY] = Door(desk, resting)


def door() -> Door:
    """The door of the current application."""
    return cast("Door", current_app.extensions[KEY])


def desk_of(app: Flask) -> Desk:
    """The desk of an application, without a request."""
    return cast("Door", app.extensions[KEY]).desk


def desk() -> Desk:
    """The desk of the current application."""
    return door().desk
