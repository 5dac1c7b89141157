"""What commands may ask for: `app` hands over something of this shape."""

import getpass
from collections.abc import Callable
from typing import Any, Protocol

import click
from celery import Celery
from flask import Flask
from sqlalchemy import Engine

from tenantry.config import Settings
from tenantry.engine.drift import Auditor
from tenantry.engine.watchdog import Watchdog
from tenantry.operations.actors import Actor
from tenantry.operations.desk import Desk
from tenantry.ports import Ports
from tenantry.watching.prober import Prober


class Shop(Protocol):
    """Each part is built when it is first asked for."""

    @property
    def settings(self) -> Settings:
        """Checked settings."""

    @property
    def engine(self) -> Engine:
        """The database."""

    @property
    def desk(self) -> Desk:
        """Operations."""

    @property
    def ports(self) -> Ports:
        """The outside world."""

    @property
    def celery(self) -> Celery:
        """The Celery application."""

    @property
    def watchdog(self) -> Watchdog:
        """Repairs."""

    @property
    def auditor(self) -> Auditor:
        """Looks for drift."""

    @property
    def prober(self) -> Prober:
        """Watches what was deployed."""

    @property
    def application(self) -> Flask:
        """The panel."""

    def add_staff(self, email: str, role: str, password: str | None) -> tuple[bool, str | None]:
        """Adds or changes a member of staff; the second is a password that was made up."""


pass_shop: Callable[[Callable[..., Any]], Callable[..., Any]] = click.pass_obj


def me() -> Actor:
    """Whoever runs the command."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = "unknown"
    return Actor(f"cli:{name}")
