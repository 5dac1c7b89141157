"""
The only place where the parts meet: settings, engine, ports, doors.

`application` (Flask) and `celery` are built when they are first asked for, so that importing this
module needs no settings: `gunicorn tenantry.app:application`, `celery -A tenantry.app:celery`.
"""

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import structlog
from alembic import command
from celery import Celery
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import sessionmaker

from tenantry.adapters.certificates import TlsCertificates
from tenantry.adapters.dns import DnsResolver
from tenantry.adapters.dokploy import DokployTargets
from tenantry.adapters.mailer import SmtpMailer
from tenantry.adapters.vault import Vault
from tenantry.adapters.web import OutboundWeb
from tenantry.adapters.wire import send_until
from tenantry.config import Settings, load, with_env_file
from tenantry.engine.dispatch import Dispatcher, Send
from tenantry.engine.drift import Auditor
from tenantry.engine.reconcile import Reconciler
from tenantry.engine.runner import Runner, no_hook
from tenantry.engine.store import open_engine
from tenantry.engine.watchdog import Watchdog
from tenantry.journal import Redactor
from tenantry.memory import keep_for_good
from tenantry.operations import pending
from tenantry.operations.desk import Desk
from tenantry.operations.housekeeping import Housekeeper
from tenantry.ports import Ports, Resolver, SecretStore
from tenantry.steps import HANDLERS
from tenantry.tasks import BackgroundSender, make_celery, queue_lengths, sender
from tenantry.watching.prober import Prober

WORKER_POOL = 48
WEB_POOL = 16
PROBER_POOL = 8


class Workshop:
    """
    Builds each part once, on demand, from one environment.

    A process asks for what it needs: a worker never builds the panel, the CLI never a runner.
    """

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._lock = threading.RLock()
        self._runner: tuple[int, Runner] | None = None
        self.hook: Callable[[str], None] = no_hook

    @cached_property
    def settings(self) -> Settings:
        """Checked settings; SettingsInvalid lists every problem."""
        return load(self._environ)

    @cached_property
    def engine(self) -> Engine:
        """The database."""
        return open_engine(self.settings.database_url, pool=WORKER_POOL, ping=False)

    @cached_property
    def vault(self) -> SecretStore:
        """Seals and opens secrets."""
        return Vault(self.settings.key_ring)

    @cached_property
    def resolver(self) -> Resolver:
        """The real DNS."""
        outbound, times = self.settings.outbound, self.settings.times
        return DnsResolver(outbound.resolvers, lifetime=times.dns)

    @cached_property
    def ports(self) -> Ports:
        """The outside world."""
        return build_ports(self.settings, self.vault)

    @cached_property
    def celery(self) -> Celery:
        """The Celery application; its tasks ask for a runner in the worker."""
        return make_celery(
            self.settings.redis_url,
            lambda: self.runner,
            lambda: self.reconciler,
            lambda: self.housekeeper,
            lambda: self.auditor,
        )

    @cached_property
    def send(self) -> Send:
        """Sends chains at once."""
        return sender(self.celery)

    @cached_property
    def dispatcher(self) -> Dispatcher:
        """Publishes from workers, watchdog and commands."""
        return Dispatcher(self.engine, self.send)

    @cached_property
    def desk(self) -> Desk:
        """Operations for commands."""
        return self._desk(self.dispatcher, self.engine)

    def _desk(self, dispatcher: Dispatcher, engine: Engine) -> Desk:
        sessions = sessionmaker(engine, expire_on_commit=False)
        return Desk(
            self.settings,
            engine,
            sessions,
            self.vault,
            dispatcher,
            self.resolver,
            lambda target: self.ports.target(target).destinations(),
        )

    @property
    def runner(self) -> Runner:
        """One for each process: a forked child must not share its parent's connections."""
        with self._lock:
            if self._runner is None or self._runner[0] != os.getpid():
                if self._runner is not None:
                    self.engine.dispose(close=False)
                    del self.ports
                self._runner = (os.getpid(), self._make_runner())
            return self._runner[1]

    def _make_runner(self) -> Runner:
        settings = self.settings
        return Runner(
            engine=self.engine,
            ports=self.ports,
            handlers=HANDLERS,
            times=settings.times,
            dispatcher=self.dispatcher,
            owner=f"{socket.gethostname()}:{os.getpid()}",
            public_url=settings.public_url,
            always_secret=known_secrets(settings),
            addresses={target.name: target.addresses for target in settings.targets},
            at=self.hook,
        )

    @property
    def reconciler(self) -> Reconciler:
        """Compares targets with rows, with the connections of this process's runner."""
        return Reconciler(self.engine, self.runner.ports, self.settings.times)

    @property
    def auditor(self) -> Auditor:
        """Looks for drift, with the connections of this process's runner."""
        ports, engine = self.runner.ports, self.runner.engine
        sessions = sessionmaker(engine, expire_on_commit=False)
        return Auditor(engine, ports, pending.wanted_by(sessions, self.vault))

    @property
    def housekeeper(self) -> Housekeeper:
        """What happens by itself, with the connections of this process's runner."""
        return Housekeeper(self._desk(self.runner.dispatcher, self.runner.engine), self.ports)

    @cached_property
    def watchdog(self) -> Watchdog:
        """Repairs from the rows."""
        return Watchdog(
            self.engine,
            self.dispatcher,
            self.settings.times,
            queue_lengths(self.settings.redis_url),
        )

    @cached_property
    def prober(self) -> Prober:
        """Watches what was deployed."""
        settings = self.settings
        engine = open_engine(settings.database_url, pool=PROBER_POOL, ping=False)
        addresses = {target.name: target.addresses for target in settings.targets}
        return Prober(
            engine, self.ports, settings.times, settings.watching, settings.public_url, addresses
        )

    @cached_property
    def application(self) -> Flask:
        """The panel and everything else that answers HTTP."""
        from tenantry.web import create_web  # noqa: PLC0415 — workers never load the panel

        background = BackgroundSender(self.send, self.settings.times.broker_pause)
        # A page asks each connection for a sign of life first; a worker's transaction may fail.
        engine = open_engine(self.settings.database_url, pool=WEB_POOL, ping=True)
        desk = self._desk(Dispatcher(engine, background), engine)
        return create_web(desk, broker_resting=lambda: background.resting)

    def elsewhere(self, environ: Mapping[str, str]) -> "Workshop":
        """The same for another environment."""
        return Workshop(environ)

    def migrate(self) -> None:
        """Brings the tables up to date; safe to repeat."""
        from tenantry.cli.processes import alembic_config  # noqa: PLC0415 — see main

        command.upgrade(alembic_config(self.engine, self.settings.key_ring), "head")

    def add_staff(self, email: str, role: str, password: str | None) -> tuple[bool, str | None]:
        """Adds or changes a member of staff; the second is a password that was made up."""
        from tenantry.web.staff import add_staff  # noqa: PLC0415 — workers never load the panel

        return add_staff(self.application, email, role, password)


def build_ports(settings: Settings, vault: SecretStore) -> Ports:
    """Real adapters behind every port."""
    times = settings.times
    resolver = DnsResolver(settings.outbound.resolvers, lifetime=times.dns)
    allow, mapped = settings.outbound.allow, settings.outbound.map
    return Ports(
        target=DokployTargets(settings.targets, total=times.http, connect=times.connect),
        resolver=resolver,
        web=OutboundWeb(allow=allow, mapped=mapped),
        certificates=TlsCertificates(allow=allow, mapped=mapped),
        mailer=SmtpMailer(settings.mail, timeout=times.smtp),
        secrets=vault,
        send_until=send_until,
    )


def known_secrets(settings: Settings) -> tuple[str, ...]:
    """Secrets of the configuration, which no log may ever hold."""
    found = [settings.secret_key, settings.mail.password, settings.flower_password]
    found += [target.key for target in settings.targets]
    return tuple(secret for secret in found if secret)


def set_up_logging(settings: Settings | None, *, stream: Any = None) -> None:
    """Structured lines on standard error, redacted by value and by shape."""
    redactor = Redactor(known_secrets(settings) if settings else ())

    def redact(_logger: Any, _name: str, event: Any) -> Any:
        return {k: redactor.redact(v) if isinstance(v, str) else v for k, v in event.items()}

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.LogfmtRenderer(bool_as_flag=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )


_workshop: Workshop | None = None


def workshop() -> Workshop:
    """The one of this process, from its environment."""
    global _workshop  # noqa: PLW0603 — the entry points of gunicorn and Celery are module names
    if _workshop is None:
        _workshop = Workshop(with_env_file(os.environ))
        set_up_logging(_workshop.settings)
    return _workshop


def __getattr__(name: str) -> Any:
    if name == "application":
        built = workshop().application
        keep_for_good()
        return built
    if name == "celery":
        return workshop().celery
    raise AttributeError(name)


def main() -> None:
    """The `tenantry` command."""
    # Here, so that a server that imports this module does not load every command.
    from tenantry.cli import commands  # noqa: PLC0415
    from tenantry.demo.command import demo  # noqa: PLC0415

    commands.add_command(demo)
    set_up_logging(None, stream=sys.stderr)
    commands(obj=Workshop(with_env_file(os.environ)))
