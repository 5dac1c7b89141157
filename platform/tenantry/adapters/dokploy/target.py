"""ports.Target: a Dokploy server in our words. Each method is one read or one change."""

from collections.abc import Sequence

from tenantry.adapters.dokploy import (
    applications,
    builds,
    databases,
    domains,
    hosts,
    projects,
)
from tenantry.adapters.dokploy.client import DokployClient
from tenantry.planning.sources import Build, DatabaseKind, GitSource, ImageSource
from tenantry.ports import (
    BuildSeen,
    ContainerSeen,
    DatabaseWish,
    DomainSeen,
    ProjectSeen,
    QueuedBuild,
    ServerSeen,
    ServiceSeen,
)


class DokployTarget:
    """
    A server under one key; threads share it.

    The first call asks the server for its version, once for each process: Permanent where it is
    older than we support. All other errors are those of `faults`.
    """

    def __init__(self, client: DokployClient) -> None:
        self._connected = client

    @property
    def _client(self) -> DokployClient:
        if self._connected.server.known_version is None:
            self.version()
        return self._connected

    def version(self) -> str:
        """Asked anew at each call. Permanent where the server is older than 0.30.2."""
        found = hosts.version(self._connected)
        self._connected.server.known_version = found
        return found

    def servers(self) -> Sequence[ServerSeen]:
        """The machines behind this target, its own host (id None) first."""
        return hosts.servers(self._client)

    def projects_marked(self, marker: str) -> Sequence[ProjectSeen]:
        """Projects whose description carries the marker as a word, oldest first."""
        return projects.marked(self._client, marker)

    def project(self, project_id: str) -> ProjectSeen | None:
        """One project with its services; None where it is gone."""
        return projects.one(self._client, project_id)

    def create_project(self, name: str, description: str) -> ProjectSeen:
        """Change: a new project with its default environment."""
        return projects.create(self._client, name, description)

    def create_application(
        self, environment_id: str, name: str, app_name: str, description: str, server_id: str | None
    ) -> ServiceSeen:
        """Change: a new application; settle it next, its automatic deploys are on."""
        return applications.create(
            self._client, environment_id, name, app_name, description, server_id
        )

    def settle_application(self, app_id: str, *, args: Sequence[str] | None = None) -> None:
        """Change, safe to repeat: automatic deploys off, a failed update pauses."""
        applications.settle(self._client, app_id, args)

    def attach_git(self, app_id: str, source: GitSource) -> None:
        """Change, safe to repeat: the source is this repository."""
        applications.attach_git(self._client, app_id, source)

    def attach_image(self, app_id: str, source: ImageSource) -> None:
        """Change, safe to repeat: the source is this image."""
        applications.attach_image(self._client, app_id, source)

    def set_build(self, app_id: str, build: Build) -> None:
        """Change, safe to repeat: how it is built."""
        applications.set_build(self._client, app_id, build)

    def set_environment(self, app_id: str, dotenv: str) -> None:
        """Change, safe to repeat: replaces the whole environment."""
        applications.set_environment(self._client, app_id, dotenv)

    def application_status(self, app_id: str) -> str | None:
        """State of the last deploy; None where the application is gone."""
        return applications.status(self._client, app_id)

    def builds(self, app_id: str) -> Sequence[BuildSeen]:
        """History, newest first; a waiting build is not in it."""
        return builds.history(self._client, app_id)

    def queue(self) -> Sequence[QueuedBuild]:
        """What runs or waits, in the order in which it will run."""
        return builds.queue(self._client)

    def trigger_build(self, app_id: str, title: str, description: str) -> None:
        """Change: one more build in the queue."""
        builds.trigger(self._client, app_id, title, description)

    def build_log(self, build_id: str, tail: int) -> str:
        """The last `tail` lines, 10,000 at most; empty where the log is gone."""
        return builds.log(self._client, build_id, tail)

    def containers(self, app_name: str, server_id: str | None) -> Sequence[ContainerSeen]:
        """Tasks of a service. Empty means unknown, not absent."""
        return hosts.containers(self._client, app_name, server_id)

    def schedules(self, app_id: str) -> Sequence[BuildSeen]:
        """Runs of an application's schedules, newest first."""
        return builds.scheduled_runs(self._client, app_id)

    def create_database(
        self, environment_id: str, wish: DatabaseWish, server_id: str | None
    ) -> ServiceSeen:
        """Change: a new database with its volume."""
        return databases.create(self._client, environment_id, wish, server_id)

    def database(self, kind: DatabaseKind, database_id: str) -> ServiceSeen | None:
        """One database; None where it is gone."""
        return databases.one(self._client, kind, database_id)

    def deploy_database(self, kind: DatabaseKind, database_id: str, *, deadline: float) -> None:
        """Change: blocks for up to `deadline` seconds; a time-out leaves the outcome unknown."""
        databases.deploy(self._client, kind, database_id, deadline)

    def domains(self, app_id: str) -> Sequence[DomainSeen]:
        """The domain objects of an application."""
        return domains.of_application(self._client, app_id)

    def create_domain(
        self, app_id: str, host: str, port: int, *, https: bool, certificate: str
    ) -> DomainSeen:
        """Change: route a hostname."""
        return domains.create(
            self._client, app_id, host, port, https=https, certificate=certificate
        )

    def update_domain(
        self, domain_id: str, host: str, port: int, *, https: bool, certificate: str
    ) -> None:
        """Change, safe to repeat: the same hostname, to another port or with another scheme."""
        domains.update(self._client, domain_id, host, port, https=https, certificate=certificate)

    def delete_application(self, app_id: str) -> None:
        """Change, safe to repeat: only for a double with our marker that never had a build."""
        applications.delete(self._client, app_id)

    def delete_domain(self, domain_id: str) -> None:
        """Change, safe to repeat: only for a double of one hostname on one application."""
        domains.delete(self._client, domain_id)
