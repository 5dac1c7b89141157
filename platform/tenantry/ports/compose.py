"""Compose stacks on a target."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tenantry.ports.applications import DomainSeen, MountSeen
from tenantry.ports.builds import BuildSeen, ContainerSeen, ServiceSeen


@dataclass(frozen=True, slots=True)
class ComposeSeen:
    """
    A compose stack in full. `env` is its dotenv text in clear: never log, store or show it.

    `status` is idle, running, done or error: the state of its last deploy.
    """

    id: str
    name: str
    app_name: str
    description: str
    status: str
    file: str
    env: str = field(repr=False)
    stack: bool = True
    auto_deploy: bool = False
    domains: tuple[DomainSeen, ...] = ()
    mounts: tuple[MountSeen, ...] = ()
    server_id: str | None = None
    created_at: str = ""


class Compose(Protocol):
    """Stacks: several containers from one compose file, always of the kind `stack`."""

    def create_compose(
        self, environment_id: str, name: str, app_name: str, description: str, server_id: str | None
    ) -> ServiceSeen:
        """Change: a new stack (raw file); a repeat makes a second one."""

    def compose(self, compose_id: str) -> ComposeSeen | None:
        """In full; None where it is gone."""

    def set_compose_file(self, compose_id: str, file: str) -> None:
        """Change, safe to repeat: the whole file; automatic deploys off."""

    def set_compose_environment(self, compose_id: str, dotenv: str) -> None:
        """Change, safe to repeat: reaches only the names that the file refers to."""

    def compose_services(self, compose_id: str) -> Sequence[str]:
        """Names of the services in its file."""

    def deploy_compose(self, compose_id: str, title: str, description: str) -> None:
        """Change: one more run in the queue; also how a stopped stack comes back."""

    def compose_builds(self, compose_id: str) -> Sequence[BuildSeen]:
        """Its runs, newest first; a waiting one is not in it."""

    def compose_containers(self, app_name: str, server_id: str | None) -> Sequence[ContainerSeen]:
        """Tasks of all its services. Empty means unknown, not absent."""

    def stop_compose(self, compose_id: str) -> None:
        """Change, safe to repeat: removes the stack's services; volumes stay."""

    def delete_compose(self, compose_id: str) -> None:
        """Change, safe to repeat: volumes stay. Answered even while its services run on."""

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
        """Change: routed at the next deploy of the stack."""

    def compose_domains(self, compose_id: str) -> Sequence[DomainSeen]:
        """Its domain objects."""

    def drop_waiting_runs(self, compose_id: str) -> None:
        """Change, safe to repeat: what waits in the queue for this stack."""
