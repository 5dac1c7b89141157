"""ports.Compose: stacks of a target."""

from collections.abc import Sequence

from tenantry.adapters.dokploy import compose
from tenantry.adapters.dokploy.connected import Connected
from tenantry.ports import BuildSeen, ComposeSeen, ContainerSeen, DomainSeen, ServiceSeen


class DokployCompose(Connected):
    """Each method is one read or one change."""

    def create_compose(
        self, environment_id: str, name: str, app_name: str, description: str, server_id: str | None
    ) -> ServiceSeen:
        """Change: a new stack; give it its file next, its automatic deploys are on."""
        return compose.create(self._client, environment_id, name, app_name, description, server_id)

    def compose(self, compose_id: str) -> ComposeSeen | None:
        """In full; None where it is gone."""
        return compose.one(self._client, compose_id)

    def set_compose_file(self, compose_id: str, file: str) -> None:
        """Change, safe to repeat: the whole file; automatic deploys off."""
        compose.set_file(self._client, compose_id, file)

    def set_compose_environment(self, compose_id: str, dotenv: str) -> None:
        """Change, safe to repeat: replaces the whole environment."""
        compose.set_environment(self._client, compose_id, dotenv)

    def compose_services(self, compose_id: str) -> Sequence[str]:
        """Names of the services in its file; empty where it is gone."""
        return compose.services(self._client, compose_id)

    def deploy_compose(self, compose_id: str, title: str, description: str) -> None:
        """Change: one more run in the queue."""
        compose.deploy(self._client, compose_id, title, description)

    def compose_builds(self, compose_id: str) -> Sequence[BuildSeen]:
        """Its runs, newest first; a waiting one is not in it."""
        return compose.history(self._client, compose_id)

    def compose_containers(self, app_name: str, server_id: str | None) -> Sequence[ContainerSeen]:
        """Tasks of all its services. Empty means unknown, not absent."""
        return compose.containers(self._client, app_name, server_id)

    def stop_compose(self, compose_id: str) -> None:
        """Change, safe to repeat: removes the stack's services."""
        compose.stop(self._client, compose_id)

    def delete_compose(self, compose_id: str) -> None:
        """Change, safe to repeat: answered even while its services run on."""
        compose.delete(self._client, compose_id)

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
        return compose.create_domain(
            self._client, compose_id, service, host, port, https=https, certificate=certificate
        )

    def compose_domains(self, compose_id: str) -> Sequence[DomainSeen]:
        """Its domain objects."""
        return compose.domains(self._client, compose_id)

    def drop_waiting_runs(self, compose_id: str) -> None:
        """Change, safe to repeat: what waits, not what runs."""
        compose.drop_waiting(self._client, compose_id)
