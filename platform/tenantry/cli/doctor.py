"""`tenantry doctor`: looks at everything an installation needs, and says what to do."""

import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import click
import redis
from alembic.script import ScriptDirectory
from sqlalchemy import text

from tenantry.cli.processes import HEARTBEAT, alembic_config
from tenantry.cli.shop import Shop, pass_shop
from tenantry.clock import utcnow
from tenantry.errors import SettingsInvalid, StepTrouble

CLOCK_TOLERANCE = 2.0
WORKER_SLOTS = 51


@dataclass(frozen=True, slots=True)
class Finding:
    """`good` None means a warning: it works, but somebody should know."""

    name: str
    good: bool | None
    words: str


Check = Callable[[Shop], Iterator[Finding]]


@click.command()
@pass_shop
def doctor(shop: Shop) -> None:
    """Check configuration, database, broker, targets, mail, DNS and clock. Exit 0 if usable."""
    try:
        _ = shop.settings
    except SettingsInvalid as trouble:
        for problem in trouble.problems:
            _say(Finding("settings", good=False, words=problem))
        sys.exit(1)
    _say(Finding("settings", good=True, words=f"{shop.settings.mode}, complete"))
    findings = [finding for check in CHECKS for finding in _run(check, shop)]
    sys.exit(0 if all(f.good is not False for f in findings) else 1)


def _run(check: Check, shop: Shop) -> Iterator[Finding]:
    try:
        for finding in check(shop):
            _say(finding)
            yield finding
    except Exception as trouble:  # noqa: BLE001 — a doctor looks at everything
        name = check.__name__.strip("_")
        finding = Finding(name, good=False, words=f"cannot be checked: {type(trouble).__name__}")
        _say(finding)
        yield finding


def _say(finding: Finding) -> None:
    sign, colour = {True: ("✓", "green"), False: ("✗", "red"), None: ("!", "yellow")}[finding.good]
    click.echo(f"{click.style(sign, fg=colour)} {finding.name:12} {finding.words}")


def _database(shop: Shop) -> Iterator[Finding]:
    if shop.settings.sqlite:
        yield Finding(
            "database", good=None, words="SQLite: fine to try things, not for many workers"
        )
    with shop.engine.connect() as conn:
        conn.execute(text("SELECT 1"))
        there = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    head = ScriptDirectory.from_config(alembic_config(shop.engine)).get_current_head()
    same = there == head
    words = f"revision {there}" + ("" if same else f", not {head}: run `tenantry db upgrade`")
    yield Finding("database", good=same, words=words)


def _connections(shop: Shop) -> Iterator[Finding]:
    if shop.settings.sqlite:
        return
    with shop.engine.connect() as conn:
        most = int(conn.execute(text("SHOW max_connections")).scalar_one())
    # Two processes of workers and two of web may each fill their pool.
    wanted = 2 * WORKER_SLOTS + 2 * 40
    words = f"max_connections {most}; a worker with {WORKER_SLOTS - 3} threads may use as many"
    yield Finding("connections", good=True if most >= wanted else None, words=words)


def _clock(shop: Shop) -> Iterator[Finding]:
    if shop.settings.sqlite:
        return
    with shop.engine.connect() as conn:
        theirs = conn.execute(text("SELECT statement_timestamp()")).scalar_one()
    off = abs((utcnow() - theirs).total_seconds())
    words = f"{off:.1f} s from the database's; leases use the database's own"
    yield Finding("clock", good=True if off < CLOCK_TOLERANCE else None, words=words)


def _broker(shop: Shop) -> Iterator[Finding]:
    client = redis.Redis.from_url(
        shop.settings.redis_url, socket_timeout=3, socket_connect_timeout=3
    )
    try:
        client.ping()
    except redis.RedisError as trouble:
        yield Finding("broker", good=False, words=f"does not answer: {type(trouble).__name__}")
        return
    yield Finding("broker", good=True, words="answers")
    try:
        policy = client.config_get("maxmemory-policy").get("maxmemory-policy")
    except redis.RedisError:
        yield Finding(
            "eviction", good=None, words="cannot be read with this account; it must be noeviction"
        )
    else:
        good = policy == "noeviction"
        words = f"{policy}" + ("" if good else ": messages would vanish; set noeviction")
        yield Finding("eviction", good=good, words=words)
    beating = client.exists(HEARTBEAT)
    words = "is alive" if beating else "is silent: run `tenantry run watchdog`"
    yield Finding("watchdog", good=True if beating else None, words=words)


def _targets(shop: Shop) -> Iterator[Finding]:
    if not shop.settings.targets:
        yield Finding("targets", good=False, words="none is configured: set TARGETS")
    for settings in shop.settings.targets:
        name = f"target {settings.name}"
        try:
            target = shop.ports.target(settings.name)
            version = target.version()
            # A key with the limit that the API gives by default is used up after five calls.
            for _ in range(6):
                servers = target.servers()
        except StepTrouble as trouble:
            yield Finding(
                name,
                good=False,
                words=f"{trouble}. Was its key made with rateLimitEnabled:false?",
            )
            continue
        yield Finding(name, good=True, words=f"{version}, {len(servers)} server(s)")


def _mail(shop: Shop) -> Iterator[Finding]:
    mail = shop.settings.mail
    if mail.server is None:
        yield Finding("mail", good=None, words="MAIL_SERVER is not set: nobody is told of outcomes")
        return
    try:
        with socket.create_connection((mail.server, mail.port), timeout=5) as conn:
            conn.settimeout(5)
            greeting = conn.recv(200) if not mail.use_ssl else b"220"
    except OSError as trouble:
        words = f"{mail.server}:{mail.port} cannot be reached: {trouble.strerror or 'timeout'}"
        yield Finding("mail", good=False, words=words)
        return
    good = greeting.startswith(b"220")
    yield Finding("mail", good=good, words=f"{mail.server}:{mail.port} answers")


def _dns(shop: Shop) -> Iterator[Finding]:
    answers = shop.ports.resolver.lookup("example.com")
    demo = shop.settings.mode != "production"
    for answer in answers:
        good = bool(answer.addresses) or (None if demo else False)
        words = ", ".join(answer.addresses[:2]) or answer.problem
        yield Finding("dns", good=good, words=f"{answer.resolver}: {words}")


CHECKS: tuple[Check, ...] = (_database, _connections, _clock, _broker, _targets, _mail, _dns)
