"""Marking what somebody else made: a description, and no deploys but ours; no engine call."""

from tenantry.adapters.dokploy import databases, rows
from tenantry.adapters.dokploy.client import DokployClient, confirmed
from tenantry.planning.databases import DATABASE_KINDS


def adopt(client: DokployClient, kind: str, object_id: str, description: str) -> None:
    """Change, safe to repeat."""
    for known in DATABASE_KINDS:
        if kind == known:
            databases.update(client, known, object_id, {"description": description})
            return
    body: dict[str, object] = {rows.id_field(kind): object_id, "description": description}
    if kind in {rows.APPLICATION, rows.COMPOSE}:
        body["autoDeploy"] = False
    client.tell(f"{kind}.update", body, confirmed)
