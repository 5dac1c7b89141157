"""ports.Docker: the engine behind a target."""

from collections.abc import Sequence

from tenantry.adapters.dokploy import docker, hosts
from tenantry.adapters.dokploy.connected import Connected
from tenantry.ports import ContainerSeen, ContainerTimes, ImageSeen, NodeAppSeen


class DokployDocker(Connected):
    """Every read is empty on any error of Docker's."""

    def containers(self, app_name: str, server_id: str | None) -> Sequence[ContainerSeen]:
        """Tasks of a service. Empty means unknown, not absent."""
        return hosts.containers(self._client, app_name, server_id)

    def nodes(self, server_id: str | None) -> Sequence[str]:
        """Names of the swarm's machines; empty means that the engine did not answer."""
        return docker.nodes(self._client, server_id)

    def node_apps(self, server_id: str | None) -> Sequence[NodeAppSeen]:
        """Every service of the swarm, but for the target's own."""
        return docker.node_apps(self._client, server_id)

    def container_times(self, app_name: str, server_id: str | None) -> dict[str, ContainerTimes]:
        """Task id → times, for the running containers on the server's own host."""
        return docker.container_times(self._client, app_name, server_id)

    def volumes(self, server_id: str | None) -> Sequence[str]:
        """Names of all volumes."""
        return docker.volumes(self._client, server_id)

    def remove_volume(self, name: str, server_id: str | None) -> None:
        """Change, safe to repeat: the data is lost. Permanent while something uses it."""
        docker.remove_volume(self._client, name, server_id)

    def images(self, server_id: str | None) -> Sequence[ImageSeen]:
        """All images."""
        return docker.images(self._client, server_id)

    def remove_image(self, image: ImageSeen, server_id: str | None) -> None:
        """Change, safe to repeat. Permanent while something uses it."""
        docker.remove_image(self._client, image, server_id)
