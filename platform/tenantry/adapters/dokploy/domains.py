"""Domain objects: hostnames routed to applications. Nothing on the target keeps them unique."""

from collections.abc import Sequence

from tenantry.adapters.dokploy import rows
from tenantry.adapters.dokploy.client import DokployClient, confirmed
from tenantry.adapters.dokploy.faults import Gone
from tenantry.ports import DomainSeen


def of_application(client: DokployClient, app_id: str) -> Sequence[DomainSeen]:
    """All of an application; also empty where the application is gone."""
    return client.ask(
        "domain.byApplicationId",
        lambda document: [rows.domain(row) for row in rows.rows(document)],
        applicationId=app_id,
    )


def create(
    client: DokployClient, app_id: str, host: str, port: int, *, https: bool, certificate: str
) -> DomainSeen:
    """Change: a repeat makes a second router, which splits the traffic."""
    body = {
        "applicationId": app_id,
        "domainType": "application",
        "host": host,
        "path": "/",
        "port": port,
        # https alone is accepted and gives TLS without a certificate: always both.
        "https": https,
        "certificateType": certificate,
    }
    return client.tell("domain.create", body, rows.domain)


def update(
    client: DokployClient, domain_id: str, host: str, port: int, *, https: bool, certificate: str
) -> None:
    """Sends all that we set: the target keeps what is left out."""
    body = {
        "domainId": domain_id,
        "host": host,
        "port": port,
        "https": https,
        "certificateType": certificate,
    }
    client.tell("domain.update", body, confirmed)


def enable(client: DokployClient, domain_id: str, *, enabled: bool) -> None:
    """
    Change, safe to repeat: reads the hostname, which every update has to carry.

    The target's own `toggleEnable` turns round whatever there is, so a repeat would undo it.
    """
    host = client.ask("domain.one", lambda row: rows.text(row["host"]), domainId=domain_id)
    body = {"domainId": domain_id, "host": host, "enabled": enabled}
    client.tell("domain.update", body, confirmed)


def delete(client: DokployClient, domain_id: str) -> None:
    """Change, safe to repeat."""
    try:
        client.tell("domain.delete", {"domainId": domain_id}, confirmed)
    except Gone:
        return
