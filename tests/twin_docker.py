"""The engine of the target twin: machines, services, containers, volumes and images."""

from collections.abc import Sequence

from tenantry.errors import Permanent
from tenantry.ports import ContainerSeen, ContainerTimes, ImageSeen, NodeAppSeen
from tests.twin_breaks import change, read
from tests.twin_builds import BuildsOfTwin, stack_services
from tests.twin_rows import AppRow


class DockerOfTwin(BuildsOfTwin):
    """Quirk: with `engine_silent` every read is empty, as if there were nothing."""

    @read
    def containers(self, app_name: str, server_id: str | None) -> Sequence[ContainerSeen]:
        return self._tasks(app_name)

    def _tasks(self, app_name: str) -> list[ContainerSeen]:
        if self.engine_silent:
            return []
        self.look_at_orphans()
        rows = [row for row in self.in_engine() if row.seen.app_name == app_name]
        return [c for row in rows for c in row.containers]

    @read
    def nodes(self, server_id: str | None) -> Sequence[str]:
        return () if self.engine_silent else tuple(self.node_names)

    @read
    def node_apps(self, server_id: str | None) -> Sequence[NodeAppSeen]:
        if self.engine_silent:
            return ()
        self.look_at_orphans()
        return [app for row in self.in_engine() for app in self._services(row)]

    def _services(self, row: AppRow) -> list[NodeAppSeen]:
        if row.scale is None:
            return []
        image = row.image.image if row.image else f"{row.seen.app_name}:latest"
        if row.wish:
            image = row.wish.image
        name = row.seen.app_name
        if row.seen.kind != "compose":
            return [NodeAppSeen(name, image, _running(row.containers), row.scale)]
        return [
            NodeAppSeen(
                f"{name}_{service}",
                f"{service}:latest",
                _running([c for c in row.containers if c.name.startswith(f"{name}_{service}.")]),
                1,
            )
            for service in stack_services(row.file)
        ]

    @read
    def container_times(self, app_name: str, server_id: str | None) -> dict[str, ContainerTimes]:
        return {
            task.id: ContainerTimes(f"ctr-{task.id}", self.started.get(task.id), None)
            for task in self._tasks(app_name)
            if task.state == "running" and task.node not in self.away
        }

    @read
    def volumes(self, server_id: str | None) -> Sequence[str]:
        return () if self.engine_silent else tuple(self.volume_names)

    @change
    def remove_volume(self, name: str, server_id: str | None) -> None:
        used = [row for row in self.in_engine() if name in {m.source for m in row.mounts}]
        if name in self.volume_names and any(row.containers for row in used):
            raise Permanent("Target twin: it answered 400, volume is in use")
        self.volume_names = [known for known in self.volume_names if known != name]

    @read
    def images(self, server_id: str | None) -> Sequence[ImageSeen]:
        return () if self.engine_silent else tuple(self.image_rows)

    @change
    def remove_image(self, image: ImageSeen, server_id: str | None) -> None:
        self.image_rows = [known for known in self.image_rows if known != image]


def _running(containers: Sequence[ContainerSeen]) -> int:
    return sum(c.state == "running" for c in containers)
