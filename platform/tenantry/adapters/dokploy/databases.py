"""Databases of the kinds that the target makes by itself."""

import re
from collections.abc import Mapping

from tenantry.adapters.dokploy import projects, rows, rows_of_services
from tenantry.adapters.dokploy.client import DokployClient, confirmed
from tenantry.adapters.dokploy.faults import Gone
from tenantry.errors import Permanent, Transient
from tenantry.planning.databases import facts
from tenantry.planning.limits import Limits
from tenantry.planning.sources import DatabaseKind
from tenantry.ports import DatabaseSeen, DatabaseWish, ServiceSeen

# Dokploy refuses some signs, and puts the password of several kinds into a shell line.
PLAIN = re.compile(r"[A-Za-z0-9]+")
# An update of a libSQL sets these to the target's own defaults where they are left out.
DEFAULTED = ("dockerImage", "enableNamespaces")


def create(
    client: DokployClient, environment_id: str, wish: DatabaseWish, server_id: str | None
) -> ServiceSeen:
    """Change: a repeat makes a second one. Permanent for a password that is not plain."""
    for name, secret in (("password", wish.password), ("root password", wish.root_password)):
        if secret and not PLAIN.fullmatch(secret):
            raise Permanent(f"The {name} of a database must hold letters and digits only")
    body = _body(environment_id, wish, server_id)
    call = f"{rows.router_of(wish.kind)}.create"
    if wish.kind == "libsql":
        client.tell(call, body, confirmed)
        return _read_back(client, environment_id, wish)
    return client.tell(call, body, lambda row: rows.service(wish.kind, row))


def one(client: DokployClient, kind: DatabaseKind, database_id: str) -> ServiceSeen | None:
    """A database; None where it is gone."""
    call = f"{rows.router_of(kind)}.one"
    try:
        return client.ask(
            call, lambda row: rows.service(kind, row), **{rows.id_field(kind): database_id}
        )
    except Gone:
        return None


def deploy(client: DokployClient, kind: DatabaseKind, database_id: str, deadline: float) -> None:
    """Change: restarts a database that runs. Answers when the pull and the start are over."""
    call = f"{rows.router_of(kind)}.deploy"
    client.tell(call, {rows.id_field(kind): database_id}, confirmed, seconds=deadline)


def in_full(client: DokployClient, kind: DatabaseKind, database_id: str) -> DatabaseSeen | None:
    """A database with its limits, backups and volumes; None where it is gone."""
    try:
        return client.ask(
            f"{rows.router_of(kind)}.one",
            lambda row: rows_of_services.database(kind, row),
            **{rows.id_field(kind): database_id},
        )
    except Gone:
        return None


def configure(
    client: DokployClient, kind: DatabaseKind, database_id: str, limits: Limits, image: str
) -> None:
    """Change, safe to repeat: stored only; a reload or a start does not take it over."""
    fields = {"memoryLimit": limits.memory_bytes, "cpuLimit": limits.nano_cpus}
    update(client, kind, database_id, {**fields, "dockerImage": image} if image else fields)


def update(
    client: DokployClient, kind: DatabaseKind, database_id: str, fields: Mapping[str, object]
) -> None:
    """Change, safe to repeat: these fields and no others."""
    name = {rows.id_field(kind): database_id}
    kept: dict[str, object] = {}
    if kind == "libsql":
        kept = client.ask("libsql.one", lambda row: {key: row[key] for key in DEFAULTED}, **name)
    client.tell(f"{rows.router_of(kind)}.update", {**name, **kept, **fields}, confirmed)


def stop(client: DokployClient, kind: DatabaseKind, database_id: str) -> None:
    """Change, safe to repeat."""
    client.tell(f"{rows.router_of(kind)}.stop", {rows.id_field(kind): database_id}, confirmed)


def start(client: DokployClient, kind: DatabaseKind, database_id: str) -> None:
    """Change, safe to repeat: refused where it was never deployed."""
    client.tell(f"{rows.router_of(kind)}.start", {rows.id_field(kind): database_id}, confirmed)


def remove(client: DokployClient, kind: DatabaseKind, database_id: str) -> None:
    """Change, safe to repeat: its stored backups go with it, its volume and their files stay."""
    try:
        client.tell(f"{rows.router_of(kind)}.remove", {rows.id_field(kind): database_id}, confirmed)
    except Gone:
        return


def _body(environment_id: str, wish: DatabaseWish, server_id: str | None) -> dict[str, object]:
    known = facts(wish.kind)
    body: dict[str, object] = {
        "environmentId": environment_id,
        "name": wish.name,
        "appName": wish.app_name,
        "description": wish.description,
        "dockerImage": wish.image or known.image,
        "databasePassword": wish.password,
        "serverId": server_id,
    }
    if known.has_name:
        body["databaseName"] = wish.database
    if known.has_user:
        body["databaseUser"] = wish.user
    if wish.kind in {"mysql", "mariadb"} and wish.root_password:
        body["databaseRootPassword"] = wish.root_password
    if wish.kind == "mongodb":
        body["replicaSets"] = False
    if wish.kind == "libsql":
        body |= {"sqldNode": "primary", "sqldPrimaryUrl": None, "enableNamespaces": False}
    return body


def _read_back(client: DokployClient, environment_id: str, wish: DatabaseWish) -> ServiceSeen:
    """A libSQL alone is answered by `true` and not a row: the newest with our description is it."""
    project = projects.of_environment(client, environment_id)
    made = [
        found
        for found in (project.services if project else ())
        if found.kind == wish.kind and found.description == wish.description
    ]
    if not made:
        raise Transient("The database was created but is not listed yet", outcome_known=False)
    return made[-1]
