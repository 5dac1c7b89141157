"""
The kinds of database: images, ports, connection URLs, and how those run that no target makes.

Six kinds are a target's own. KeyDB, Dragonfly and ClickHouse are an image with a volume. `others`
is a database outside, of which nothing is planned: only its URL is known, as a secret.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import get_args

from tenantry.errors import Invalid
from tenantry.planning.sources import DatabaseKind

DATABASE_KINDS: tuple[DatabaseKind, ...] = get_args(DatabaseKind)
OUTSIDE = "others"
# The secret of a tenant's database service that holds its generated password.
PASSWORD = "db_password"  # noqa: S105 — the name of a secret
PASSWORD_PLACEHOLDER = "${DATABASE_PASSWORD}"  # noqa: S105 — the name of a placeholder


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """
    `image` is our pinned default; `url` is filled with user, password, host and name.

    Of kinds that are an image: `path` is where the data lies, `args` and `env` say how it starts,
    with placeholders where a secret belongs; they are filled in only where they are sent.
    """

    image: str
    port: int
    url: str
    has_name: bool = True
    has_user: bool = True
    path: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)


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
        # Its tags name the machine: on arm64 set db_image to eqalpha/keydb:arm64_v6.3.4.
        "keydb": DatabaseFacts(
            "eqalpha/keydb:x86_64_v6.3.4",
            6379,
            "redis://default:{password}@{host}:6379",
            has_name=False,
            has_user=False,
            path="/data",
            args=(
                "keydb-server",
                "--requirepass",
                PASSWORD_PLACEHOLDER,
                "--appendonly",
                "yes",
                "--dir",
                "/data",
            ),
        ),
        # One file, written anew each quarter of an hour: without a fixed name each snapshot would
        # stay, and without a schedule only an orderly stop would write one.
        "dragonfly": DatabaseFacts(
            "docker.dragonflydb.io/dragonflydb/dragonfly:v1.38.0",
            6379,
            "redis://default:{password}@{host}:6379",
            has_name=False,
            has_user=False,
            path="/data",
            args=(
                "--logtostderr",
                "--requirepass",
                PASSWORD_PLACEHOLDER,
                "--dir=/data",
                "--dbfilename=dump",
                "--snapshot_cron=*/15 * * * *",
            ),
        ),
        # The native protocol; who needs HTTP writes http://…@${DATABASE_HOST}:8123 of the parts.
        "clickhouse": DatabaseFacts(
            "clickhouse/clickhouse-server:25.8.26.11",
            9000,
            "clickhouse://{user}:{password}@{host}:9000/{name}",
            path="/var/lib/clickhouse",
            env={
                "CLICKHOUSE_USER": "${DATABASE_USER}",
                "CLICKHOUSE_PASSWORD": PASSWORD_PLACEHOLDER,
                "CLICKHOUSE_DB": "${DATABASE_NAME}",
            },
        ),
    },
)
IMAGE_KINDS: tuple[str, ...] = tuple(kind for kind, known in FACTS.items() if known.path)


def native(kind: str) -> DatabaseKind:
    """The kind as one that targets make by themselves; Invalid for others."""
    if kind not in DATABASE_KINDS:
        raise Invalid("db_type", f"must be one of {', '.join(DATABASE_KINDS)}", kind)
    return kind


def facts(kind: str) -> DatabaseFacts:
    """Invalid for a kind that we do not bring up."""
    found = FACTS.get(kind)
    if found is None:
        raise Invalid("db_type", f"must be one of {', '.join(FACTS)}", kind)
    return found


def keeps_its_data(kind: str, old: str, new: str) -> bool:
    """
    Whether data written under the old image can be expected to be read under the new one.

    For a target's own kinds: the same name and the same first number of the tag. A new major
    version asks for a migration that no restart makes.
    """
    return kind in IMAGE_KINDS or _line(old) == _line(new)


def _line(image: str) -> tuple[str, str]:
    name, _, tag = image.partition("@")[0].rpartition(":")
    first = re.search(r"\d+", tag)
    return name, first[0] if first else tag
