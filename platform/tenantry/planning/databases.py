"""The database kinds that targets know by themselves: images, ports and connection URLs."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import get_args

from tenantry.errors import Invalid
from tenantry.planning.sources import DatabaseKind

DATABASE_KINDS: tuple[DatabaseKind, ...] = get_args(DatabaseKind)


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """`image` is our pinned default; `url` is filled with user, password, host and name."""

    image: str
    port: int
    url: str
    has_name: bool = True
    has_user: bool = True


FACTS: Mapping[str, DatabaseFacts] = MappingProxyType(
    {
        "postgres": DatabaseFacts(
            "postgres:17.6", 5432, "postgresql://{user}:{password}@{host}:5432/{name}"
        ),
        "mysql": DatabaseFacts("mysql:8.4.6", 3306, "mysql://{user}:{password}@{host}:3306/{name}"),
        "mariadb": DatabaseFacts(
            "mariadb:11.8.3", 3306, "mysql://{user}:{password}@{host}:3306/{name}"
        ),
        "mongodb": DatabaseFacts(
            "mongo:8.0.13",
            27017,
            "mongodb://{user}:{password}@{host}:27017/?authSource=admin&directConnection=true",
            has_name=False,
        ),
        "redis": DatabaseFacts(
            "redis:8.2.1",
            6379,
            "redis://default:{password}@{host}:6379",
            has_name=False,
            has_user=False,
        ),
        # The target runs this very version, whatever image it is asked for.
        "libsql": DatabaseFacts(
            "ghcr.io/tursodatabase/libsql-server:v0.24.32",
            8080,
            "http://{user}:{password}@{host}:8080",
            has_name=False,
        ),
    },
)


def native(kind: str) -> DatabaseKind:
    """The kind as one that targets make by themselves; Invalid for others."""
    if kind not in DATABASE_KINDS:
        raise Invalid("db_type", f"must be one of {', '.join(DATABASE_KINDS)}", kind)
    return kind


def facts(kind: str) -> DatabaseFacts:
    """Invalid for a kind that no target creates by itself."""
    found = FACTS.get(kind)
    if found is None:
        raise Invalid("db_type", f"must be one of {', '.join(DATABASE_KINDS)}", kind)
    return found
