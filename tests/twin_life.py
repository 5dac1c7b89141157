"""Applications of the target twin: what is changed of them after their first day."""

from collections.abc import Sequence
from dataclasses import replace

from tenantry.errors import Permanent
from tenantry.planning.sources import Volume
from tenantry.ports import (
    ApplicationSeen,
    DomainSeen,
    MountSeen,
    RedirectSeen,
    Running,
    ScheduleSeen,
)
from tests.twin_breaks import change, read
from tests.twin_builds import BuildsOfTwin
from tests.twin_rows import AppRow, ScheduleRow


class ApplicationLifeOfTwin(BuildsOfTwin):
    """
    Quirks: a reload checks nothing and also starts what was never built, a stop says yes to a
    silent engine, and a schedule outlives its application.
    """

    # What a test does to it.

    def schedule(
        self, app_id: str, name: str = "nightly", cron: str = "0 3 * * *", command: str = "true"
    ) -> ScheduleSeen:
        """A schedule that somebody made by hand."""
        made = ScheduleSeen(self.new_id("sch"), name, cron, command, enabled=True)
        self.schedule_rows[made.id] = ScheduleRow(app_id, made)
        return made

    # ports.ApplicationLife

    @read
    def application(self, app_id: str) -> ApplicationSeen | None:
        row = self.of_kind("application", app_id)
        return self._application(row) if row else None

    def _application(self, row: AppRow) -> ApplicationSeen:
        seen = row.seen
        return ApplicationSeen(
            id=seen.id,
            name=seen.name,
            app_name=seen.app_name,
            description=seen.description,
            status=seen.status,
            source_type="git" if row.git else ("docker" if row.image else "github"),
            git=row.git,
            image=row.image.image if row.image else None,
            build=row.build,
            replicas=row.replicas,
            memory=row.memory,
            cpu=row.cpu,
            args=row.args,
            stop_first=row.stop_first,
            auto_deploy=row.auto_deploy,
            fresh_build=row.fresh_build,
            rollback=row.rollback,
            env=row.dotenv or "",
            domains=tuple(self.domains_of(seen.id)),
            redirects=tuple(row.redirects),
            mounts=tuple(row.mounts),
            server_id=seen.server_id,
            created_at=seen.created_at,
        )

    def domains_of(self, service_id: str) -> list[DomainSeen]:
        return [seen for owner, seen in self.domain_rows.values() if owner == service_id]

    @change
    def configure_application(self, app_id: str, running: Running) -> None:
        self.set_running(self.row(app_id), running)

    def set_running(self, row: AppRow, running: Running) -> None:
        row.failure_action, row.args = "pause", running.args
        row.replicas, row.stop_first = running.replicas, running.stop_first
        row.memory, row.cpu = running.limits.memory_bytes, running.limits.nano_cpus

    @change
    def set_fresh_build(self, app_id: str, *, fresh: bool) -> None:
        self.row(app_id).fresh_build = fresh

    @change
    def reload_application(self, app_id: str, app_name: str) -> None:
        self.run_container(self.row(app_id))

    @change
    def stop_application(self, app_id: str) -> None:
        row = self.row(app_id)
        row.seen = replace(row.seen, status="idle")
        if row.scale is not None and not self.engine_silent:
            row.scale, row.containers = 0, []

    @change
    def adopt(self, kind: str, object_id: str, description: str) -> None:
        if kind == "project":
            if object_id not in self.project_rows:
                raise Permanent("Target twin: it answered 404, Project not found")
            found = self.project_rows[object_id]
            self.project_rows[object_id] = replace(found, description=description)
            return
        row = self.row(object_id)
        row.seen = replace(row.seen, description=description)
        if kind in {"application", "compose"}:
            row.auto_deploy = False

    @change
    def create_volume(self, app_id: str, volume: Volume) -> None:
        made = MountSeen(self.new_id("mnt"), "volume", volume.name, volume.path)
        self.row(app_id).mounts.append(made)

    @change
    def create_redirect(self, app_id: str, redirect: RedirectSeen) -> None:
        self.row(app_id).redirects.append(replace(redirect, id=self.new_id("red")))

    @change
    def delete_redirect(self, redirect_id: str) -> None:
        for row in self.apps.values():
            row.redirects = [r for r in row.redirects if r.id != redirect_id]

    @change
    def enable_domain(self, domain_id: str, *, enabled: bool) -> None:
        if domain_id not in self.domain_rows:
            raise Permanent("Target twin: it answered 404, Domain not found")
        owner, seen = self.domain_rows[domain_id]
        self.domain_rows[domain_id] = owner, replace(seen, enabled=enabled)

    @read
    def schedules_of(self, app_id: str) -> Sequence[ScheduleSeen]:
        return [
            row.seen for row in self.schedule_rows.values() if row.app_id == app_id and row.listed
        ]

    @change
    def enable_schedule(self, schedule: ScheduleSeen, *, enabled: bool) -> None:
        if not self._listed(schedule.id):
            raise Permanent("Target twin: it answered 404, Schedule not found")
        # The target takes name, cron and command of the call, whatever it had before.
        self.schedule_rows[schedule.id].seen = replace(schedule, enabled=enabled)

    @change
    def delete_schedule(self, schedule_id: str) -> None:
        # One whose application is gone is out of reach, and goes on.
        if self._listed(schedule_id):
            del self.schedule_rows[schedule_id]

    def _listed(self, schedule_id: str) -> bool:
        return schedule_id in self.schedule_rows and self.schedule_rows[schedule_id].listed

    @change
    def drop_waiting_builds(self, app_id: str) -> None:
        self.wanted = [wish for wish in self.wanted if wish[0] != app_id]

    @change
    def roll_back(self, rollback_id: str) -> None:
        for row in self.apps.values():
            if rollback_id in {build.rollback_id for build in row.history}:
                self.rolled_back.append(rollback_id)
                self.run_container(row)
                return
        raise Permanent("Target twin: it answered 400, Rollback not found")
