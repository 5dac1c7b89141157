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
COMPOSE = "compose"
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
    COMPOSE: COMPOSE,
    **{router_of(kind): kind for kind in get_args(DatabaseKind)},
}


def rows(document: Any) -> list[Row]:
    """
    A list of rows. An answer without a body is none: read as an empty list, what is there would
    be made once more.
    """
    if not isinstance(document, list) or not all(isinstance(row, Mapping) for row in document):
        raise TypeError("not a list of rows")
    return document


def rows_of_engine(document: Any) -> list[Row]:
    """The same of what the target asks its engine: no body says that the engine did not answer."""
    return [] if document is None else rows(document)


def service(kind: str, row: Row) -> ServiceSeen:
    """An application, stack or database, from a list in a project or from a row of its own."""
    return ServiceSeen(
        kind=kind,
        id=text(row[id_field(kind)]),
        name=text(row["name"]),
        app_name=text(row["appName"]),
        description=words(row, "description"),
        status=status(row),
        created_at=words(row, "createdAt"),
        server_id=row.get("serverId") or None,
    )


def status(row: Row) -> str:
    """State of the last deploy; stacks have a field of their own for it."""
    return str(row.get("applicationStatus") or row.get("composeStatus") or "idle")


def overview(row: Row) -> tuple[str, ServiceSeen]:
    """The project's id, and a service as the overview lists it: without its description."""
    listed = text(row["type"])
    seen = ServiceSeen(
        kind=LISTS.get(listed, listed),
        id=text(row["id"]),
        name=text(row["name"]),
        app_name=text(row["appName"]),
        description="",
        status=str(row.get("status") or "idle"),
        created_at=words(row, "createdAt"),
        server_id=row.get("serverId") or None,
    )
    return text(row["projectId"]), seen


def services(environments: list[Row]) -> list[ServiceSeen]:
    """What all these environments list."""
    return [
        service(kind, found)
        for environment in environments
        for listed, kind in LISTS.items()
        for found in environment.get(listed) or ()
    ]


def project(row: Row, environments: list[Row], found: list[ServiceSeen]) -> ProjectSeen:
    """A project with these services, oldest first."""
    default = next((e for e in environments if e.get("isDefault")), environments[0])
    return ProjectSeen(
        id=text(row["projectId"]),
        name=text(row["name"]),
        description=words(row, "description"),
        environment_id=text(default["environmentId"]),
        created_at=words(row, "createdAt"),
        services=tuple(sorted(found, key=lambda s: (s.created_at, s.id))),
    )


def build(row: Row) -> BuildSeen:
    """A row of a history. ValueError for a status that we do not know."""
    status = row["status"]
    if status not in STATUSES:
        raise ValueError("unknown build status")
    return BuildSeen(
        id=text(row["deploymentId"]),
        title=words(row, "title"),
        description=words(row, "description"),
        status=status,
        created_at=words(row, "createdAt"),
        finished_at=row.get("finishedAt") or None,
        error=row.get("errorMessage") or None,
        rollback_id=row.get("rollbackId") or None,
    )


def queued(row: Row) -> QueuedBuild | None:
    """A job of the queue; None for jobs of anything but an application or a stack."""
    detail = row["data"]
    owner = detail.get("applicationId") or detail.get("composeId")
    if not owner:
        return None
    return QueuedBuild(
        app_id=text(owner),
        title=str(detail.get("titleLog") or ""),
        state=text(row["state"]),
    )


def container(row: Row) -> ContainerSeen:
    """
    A task: `state` is what the target calls `currentState` without its age.

    `created_at` stays None: the age is rounded, and is that of the state, not of the container.
    """
    error = str(row.get("error") or "").strip()
    state = str(row.get("currentState") or "").split()
    return ContainerSeen(
        id=text(row["containerId"]),
        state=state[0].lower() if state else "",
        wanted=str(row.get("state") or "").lower(),
        error="" if error == NO_ERROR else error,
        node=words(row, "node"),
        name=words(row, "name"),
    )


def domain(row: Row) -> DomainSeen:
    """A domain object of an application or of a service in a stack."""
    port = row.get("port")
    return DomainSeen(
        id=text(row["domainId"]),
        host=text(row["host"]),
        path=str(row.get("path") or "/"),
        port=None if port is None else int(port),
        https=bool(row.get("https")),
        certificate=str(row.get("certificateType") or "none"),
        enabled=row.get("enabled") is not False,
        service=row.get("serviceName") or None,
    )


def server(row: Row) -> ServerSeen:
    """A remote machine."""
    return ServerSeen(
        id=text(row["serverId"]),
        name=text(row["name"]),
        active=row.get("serverStatus") == "active",
    )


def text(value: Any) -> str:
    """A text that is not empty; TypeError for all else."""
    if not isinstance(value, str) or not value:
        raise TypeError("not a text")
    return value


def words(row: Row, key: str) -> str:
    """A text that may be empty or absent."""
    return str(row.get(key) or "")
