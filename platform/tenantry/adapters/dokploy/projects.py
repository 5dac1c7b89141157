"""Projects: found by our marker in their description, never by the target's own search."""

from collections.abc import Sequence

from tenantry.adapters.dokploy import rows
from tenantry.adapters.dokploy.client import DokployClient
from tenantry.adapters.dokploy.faults import Gone
from tenantry.ports import ProjectSeen


def marked(client: DokployClient, marker: str) -> Sequence[ProjectSeen]:
    """
    Those whose description holds the marker as a whole word, oldest first.

    `project.search` misses what was created at the same time and takes `_` for a wildcard, so
    all are listed and compared here.
    """

    def ids(document: object) -> list[str]:
        return [
            str(row["projectId"])
            for row in rows.rows(document)
            if marker in str(row.get("description") or "").split()
        ]

    found = [one(client, project_id) for project_id in client.ask("project.all", ids)]
    return sorted((p for p in found if p is not None), key=lambda p: (p.created_at, p.id))


def one(client: DokployClient, project_id: str) -> ProjectSeen | None:
    """A project with all its services; None where it is gone."""
    try:
        return client.ask(
            "project.one",
            lambda row: rows.project(row, rows.rows(row["environments"])),
            projectId=project_id,
        )
    except Gone:
        return None


def create(client: DokployClient, name: str, description: str) -> ProjectSeen:
    """Change: names are not unique, so a repeat makes a second one."""
    return client.tell(
        "project.create",
        {"name": name, "description": description},
        lambda made: rows.project(made["project"], [made["environment"]]),
    )


def of_environment(client: DokployClient, environment_id: str) -> ProjectSeen | None:
    """The project to which an environment belongs; None where either is gone."""
    try:
        project_id = client.ask(
            "environment.one", lambda row: str(row["projectId"]), environmentId=environment_id
        )
    except Gone:
        return None
    return one(client, project_id)
