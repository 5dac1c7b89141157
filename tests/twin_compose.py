"""Compose stacks of the target twin."""

from collections.abc import Sequence
from dataclasses import replace

from tenantry.errors import Permanent
from tenantry.ports import BuildSeen, ComposeSeen, ContainerSeen, DomainSeen, ServiceSeen
from tests.twin_breaks import change, read
from tests.twin_builds import BuildsOfTwin, stack_services
from tests.twin_rows import AppRow


class ComposeOfTwin(BuildsOfTwin):
    """Quirk: with `stack_lingers` a deletion is answered and the services run on."""

    @change
    def create_compose(
        self, environment_id: str, name: str, app_name: str, description: str, server_id: str | None
    ) -> ServiceSeen:
        return self.create("compose", environment_id, name, app_name, description, server_id)

    @read
    def compose(self, compose_id: str) -> ComposeSeen | None:
        row = self.of_kind("compose", compose_id)
        if row is None:
            return None
        return ComposeSeen(
            id=row.seen.id,
            name=row.seen.name,
            app_name=row.seen.app_name,
            description=row.seen.description,
            status=row.seen.status,
            file=row.file,
            env=row.dotenv or "",
            auto_deploy=row.auto_deploy,
            domains=tuple(self._stack_domains(compose_id)),
            mounts=tuple(row.mounts),
            server_id=row.seen.server_id,
            created_at=row.seen.created_at,
        )

    def _stack_domains(self, compose_id: str) -> list[DomainSeen]:
        return [seen for owner, seen in self.domain_rows.values() if owner == compose_id]

    @change
    def set_compose_file(self, compose_id: str, file: str) -> None:
        row = self._stack(compose_id)
        row.file, row.auto_deploy = file, False

    @change
    def set_compose_environment(self, compose_id: str, dotenv: str) -> None:
        self._stack(compose_id).dotenv = dotenv

    @read
    def compose_services(self, compose_id: str) -> Sequence[str]:
        row = self.of_kind("compose", compose_id)
        return stack_services(row.file) if row else ()

    @change
    def deploy_compose(self, compose_id: str, title: str, description: str) -> None:
        self.wanted.append((self._stack(compose_id).seen.id, title, description))

    @read
    def compose_builds(self, compose_id: str) -> Sequence[BuildSeen]:
        return self.runs_of(self.of_kind("compose", compose_id))

    @read
    def compose_containers(self, app_name: str, server_id: str | None) -> Sequence[ContainerSeen]:
        if self.engine_silent:
            return ()
        rows = [row for row in self.in_engine() if row.seen.app_name == app_name]
        return [c for row in rows for c in row.containers]

    @change
    def stop_compose(self, compose_id: str) -> None:
        row = self._stack(compose_id)
        row.seen = replace(row.seen, status="idle")
        if not self.engine_silent:
            row.scale, row.containers = None, []

    @change
    def delete_compose(self, compose_id: str) -> None:
        if self.of_kind("compose", compose_id) is None:
            return
        row = self.drop(compose_id)
        if row and self.stack_lingers and row.containers:
            self.orphans[compose_id] = row

    @change
    def create_compose_domain(
        self,
        compose_id: str,
        service: str,
        host: str,
        port: int,
        *,
        https: bool,
        certificate: str,
    ) -> DomainSeen:
        made = DomainSeen(self.new_id("dom"), host, "/", port, https, certificate, service=service)
        self.domain_rows[made.id] = (self._stack(compose_id).seen.id, made)
        return made

    @read
    def compose_domains(self, compose_id: str) -> Sequence[DomainSeen]:
        return self._stack_domains(compose_id)

    @change
    def drop_waiting_runs(self, compose_id: str) -> None:
        self.wanted = [wish for wish in self.wanted if wish[0] != compose_id]

    def _stack(self, compose_id: str) -> AppRow:
        row = self.of_kind("compose", compose_id)
        if row is None:
            raise Permanent("Target twin: it answered 404, Compose not found")
        return row
