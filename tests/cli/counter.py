"""A Shop made of the parts of a stage, and a counter at which commands are asked for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from click.testing import CliRunner, Result
from sqlalchemy import Engine

from tenantry.cli import commands
from tenantry.config import Settings
from tenantry.engine.drift import Auditor
from tenantry.engine.watchdog import Watchdog
from tenantry.operations import pending
from tenantry.operations.desk import Desk
from tenantry.ports import Ports
from tests.stage import Stage


@dataclass
class SmallShop:
    """cli.Shop over a stage; `settings_of` may raise, as checked settings do."""

    stage: Stage
    settings_of: Callable[[], Settings] | None = None
    staff: list[tuple[str, str, str | None]] = field(default_factory=list)
    celery: Any = None
    application: Any = None

    @property
    def settings(self) -> Settings:
        return self.settings_of() if self.settings_of else self.stage.settings

    @property
    def engine(self) -> Engine:
        return self.stage.engine

    @property
    def desk(self) -> Desk:
        return self.stage.desk

    @property
    def ports(self) -> Ports:
        return self.stage.ports

    @property
    def auditor(self) -> Auditor:
        wanted = pending.wanted_by(self.stage.desk.sessions, self.stage.desk.secrets)
        return Auditor(self.engine, self.ports, wanted)

    @property
    def watchdog(self) -> Watchdog:
        return self.stage.watchdog

    def add_staff(self, email: str, role: str, password: str | None) -> tuple[bool, str | None]:
        self.staff.append((email, role, password))
        return True, None if password else "made-up-password"


@dataclass
class Counter:
    """Commands against one shop."""

    shop: SmallShop

    def ask(self, *words: str, typed: str | None = None) -> Result:
        """Runs a command; whatever ends it must be an exit, never a traceback."""
        done = CliRunner().invoke(commands, list(words), obj=self.shop, input=typed)
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        assert "Traceback" not in done.output
        return done

    def refuses(self, code: int, *words: str, typed: str | None = None) -> str:
        """What it says when it ends with this code."""
        done = self.ask(*words, typed=typed)
        assert done.exit_code == code, done.output
        return done.output

    def does(self, *words: str, typed: str | None = None) -> str:
        """What it says when all is well."""
        return self.refuses(0, *words, typed=typed)
