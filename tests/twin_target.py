"""
A Dokploy server in memory, with its quirks, breakable on demand; no clock, no sleep, no chance.

Quirks kept: names get a suffix and are never unique, nothing de-duplicates, a waiting build is in
the queue and not in the history, the title is overwritten when a build from a repository ends, ten
rows are kept, a restart loses the queue without a trace, "done" says nothing about containers.
"""

from collections.abc import Sequence
from dataclasses import replace

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
from tests.twin_backups import BackupsOfTwin
from tests.twin_breaks import change, read
from tests.twin_compose import ComposeOfTwin
from tests.twin_databases import DatabasesOfTwin
from tests.twin_docker import DockerOfTwin
from tests.twin_life import ApplicationLifeOfTwin


class TargetTwin(
    ApplicationLifeOfTwin, DatabasesOfTwin, ComposeOfTwin, BackupsOfTwin, DockerOfTwin
):
    """ports.Target in memory: the first day here, the rest of its life in the bases."""

    @read
    def version(self) -> str:
        return self.version_text

    @read
    def servers(self) -> Sequence[ServerSeen]:
        return tuple(self.machines)

    def capabilities(self) -> Capabilities:
        return self.able

    @read
    def projects_marked(self, marker: str) -> Sequence[ProjectSeen]:
        found = [p for p in self.project_rows.values() if marker in p.description.split()]
        return [self._with_services(p) for p in found]

    @read
    def project(self, project_id: str) -> ProjectSeen | None:
        found = self.project_rows.get(project_id)
        return self._with_services(found) if found else None

    @read
    def projects(self) -> Sequence[ProjectSeen]:
        # No list of the whole server has the descriptions of services.
        found = [self._with_services(p) for p in self.project_rows.values()]
        return [
            replace(p, services=tuple(replace(s, description="") for s in p.services))
            for p in found
        ]

    def _with_services(self, project: ProjectSeen) -> ProjectSeen:
        own = [
            row.seen for row in self.apps.values() if row.environment_id == project.environment_id
        ]
        return replace(project, services=tuple(own))

    @change
    def create_project(self, name: str, description: str) -> ProjectSeen:
        made = ProjectSeen(self.new_id("prj"), name, description, self.new_id("env"), self.moment())
        self.project_rows[made.id] = made
        return made

    @change
    def delete_project(self, project_id: str) -> None:
        gone = self.project_rows.pop(project_id, None)
        for row in list(self.apps.values()):
            if gone and row.environment_id == gone.environment_id:
                # Only rows go: what runs, runs on with no id pointing to it.
                self.drop(row.seen.id)
                self.orphans[row.seen.id] = row

    @change
    def create_application(
        self, environment_id: str, name: str, app_name: str, description: str, server_id: str | None
    ) -> ServiceSeen:
        return self.create("application", environment_id, name, app_name, description, server_id)

    @change
    def settle_application(self, app_id: str, running: Running) -> None:
        row = self.row(app_id)
        row.auto_deploy = False
        self.set_running(row, running)

    @change
    def attach_git(self, app_id: str, source: GitSource) -> None:
        row = self.row(app_id)
        row.git, row.image, row.seen = source, None, replace(row.seen, status="idle")

    @change
    def attach_image(self, app_id: str, source: ImageSource) -> None:
        row = self.row(app_id)
        row.git, row.image, row.seen = None, source, replace(row.seen, status="idle")

    @change
    def set_build(self, app_id: str, build: Build) -> None:
        self.row(app_id).build = build

    @change
    def set_environment(self, app_id: str, dotenv: str) -> None:
        self.row(app_id).dotenv = dotenv

    @read
    def application_status(self, app_id: str) -> str | None:
        row = self.apps.get(app_id)
        return row.seen.status if row else None

    @read
    def builds(self, app_id: str) -> Sequence[BuildSeen]:
        return self.runs_of(self.apps.get(app_id))

    @read
    def queue(self) -> Sequence[QueuedBuild]:
        active = [
            QueuedBuild(row.seen.id, build.title, "active")
            for row in self.in_engine()
            for build in row.history
            if build.status == "running"
        ]
        return [
            *active,
            *(QueuedBuild(app_id, title, "waiting") for app_id, title, _ in self.wanted),
        ]

    @change
    def trigger_build(self, app_id: str, title: str, description: str) -> None:
        self.wanted.append((self.row(app_id).seen.id, title, description))

    @read
    def build_log(self, build_id: str, tail: int) -> str:
        return "".join(self.logs.get(build_id, "").splitlines(keepends=True)[-tail:])

    @read
    def schedules(self, app_id: str) -> Sequence[BuildSeen]:
        return tuple(self.apps[app_id].schedules) if app_id in self.apps else ()

    @read
    def domains(self, app_id: str) -> Sequence[DomainSeen]:
        return self.domains_of(app_id)

    @change
    def create_domain(
        self, app_id: str, host: str, port: int, *, https: bool, certificate: str
    ) -> DomainSeen:
        made = DomainSeen(self.new_id("dom"), host, "/", port, https, certificate)
        self.domain_rows[made.id] = (self.row(app_id).seen.id, made)
        return made

    @change
    def update_domain(
        self, domain_id: str, host: str, port: int, *, https: bool, certificate: str
    ) -> None:
        app_id, seen = self.domain_rows[domain_id]
        self.domain_rows[domain_id] = (
            app_id,
            replace(seen, host=host, port=port, https=https, certificate=certificate),
        )

    @change
    def delete_application(self, app_id: str) -> None:
        row = self.drop(app_id)
        if row and any(build.status == "running" for build in row.history):
            # Its containers go now, and come back when the build ends.
            row.scale, row.containers = None, []
            self.orphans[app_id] = row

    @change
    def delete_domain(self, domain_id: str) -> None:
        self.domain_rows.pop(domain_id, None)
