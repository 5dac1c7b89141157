"""
A Dokploy server in memory, with its quirks, breakable on demand; no clock, no sleep, no chance.

Quirks kept: names get a suffix and are never unique, nothing de-duplicates, a waiting build is in
the queue and not in the history, the title is overwritten when a build from a repository ends, ten
rows are kept, a restart loses the queue without a trace, "done" says nothing about containers.
"""

from collections.abc import Sequence
from dataclasses import replace

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
from tests.twin_breaks import change, read
from tests.twin_world import TargetWorld


class TargetTwin(TargetWorld):
    """
    ports.Target in memory.

    A triggered build waits in the queue; at the first look (`builds`) it runs, and after
    `looks_to_end` looks it is over, with its containers up. With `looks_to_end=None` builds only
    move by `start_builds` and `finish_builds`. `plan_builds` says how the next ones end.
    """

    @read
    def version(self) -> str:
        return self.version_text

    @read
    def servers(self) -> Sequence[ServerSeen]:
        return tuple(self.machines)

    @read
    def projects_marked(self, marker: str) -> Sequence[ProjectSeen]:
        found = [p for p in self.projects.values() if marker in p.description.split()]
        return [self.with_services(p) for p in found]

    @read
    def project(self, project_id: str) -> ProjectSeen | None:
        found = self.projects.get(project_id)
        return self.with_services(found) if found else None

    @change
    def create_project(self, name: str, description: str) -> ProjectSeen:
        made = ProjectSeen(self.new_id("prj"), name, description, self.new_id("env"), self.moment())
        self.projects[made.id] = made
        return made

    @change
    def create_application(
        self, environment_id: str, name: str, app_name: str, description: str, server_id: str | None
    ) -> ServiceSeen:
        return self.create("application", environment_id, name, app_name, description, server_id)

    @change
    def settle_application(self, app_id: str, *, args: Sequence[str] | None = None) -> None:
        row = self.row(app_id)
        row.auto_deploy, row.failure_action, row.args = False, "pause", tuple(args or ())

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
        row = self.apps.get(app_id)
        if row is None:
            return ()
        if self.looks_to_end is not None:
            self.look(row)
        return tuple(row.history)

    @read
    def queue(self) -> Sequence[QueuedBuild]:
        active = [
            QueuedBuild(row.seen.id, build.title, "active")
            for row in self.apps.values()
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
    def containers(self, app_name: str, server_id: str | None) -> Sequence[ContainerSeen]:
        rows = [row for row in self.apps.values() if row.seen.app_name == app_name]
        return [c for row in rows for c in row.containers]

    @read
    def schedules(self, app_id: str) -> Sequence[BuildSeen]:
        return tuple(self.apps[app_id].schedules) if app_id in self.apps else ()

    @change
    def create_database(
        self, environment_id: str, wish: DatabaseWish, server_id: str | None
    ) -> ServiceSeen:
        made = self.create(
            wish.kind, environment_id, wish.name, wish.app_name, wish.description, server_id
        )
        self.apps[made.id].wish = wish
        return made

    @read
    def database(self, kind: DatabaseKind, database_id: str) -> ServiceSeen | None:
        row = self.apps.get(database_id)
        return row.seen if row and row.seen.kind == kind else None

    @change
    def deploy_database(self, kind: DatabaseKind, database_id: str, *, deadline: float) -> None:
        row = self.row(database_id)
        row.seen = replace(row.seen, status="done")
        self.run_container(row)

    @read
    def domains(self, app_id: str) -> Sequence[DomainSeen]:
        return [domain for owner, domain in self.domain_rows.values() if owner == app_id]

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
        self.apps.pop(app_id, None)

    @change
    def delete_domain(self, domain_id: str) -> None:
        self.domain_rows.pop(domain_id, None)
