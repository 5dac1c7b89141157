"""Compose stacks. Always raw and of the type `stack`: only those start without the target's own."""

from collections.abc import Sequence
from typing import Any

from tenantry.adapters.dokploy import builds, rows, rows_of_services
from tenantry.adapters.dokploy.client import DokployClient, anything, confirmed
from tenantry.adapters.dokploy.faults import Gone
from tenantry.ports import BuildSeen, ComposeSeen, ContainerSeen, DomainSeen, ServiceSeen


def create(
    client: DokployClient,
    environment_id: str,
    name: str,
    app_name: str,
    description: str,
    server_id: str | None,
) -> ServiceSeen:
    """Change: a repeat makes a second one. Its automatic deploys are ON until it has its file."""
    body = {
        "environmentId": environment_id,
        "name": name,
        "appName": app_name,
        "description": description,
        "serverId": server_id,
        "composeType": "stack",
        "sourceType": "raw",
    }
    return client.tell("compose.create", body, lambda row: rows.service(rows.COMPOSE, row))


def one(client: DokployClient, compose_id: str) -> ComposeSeen | None:
    """In full, with its environment in clear; None where it is gone."""
    try:
        return client.ask("compose.one", rows_of_services.compose, composeId=compose_id)
    except Gone:
        return None


def set_file(client: DokployClient, compose_id: str, file: str) -> None:
    """Change, safe to repeat."""
    body = {
        "composeId": compose_id,
        "composeFile": file,
        "sourceType": "raw",
        "composeType": "stack",
        "autoDeploy": False,
    }
    client.tell("compose.update", body, confirmed)


def set_environment(client: DokployClient, compose_id: str, dotenv: str) -> None:
    """Change, safe to repeat: replaces the whole environment."""
    body = {"composeId": compose_id, "env": dotenv}
    client.tell("compose.saveEnvironment", body, confirmed)


def services(client: DokployClient, compose_id: str) -> Sequence[str]:
    """Names in its stored file; empty where it is gone."""

    def names(document: Any) -> list[str]:
        if not isinstance(document, list):
            raise TypeError("not a list of names")
        return [rows.text(name) for name in document]

    try:
        # `fetch` would get the file anew from a repository that a raw stack does not have.
        return client.ask("compose.loadServices", names, composeId=compose_id, type="cache")
    except Gone:
        return []


def deploy(client: DokployClient, compose_id: str, title: str, description: str) -> None:
    """Change: each call is one more run in the queue."""
    body = {"composeId": compose_id, "title": title, "description": description}
    client.tell("compose.deploy", body, confirmed)


def history(client: DokployClient, compose_id: str) -> Sequence[BuildSeen]:
    """Newest first; empty where it is gone."""
    try:
        return client.ask("deployment.allByCompose", builds.newest_first, composeId=compose_id)
    except Gone:
        return []


def containers(
    client: DokployClient, app_name: str, server_id: str | None
) -> Sequence[ContainerSeen]:
    """Tasks of all its services, each named `<stack>_<service>.<slot>`. Empty means unknown."""
    return client.ask(
        "docker.getStackContainersByAppName",
        lambda document: [rows.container(row) for row in rows.rows_of_engine(document)],
        appName=app_name,
        serverId=server_id,
    )


def stop(client: DokployClient, compose_id: str) -> None:
    """Change, safe to repeat."""
    client.tell("compose.stop", {"composeId": compose_id}, anything)


def delete(client: DokployClient, compose_id: str) -> None:
    """Change, safe to repeat: answered before, and even if, its services go."""
    # Always said: where it is missing the target takes it for false without a word.
    body = {"composeId": compose_id, "deleteVolumes": False}
    try:
        client.tell("compose.delete", body, confirmed)
    except Gone:
        return


def create_domain(
    client: DokployClient,
    compose_id: str,
    service: str,
    host: str,
    port: int,
    *,
    https: bool,
    certificate: str,
) -> DomainSeen:
    """Change: a label of the service, so it comes with the next deploy."""
    body = {
        "composeId": compose_id,
        "serviceName": service,
        "domainType": rows.COMPOSE,
        "host": host,
        "path": "/",
        "port": port,
        "https": https,
        "certificateType": certificate,
    }
    return client.tell("domain.create", body, rows.domain)


def domains(client: DokployClient, compose_id: str) -> Sequence[DomainSeen]:
    """All of a stack; empty where it is gone."""
    try:
        return client.ask(
            "domain.byComposeId",
            lambda document: [rows.domain(row) for row in rows.rows(document)],
            composeId=compose_id,
        )
    except Gone:
        return []


def drop_waiting(client: DokployClient, compose_id: str) -> None:
    """Change, safe to repeat."""
    try:
        client.tell("compose.cleanQueues", {"composeId": compose_id}, anything)
    except Gone:
        return
