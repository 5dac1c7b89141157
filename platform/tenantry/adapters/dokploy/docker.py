"""The engine behind a server. Its reads answer nothing, or an empty list, on any Docker error."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from tenantry.adapters.dokploy import rows
from tenantry.adapters.dokploy.client import DokployClient, anything
from tenantry.adapters.dokploy.rows import Row, text, words
from tenantry.errors import Permanent, TargetDown, Transient
from tenantry.ports import ContainerTimes, ImageSeen, NodeAppSeen

# What Docker writes where a time was not yet.
NEVER = "0001-"
NAME_PARTS = 3
ABSENT = ("no such volume", "no such image")
IN_USE = ("volume is in use", "conflict: unable to")


def nodes(client: DokployClient, server_id: str | None) -> Sequence[str]:
    """Names of the swarm's machines; empty means that the engine did not answer."""
    return client.ask(
        "swarm.getNodes",
        lambda document: [text(row["Hostname"]) for row in rows.rows_of_engine(document)],
        serverId=server_id,
    )


def node_apps(client: DokployClient, server_id: str | None) -> Sequence[NodeAppSeen]:
    """Every service of the swarm, but for the target's own."""
    return client.ask(
        "swarm.getNodeApps",
        lambda document: [_node_app(row) for row in rows.rows_of_engine(document)],
        serverId=server_id,
    )


def _node_app(row: Row) -> NodeAppSeen:
    # "2/3", or "2/3 (max 1 per node)".
    running, _, wanted = text(row["Replicas"]).split()[0].partition("/")
    return NodeAppSeen(text(row["Name"]), words(row, "Image"), int(running), int(wanted))


def container_times(
    client: DokployClient, app_name: str, server_id: str | None
) -> dict[str, ContainerTimes]:
    """
    One call for the running containers on the server's own host, and one for each of them.

    One that cannot be inspected is absent; an outage, and trouble of the first call, is raised.
    """
    listed = client.ask(
        "docker.getContainersByAppLabel",
        lambda document: list(_tasks(rows.rows_of_engine(document))),
        appName=app_name,
        type="swarm",
        serverId=server_id,
    )
    found = {task: _times(client, container, server_id) for task, container in listed}
    return {task: times for task, times in found.items() if times is not None}


def _tasks(listed: Iterable[Row]) -> Iterable[tuple[str, str]]:
    """Task and container of each; a container of the swarm is named `service.slot.task`."""
    for row in listed:
        parts = words(row, "name").rsplit(".", NAME_PARTS - 1)
        if len(parts) == NAME_PARTS:
            yield parts[-1], text(row["containerId"])


def _times(client: DokployClient, container: str, server_id: str | None) -> ContainerTimes | None:
    def read(document: Any) -> ContainerTimes | None:
        if document is None:
            return None
        state = document["State"]
        return ContainerTimes(
            container_id=str(document.get("Id") or container),
            started_at=_moment(state.get("StartedAt")),
            # A container that was started again still carries the end of its last run.
            stopped_at=None if state.get("Running") else _moment(state.get("FinishedAt")),
        )

    try:
        return client.ask("docker.getConfig", read, containerId=container, serverId=server_id)
    except TargetDown:
        raise
    except (Transient, Permanent):
        return None


def _moment(value: Any) -> datetime | None:
    if not value or str(value).startswith(NEVER):
        return None
    return datetime.fromisoformat(str(value))


def volumes(client: DokployClient, server_id: str | None) -> Sequence[str]:
    """Names of all volumes of one machine."""
    return client.ask(
        "dockerVolume.getVolumes",
        lambda document: [text(row["Name"]) for row in rows.rows_of_engine(document)],
        serverId=server_id,
    )


def remove_volume(client: DokployClient, name: str, server_id: str | None) -> None:
    """Change, safe to repeat: the data is lost. Permanent while a container uses it."""
    _remove(client, "dockerVolume.removeVolume", {"volumeName": name}, server_id)


def images(client: DokployClient, server_id: str | None) -> Sequence[ImageSeen]:
    """All images of one machine; one without a name is called `<none>`."""

    def read(document: Any) -> list[ImageSeen]:
        return [
            ImageSeen(text(row["ID"]), words(row, "Repository"), words(row, "Tag"))
            for row in rows.rows_of_engine(document)
        ]

    return client.ask("dockerImage.getImages", read, serverId=server_id)


def remove_image(client: DokployClient, image: ImageSeen, server_id: str | None) -> None:
    """Change, safe to repeat: never by force. Permanent while a container uses it."""
    body = {"repository": image.repository, "tag": image.tag, "id": image.id}
    _remove(client, "dockerImage.removeImage", body, server_id)


def _remove(client: DokployClient, call: str, body: dict[str, str], server_id: str | None) -> None:
    # These two refuse a server that is null; it has to be left out.
    where = {"serverId": server_id} if server_id else {}
    try:
        client.tell(call, {**body, **where}, anything)
    except Transient as trouble:
        # A failed command of Docker is a 500, whatever was wrong.
        said = str(trouble).lower()
        if any(words in said for words in ABSENT):
            return
        if any(words in said for words in IN_USE):
            raise Permanent(str(trouble)) from None
        raise
