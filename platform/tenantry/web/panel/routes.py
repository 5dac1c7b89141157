"""Flask-Admin's decorators, with types: its own have none."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import flask_admin
from flask_admin import actions

F = TypeVar("F", bound=Callable[..., Any])


def expose(url: str, methods: Iterable[str] = ("GET",)) -> Callable[[F], F]:
    """A method of a view becomes a page below the view's address."""
    return cast("Callable[[F], F]", flask_admin.expose(url, tuple(methods)))


def action(name: str, text: str) -> Callable[[F], F]:
    """A method of a view becomes an action on ticked rows."""
    return cast("Callable[[F], F]", actions.action(name, text))
