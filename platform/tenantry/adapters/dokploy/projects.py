"""Projects: found by our marker in their description, never by the target's own search."""

from collections.abc import Sequence

from tenantry.adapters.dokploy import rows
from tenantry.adapters.dokploy.client import DokployClient, confirmed
from tenantry.adapters.dokploy.faults import Gone
from tenantry.ports import ProjectSeen, ServiceSeen


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
            _in_full,
            projectId=project_id,
        )
    except Gone:
        return None


def _in_full(row: rows.Row) -> ProjectSeen:
    environments = rows.rows(row["environments"])
    return rows.project(row, environments, rows.services(environments))


def every(client: DokployClient) -> Sequence[ProjectSeen]:
    """
    All of the organization, oldest first, in two calls whatever their number.

    Services come without their descriptions: no list of the whole server has them.
    """
    found: dict[str, list[ServiceSeen]] = {}
    listed = client.ask("overview.services", lambda d: [rows.overview(r) for r in rows.rows(d)])
    for project_id, service in listed:
        found.setdefault(project_id, []).append(service)

    def with_services(document: object) -> list[ProjectSeen]:
        return [
            rows.project(row, rows.rows(row["environments"]), found.get(row["projectId"], []))
            for row in rows.rows(document)
        ]

    # Asked last: a project that is younger than the list of services has none yet.
    projects = client.ask("project.all", with_services)
    return sorted(projects, key=lambda p: (p.created_at, p.id))


def delete(client: DokployClient, project_id: str) -> None:
    """Change, safe to repeat: takes rows away and nothing of what runs."""
    try:
        client.tell("project.remove", {"projectId": project_id}, confirmed)
    except Gone:
        return


def create(client: DokployClient, name: str, description: str) -> ProjectSeen:
    """Change: names are not unique, so a repeat makes a second one."""
    return client.tell(
        "project.create",
        {"name": name, "description": description},
        lambda made: rows.project(made["project"], [made["environment"]], []),
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
