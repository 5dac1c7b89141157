"""
Settings: read from the environment once, checked together, frozen.

Every variable may also be given as `<NAME>_FILE`, the path of a file that holds the value. One
`SettingsInvalid` reports everything that is wrong; no value of a secret is ever shown.
"""

import base64
import binascii
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from tenantry.errors import SettingsInvalid

SHORTEST_SECRET = 32
KEY_BYTES = 32
GUESSABLE = ("changeme", "change-me", "secret", "dev", "default", "password", "example")


def with_env_file(environ: Mapping[str, str], path: Path = Path(".env")) -> dict[str, str]:
    """
    The environment, filled up from a `.env` in the working folder where there is one.

    Plain `NAME=value` lines as `tenantry init` writes them; what the environment holds wins.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError:
        return dict(environ)
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs} | dict(environ)


def load(environ: Mapping[str, str]) -> Settings:
    """Settings from an environment; SettingsInvalid lists every problem at once."""
    read = Reader(environ)
    mode = read.text("TENANTRY_MODE", "production")
    read.check(
        "TENANTRY_MODE",
        mode,
        "must be production, development or demo",
        {"production", "development", "demo"}.__contains__,
    )
    public_url = read.text("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")
    read.check("PUBLIC_URL", public_url, "must be an http(s) URL without a path", _is_origin)
    settings = Settings(
        mode=mode,
        database_url=_database_url(read),
        redis_url=read.text("REDIS_URL"),
        secret_key=_secret_key(read),
        key_ring=_key_ring(read),
        public_url=public_url,
        trusted_proxies=int(read.number("TRUSTED_PROXIES", 0, 0, 10)),
        targets=_targets(read),
        mail=_mail(read),
        outbound=_outbound(read, mode),
        times=Times().scaled(read.number("TIME_DIVISOR", 1, 1, 1000)),
        flower_url=read.text("FLOWER_URL", "") or None,
        flower_password=read.text("FLOWER_PASSWORD", "") or None,
        state_dir=Path(path) if (path := read.text("TENANTRY_STATE", "")) else None,
    )
    if mode == "production":
        _strict(read, settings)
    if read.problems:
        raise SettingsInvalid(read.problems)
    return settings


def _database_url(read: Reader) -> str:
    url = read.text("DATABASE_URL")
    # Hosting panels hand out both of these spellings; the driver is ours to choose.
    for old in ("postgres://", "postgresql://"):
        if url.startswith(old):
            url = "postgresql+psycopg://" + url.removeprefix(old)
    read.check(
        "DATABASE_URL",
        url,
        "must begin with postgresql:// or sqlite:///",
        lambda u: u.startswith(("postgresql+psycopg://", "sqlite:///")),
    )
    return url


def _secret_key(read: Reader) -> str:
    key = read.text("SECRET_KEY")
    if key and (len(key) < SHORTEST_SECRET or any(g in key.lower() for g in GUESSABLE)):
        read.problems.append(
            f"SECRET_KEY must be at least {SHORTEST_SECRET} random characters; "
            "`tenantry init` makes one"
        )
    return key


def _key_ring(read: Reader) -> dict[str, bytes]:
    """`id:base64,…`: the first seals, all of them open."""
    ring: dict[str, bytes] = {}
    text = read.text("KEY_RING")
    for entry in filter(None, (e.strip() for e in text.split(","))):
        name, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            key = b""
        if not name.isidentifier() or len(key) != KEY_BYTES:
            read.problems.append("KEY_RING must be `id:base64 of 32 bytes`, separated by commas")
        elif name in ring or key in ring.values():
            read.problems.append("KEY_RING must not hold the same id or key twice")
        ring[name] = key
    return ring


def _targets(read: Reader) -> tuple[TargetSettings, ...]:
    found = []
    for name in read.text("TARGETS", "").replace(",", " ").split():
        prefix = f"TARGET_{name.upper().replace('-', '_')}"
        url = read.text(f"{prefix}_URL").rstrip("/")
        read.check(f"{prefix}_URL", url, "must be an http(s) URL without a path", _is_origin)
        found.append(
            TargetSettings(
                name=name,
                url=url,
                key=read.text(f"{prefix}_KEY"),
                limit=int(read.number(f"{prefix}_LIMIT", 10, 1, 1000)),
                ca_file=read.text(f"{prefix}_CA_FILE", "") or None,
            )
        )
    return tuple(found)


def _mail(read: Reader) -> MailSettings:
    return MailSettings(
        server=read.text("MAIL_SERVER", "") or None,
        port=int(read.number("MAIL_PORT", 25, 1, 65535)),
        sender=read.text("MAIL_SENDER", "tenantry@localhost"),
        username=read.text("MAIL_USERNAME", "") or None,
        password=read.text("MAIL_PASSWORD", "") or None,
        use_tls=read.flag("MAIL_USE_TLS"),
        use_ssl=read.flag("MAIL_USE_SSL"),
    )


def _outbound(read: Reader, mode: str) -> OutboundSettings:
    allow = tuple(read.text("OUTBOUND_ALLOW", "").replace(",", " ").split())
    for entry in allow:
        try:
            ip_network(entry.rpartition(":")[0].strip("[]"))
        except ValueError:
            read.problems.append("OUTBOUND_ALLOW must hold network:port entries")
    pairs = (e.partition("=") for e in read.text("OUTBOUND_MAP", "").replace(",", " ").split())
    mapped = {name: to for name, _, to in pairs}
    if (allow or mapped) and mode == "production" and not read.flag("OUTBOUND_UNSAFE"):
        read.problems.append(
            "OUTBOUND_ALLOW and OUTBOUND_MAP reach inside networks: in production they need "
            "OUTBOUND_UNSAFE=yes"
        )
    resolvers = tuple(read.text("DNS_RESOLVERS", "").replace(",", " ").split())
    return OutboundSettings(allow=allow, map=mapped, resolvers=resolvers)


def _strict(read: Reader, settings: Settings) -> None:
    for target in settings.targets:
        parts = urlsplit(target.url)
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            read.problems.append(
                f"TARGET_{target.name.upper()}_URL must be https: its key opens every tenant's host"
            )


def _is_origin(url: str) -> bool:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.path in {"", "/"}
