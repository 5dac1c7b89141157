"""
Settings: read from the environment once, checked together, frozen.

Every variable may also be given as `<NAME>_FILE`, the path of a file that holds the value. One
`SettingsInvalid` reports everything that is wrong; no value of a secret is ever shown.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from tenantry.config.reader import Reader
from tenantry.config.values import (
    STREAMS,
    MailSettings,
    OutboundSettings,
    Settings,
    TargetSettings,
    Times,
    Watching,
)
from tenantry.errors import SettingsInvalid

__all__ = [
    "STREAMS",
    "MailSettings",
    "OutboundSettings",
    "Settings",
    "TargetSettings",
    "Times",
    "Watching",
    "key_ring",
    "load",
    "with_env_file",
]

SHORTEST_SECRET = 32
KEY_BYTES = 32
# Words too long to stand in a random key by chance; shorter ones (`dev`) do, once in 500 keys.
GUESSABLE = ("changeme", "change-me", "secret", "default", "password", "example", "insecure")
FEWEST_CHARACTERS = 12
LONGEST_KEY_ID = 40
TARGET_NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
ORIGIN = re.compile(r"https?://(?:[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?/?")


def with_env_file(environ: Mapping[str, str], path: Path = Path(".env")) -> dict[str, str]:
    """
    The environment, filled up from a `.env` in the working folder where there is one.

    Plain `NAME=value` lines as `tenantry init` writes them; what the environment holds wins.
    """
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
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
        redis_url=_redis_url(read),
        secret_key=_secret_key(read),
        key_ring=_key_ring(read),
        public_url=public_url,
        trusted_proxies=read.whole("TRUSTED_PROXIES", 0, 0, 10),
        targets=_targets(read),
        mail=_mail(read),
        outbound=_outbound(read, mode),
        times=Times().scaled(divisor := read.number("TIME_DIVISOR", 1, 1, 1000)),
        watching=_watching(read).scaled(divisor),
        flower_url=read.text("FLOWER_URL", "") or None,
        flower_password=read.text("FLOWER_PASSWORD", "") or None,
        state_dir=Path(path) if (path := read.text("TENANTRY_STATE", "")) else None,
        streams=read.whole("TENANTRY_STREAMS", STREAMS, 0, 10_000),
    )
    if mode == "production":
        _strict(read, settings)
    if read.problems:
        raise SettingsInvalid(read.problems)
    return settings


def key_ring(environ: Mapping[str, str]) -> dict[str, bytes]:
    """The key ring alone, for who needs nothing else; empty where there is none or it is bad."""
    read = Reader(environ)
    ring = _key_ring(read)
    return {} if read.problems else ring


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


def _redis_url(read: Reader) -> str:
    url = read.text("REDIS_URL")
    read.check(
        "REDIS_URL",
        url,
        "must begin with redis:// or rediss://",
        lambda u: u.startswith(("redis://", "rediss://")),
    )
    return url


def _secret_key(read: Reader) -> str:
    key = read.text("SECRET_KEY")
    guessable = any(g in key.lower() for g in GUESSABLE) or len(set(key)) < FEWEST_CHARACTERS
    if key and (len(key) < SHORTEST_SECRET or guessable):
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
        known = name.isidentifier() and len(name) <= LONGEST_KEY_ID
        if not known or len(key) != KEY_BYTES:
            read.problems.append("KEY_RING must be `id:base64 of 32 bytes`, separated by commas")
        elif name in ring or key in ring.values():
            read.problems.append("KEY_RING must not hold the same id or key twice")
        ring[name] = key
    if text and not ring:
        read.problems.append("KEY_RING must hold at least one key")
    return ring


def _targets(read: Reader) -> tuple[TargetSettings, ...]:
    found: dict[str, TargetSettings] = {}
    for name in read.words("TARGETS"):
        prefix = _prefix(name)
        if not TARGET_NAME.fullmatch(name):
            read.problems.append("TARGETS must hold names of a-z, 0-9, - and _, at most 60 long")
            continue
        if prefix in found:
            read.problems.append(f"TARGETS must not name two that both read {prefix}_URL")
            continue
        url = read.text(f"{prefix}_URL").rstrip("/")
        read.check(f"{prefix}_URL", url, "must be an http(s) URL without a path", _is_origin)
        found[prefix] = TargetSettings(
            name=name,
            url=url,
            key=read.text(f"{prefix}_KEY"),
            limit=read.whole(f"{prefix}_LIMIT", 10, 1, 1000),
            ca_file=read.text(f"{prefix}_CA_FILE", "") or None,
            restore=read.flag(f"{prefix}_RESTORE"),
            addresses=_addresses(read, f"{prefix}_ADDRESSES"),
        )
    return tuple(found.values())


def _addresses(read: Reader, name: str) -> tuple[str, ...]:
    found = []
    for word in read.words(name):
        try:
            found.append(str(ip_address(word)))
        except ValueError:
            read.problems.append(f"{name} must hold addresses of IPv4 or IPv6")
    return tuple(found)


def _watching(read: Reader) -> Watching:
    plain = Watching()
    return Watching(
        interval=read.number("PROBE_INTERVAL", plain.interval, 5, 3600),
        hostname_interval=read.number("HOSTNAME_INTERVAL", plain.hostname_interval, 60, 86_400),
        threads=read.whole("PROBE_THREADS", plain.threads, 1, 500),
        failures=read.whole("OUTAGE_FAILURES", plain.failures, 1, 100),
        seconds=read.number("OUTAGE_SECONDS", plain.seconds, 0, 86_400),
        keep_hours=read.number("PROBE_KEEP_HOURS", plain.keep_hours, 1, 10_000),
    )


def _prefix(name: str) -> str:
    return f"TARGET_{name.upper().replace('-', '_')}"


def _mail(read: Reader) -> MailSettings:
    mail = MailSettings(
        server=read.text("MAIL_SERVER", "") or None,
        port=read.whole("MAIL_PORT", 25, 1, 65535),
        sender=read.text("MAIL_SENDER", "tenantry@localhost"),
        username=read.text("MAIL_USERNAME", "") or None,
        password=read.text("MAIL_PASSWORD", "") or None,
        use_tls=read.flag("MAIL_USE_TLS"),
        use_ssl=read.flag("MAIL_USE_SSL"),
    )
    if mail.use_tls and mail.use_ssl:
        read.problems.append("MAIL_USE_TLS and MAIL_USE_SSL exclude each other")
    return mail


def _outbound(read: Reader, mode: str) -> OutboundSettings:
    allow = read.words("OUTBOUND_ALLOW")
    if not all(map(_is_door, allow)):
        read.problems.append("OUTBOUND_ALLOW must hold network:port entries")
    pairs = [entry.partition("=") for entry in read.words("OUTBOUND_MAP")]
    if not all(name and to for name, _, to in pairs):
        read.problems.append("OUTBOUND_MAP must hold name=address:port entries")
    mapped = {name: to for name, _, to in pairs}
    if (allow or mapped) and mode == "production" and not read.flag("OUTBOUND_UNSAFE"):
        read.problems.append(
            "OUTBOUND_ALLOW and OUTBOUND_MAP reach inside networks: in production they need "
            "OUTBOUND_UNSAFE=yes"
        )
    resolvers = read.words("DNS_RESOLVERS")
    if not all(map(_is_resolver, resolvers)):
        read.problems.append("DNS_RESOLVERS must hold addresses, each with or without a port")
    return OutboundSettings(allow=allow, map=mapped, resolvers=resolvers)


def _is_door(entry: str) -> bool:
    network, _, port = entry.rpartition(":")
    try:
        ip_network(network.strip("[]"))
    except ValueError:
        return False
    return port == "*" or _is_port(port)


def _is_resolver(entry: str) -> bool:
    address, colon, port = entry.rpartition(":")
    for text in (entry.strip("[]"), address.strip("[]") if colon and _is_port(port) else ""):
        try:
            ip_address(text)
        except ValueError:
            continue
        return True
    return False


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 65536  # noqa: PLR2004 — 16 bits


def _strict(read: Reader, settings: Settings) -> None:
    if settings.times.scale != 1:
        read.problems.append("TIME_DIVISOR is for tests; production keeps the shipped times")
    for target in settings.targets:
        if target.key == "CHANGE":
            read.problems.append(f"{_prefix(target.name)}_KEY still says CHANGE")
        parts = urlsplit(target.url)
        if parts.scheme == "http" and parts.hostname not in {"127.0.0.1", "::1", "localhost"}:
            read.problems.append(
                f"{_prefix(target.name)}_URL must be https: its key opens every tenant's host"
            )


def _is_origin(url: str) -> bool:
    """No user, path or query: nothing but scheme, host and port."""
    if not ORIGIN.fullmatch(url):
        return False
    try:
        return urlsplit(url).port is None or bool(urlsplit(url).hostname)
    except ValueError:
        return False
