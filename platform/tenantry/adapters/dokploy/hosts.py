"""The server itself: its version, the machines behind it, and what runs on them."""

import re
from collections.abc import Sequence
from typing import Any

from tenantry.adapters.dokploy import rows
from tenantry.adapters.dokploy.client import DokployClient
from tenantry.errors import Permanent
from tenantry.ports import ContainerSeen, ServerSeen

# Build logs over HTTP, the queue in memory and a fixed default secret: all later than older ones.
OLDEST = (0, 30, 2)
VERSION = re.compile(r"v?(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?!\d)")


def version(client: DokployClient) -> str:
    """What the server says it is. Permanent where that is older than 0.30.2, or no version."""
    said = client.ask("settings.getDokployVersion", _version)
    found = VERSION.match(said)
    if found is None or tuple(map(int, found.groups())) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise Permanent(
            f"Target {client.server.name} runs Dokploy {said}; at least {oldest} is needed"
        )
    return said


def servers(client: DokployClient) -> Sequence[ServerSeen]:
    """Its own host first, then the remote ones that it deploys to, by name."""

    def deploying(document: Any) -> list[ServerSeen]:
        listed = [r for r in rows.rows(document) if r.get("serverType") in {None, "deploy"}]
        return sorted(map(rows.server, listed), key=lambda server: server.name)

    own = ServerSeen(id=None, name="Dokploy's own host", active=True)
    return [own, *client.ask("server.all", deploying)]


def containers(
    client: DokployClient, app_name: str, server_id: str | None
) -> Sequence[ContainerSeen]:
    """Tasks of a service, also those that failed. Empty where nobody knows: any error reads so."""
    return client.ask(
        "docker.getServiceContainersByAppName",
        lambda document: [rows.container(row) for row in rows.rows_of_engine(document)],
        appName=app_name,
        serverId=server_id,
    )


def _version(document: Any) -> str:
    if not isinstance(document, str):
        raise TypeError("not a version")
    return document[:40]
