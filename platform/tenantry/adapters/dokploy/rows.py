"""
Dokploy's rows in our words.

A row of another shape raises LookupError, TypeError, ValueError or AttributeError: `client` turns
those into an error of ours.
"""

from collections.abc import Mapping
from typing import Any, get_args

from tenantry.planning.sources import DatabaseKind
from tenantry.ports import (
    BuildSeen,
    BuildStatus,
    ContainerSeen,
    DomainSeen,
    ProjectSeen,
    QueuedBuild,
    ServerSeen,
    ServiceSeen,
)

Row = Mapping[str, Any]

APPLICATION = "application"
STATUSES = get_args(BuildStatus)
# What Dokploy puts into `error` of the last line where there is none.
NO_ERROR = "Error:"


def router_of(kind: str) -> str:
    """Dokploy's name of a kind: `mongo.create` for our mongodb."""
    return "mongo" if kind == "mongodb" else kind


def id_field(kind: str) -> str:
    """`applicationId`, `mongoId` …"""
    return f"{router_of(kind)}Id"


# Where the services of an environment are listed, and what kind they are.
LISTS: Mapping[str, str] = {
    "applications": APPLICATION,
    **{router_of(kind): kind for kind in get_args(DatabaseKind)},
}


def rows(document: Any) -> list[Row]:
    """A list of rows."""
    if not isinstance(document, list) or not all(isinstance(row, Mapping) for row in document):
        raise TypeError("not a list of rows")
    return document


def service(kind: str, row: Row) -> ServiceSeen:
    """An application or database, from a list in a project or from a row of its own."""
    return ServiceSeen(
        kind=kind,
        id=_text(row[id_field(kind)]),
        name=_text(row["name"]),
        app_name=_text(row["appName"]),
        description=str(row.get("description") or ""),
        status=str(row.get("applicationStatus") or "idle"),
        created_at=str(row.get("createdAt") or ""),
        server_id=row.get("serverId") or None,
    )


def project(row: Row, environments: list[Row]) -> ProjectSeen:
    """A project with the services of all its environments, each list oldest first."""
    default = next((e for e in environments if e.get("isDefault")), environments[0])
    services = [
        service(kind, found)
        for environment in environments
        for listed, kind in LISTS.items()
        for found in environment.get(listed) or ()
    ]
    return ProjectSeen(
        id=_text(row["projectId"]),
        name=_text(row["name"]),
        description=str(row.get("description") or ""),
        environment_id=_text(default["environmentId"]),
        created_at=str(row.get("createdAt") or ""),
        services=tuple(sorted(services, key=lambda s: (s.created_at, s.id))),
    )


def build(row: Row) -> BuildSeen:
    """A row of a history. ValueError for a status that we do not know."""
    status = row["status"]
    if status not in STATUSES:
        raise ValueError("unknown build status")
    return BuildSeen(
        id=_text(row["deploymentId"]),
        title=str(row.get("title") or ""),
        description=str(row.get("description") or ""),
        status=status,
        created_at=str(row.get("createdAt") or ""),
        finished_at=row.get("finishedAt") or None,
        error=row.get("errorMessage") or None,
    )


def queued(row: Row) -> QueuedBuild | None:
    """A job of the queue; None for jobs of anything but an application."""
    detail = row["data"]
    if not detail.get("applicationId"):
        return None
    return QueuedBuild(
        app_id=_text(detail["applicationId"]),
        title=str(detail.get("titleLog") or ""),
        state=_text(row["state"]),
    )


def container(row: Row) -> ContainerSeen:
    """
    A task: `state` is what the target calls `currentState` without its age.

    `created_at` stays None: the age is rounded, and is that of the state, not of the container.
    """
    error = str(row.get("error") or "").strip()
    state = str(row.get("currentState") or "").split()
    return ContainerSeen(
        id=_text(row["containerId"]),
        state=state[0].lower() if state else "",
        wanted=str(row.get("state") or "").lower(),
        error="" if error == NO_ERROR else error,
        node=str(row.get("node") or ""),
    )


def domain(row: Row) -> DomainSeen:
    """A domain object of an application."""
    port = row.get("port")
    return DomainSeen(
        id=_text(row["domainId"]),
        host=_text(row["host"]),
        path=str(row.get("path") or "/"),
        port=None if port is None else int(port),
        https=bool(row.get("https")),
        certificate=str(row.get("certificateType") or "none"),
    )


def server(row: Row) -> ServerSeen:
    """A remote machine."""
    return ServerSeen(
        id=_text(row["serverId"]),
        name=_text(row["name"]),
        active=row.get("serverStatus") == "active",
    )


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("not a text")
    return value
