"""ports.Target: a Dokploy server in our words. Each method is one read or one change."""

from collections.abc import Sequence

from tenantry.adapters.dokploy import applications, builds, domains, hosts, projects
from tenantry.adapters.dokploy.client import DokployClient
from tenantry.adapters.dokploy.target_applications import DokployApplications
from tenantry.adapters.dokploy.target_backups import DokployBackups
from tenantry.adapters.dokploy.target_compose import DokployCompose
from tenantry.adapters.dokploy.target_databases import DokployDatabases
from tenantry.adapters.dokploy.target_docker import DokployDocker
from tenantry.planning.limits import Capabilities
from tenantry.planning.sources import Build, GitSource, ImageSource
from tenantry.ports import (
    BuildSeen,
    DomainSeen,
    ProjectSeen,
    QueuedBuild,
    Running,
    ServerSeen,
    ServiceSeen,
)


class DokployTarget(
    DokployApplications, DokployDatabases, DokployCompose, DokployBackups, DokployDocker
):
    """
    A server under one key; threads share it. What comes after the first day is in its bases.

    `restore` says whether staff allow restores on this target.
    """

    def __init__(self, client: DokployClient, *, restore: bool = False) -> None:
        super().__init__(client)
        self._able = Capabilities(gpu=False, storage_quota=False, restore=restore)

    def capabilities(self) -> Capabilities:
        """What this target can do; asks nothing."""
        return self._able

    def servers(self) -> Sequence[ServerSeen]:
        """The machines behind this target, its own host (id None) first."""
        return hosts.servers(self._client)

    def projects_marked(self, marker: str) -> Sequence[ProjectSeen]:
        """Projects whose description carries the marker as a word, oldest first."""
        return projects.marked(self._client, marker)

    def project(self, project_id: str) -> ProjectSeen | None:
        """One project with its services; None where it is gone."""
        return projects.one(self._client, project_id)

    def projects(self) -> Sequence[ProjectSeen]:
        """Every project, oldest first, in two calls; its services come without descriptions."""
        return projects.every(self._client)

    def delete_project(self, project_id: str) -> None:
        """Change, safe to repeat: what is left in it runs on, with no id pointing to it."""
        projects.delete(self._client, project_id)

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

    def settle_application(self, app_id: str, running: Running) -> None:
        """Change, safe to repeat: automatic deploys off, a failed update pauses."""
        applications.settle(self._client, app_id, running)

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

    def schedules(self, app_id: str) -> Sequence[BuildSeen]:
        """Runs of an application's schedules, newest first."""
        return builds.scheduled_runs(self._client, app_id)

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
        """Change, safe to repeat: its volumes and its image stay."""
        applications.delete(self._client, app_id)

    def delete_domain(self, domain_id: str) -> None:
        """Change, safe to repeat."""
        domains.delete(self._client, domain_id)
