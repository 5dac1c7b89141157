"""Whether a connection URL leads to a database: the proof that it is the right one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from dokploy_simulator.engine import Engine
from dokploy_simulator.store import Row, Store


@dataclass(frozen=True, slots=True)
class Target:
    """What a database wants to be asked; None fits anything."""

    kind: str
    ports: dict[str, int]
    users: tuple[str, ...]
    password: str
    names: tuple[str, ...] | None


class WrongUrlError(Exception):
    """The URL leads nowhere; the text says why."""


SCHEMES: Final[dict[str, dict[str, int]]] = {
    "postgres": {"postgres": 5432, "postgresql": 5432},
    "mysql": {"mysql": 3306},
    "mariadb": {"mysql": 3306, "mariadb": 3306},
    "mongo": {"mongodb": 27017},
    "redis": {"redis": 6379},
    "libsql": {"http": 8080, "libsql": 8080, "ws": 8080},
}
_CLICKHOUSE: Final = {"http": 8123, "clickhouse": 9000, "clickhouse+native": 9000, "native": 9000}


def reach(store: Store, engine: Engine, url: str) -> str:
    """The kind of the database behind a URL that fits it. Raises WrongUrlError."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        raise WrongUrlError("not a URL")
    service = _service(engine, parts)
    if engine.serving(service["name"])[1] is None:
        raise WrongUrlError(f"connection refused: {service['name']} does not run")
    target = _target(store, service)
    if target is None:
        raise WrongUrlError(f"{service['name']} is no database")
    _check(parts, target)
    return target.kind


def _service(engine: Engine, parts: SplitResult) -> Row:
    """Hosts are names of services; URLs give them in lower case."""
    service = engine.service(parts.hostname or "")
    if service is None:
        raise WrongUrlError(f"no such host: {parts.hostname}")
    return service


def _check(parts: SplitResult, target: Target) -> None:
    scheme = parts.scheme.partition("+")[0] if parts.scheme not in target.ports else parts.scheme
    if scheme not in target.ports:
        raise WrongUrlError(f"{target.kind} does not speak {parts.scheme}")
    port = parts.port or target.ports[scheme]
    if port not in target.ports.values() or (parts.port and port != target.ports[scheme]):
        raise WrongUrlError(f"connection refused: {target.kind} does not listen at {port}")
    if unquote(parts.username or "") not in target.users:
        raise WrongUrlError("authentication failed: unknown user")
    if unquote(parts.password or "") != target.password:
        raise WrongUrlError("authentication failed: wrong password")
    name = unquote(parts.path.lstrip("/"))
    if target.names is not None and name not in target.names:
        raise WrongUrlError(f"unknown database {name!r}")


def _target(store: Store, service: Row) -> Target | None:
    kind = service["kind"]
    if kind in SCHEMES:
        rows = store.where(kind, "appName", service["name"])
        return _native(kind, rows[0]) if rows else None
    image = str(service["versions"][-1]["image"])
    for word, make in _FOREIGN.items():
        if word in image:
            return make(word, service["versions"][-1])
    return None


def _native(kind: str, row: Row) -> Target:
    users: tuple[str, ...] = (row.get("databaseUser") or "",)
    names: tuple[str, ...] | None = (row.get("databaseName") or "",)
    if kind == "redis":
        users, names = ("default", ""), None
    elif kind in {"mongo", "libsql"}:
        names = None
    return Target(kind, SCHEMES[kind], users, str(row["databasePassword"]), names)


def _redis_like(kind: str, version: Row) -> Target:
    """A server whose password stands in its arguments."""
    words = [*str(version.get("command") or "").split(), *(version.get("args") or [])]
    password = ""
    for place, word in enumerate(words):
        if word.startswith("--requirepass="):
            password = word.partition("=")[2]
        elif word == "--requirepass" and place + 1 < len(words):
            password = words[place + 1]
    return Target(kind, {"redis": 6379}, ("default", ""), password, None)


def _clickhouse(kind: str, version: Row) -> Target:
    env = dict(line.split("=", 1) for line in version["env"])
    name = env.get("CLICKHOUSE_DB", "default")
    return Target(
        kind,
        _CLICKHOUSE,
        (env.get("CLICKHOUSE_USER", "default"),),
        env.get("CLICKHOUSE_PASSWORD", ""),
        (name,),
    )


_FOREIGN: Final[dict[str, Callable[[str, Row], Target]]] = {
    "keydb": _redis_like,
    "dragonfly": _redis_like,
    "valkey": _redis_like,
    "clickhouse": _clickhouse,
}
