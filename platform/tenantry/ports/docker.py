"""
The engine behind a target: machines, what runs, images and volumes.

Every read here answers an empty list on any Docker error, so absence needs a second sign that the
engine answered: `nodes` in the same minute.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NodeAppSeen:
    """A service of the swarm: `running` of `wanted` tasks."""

    name: str
    image: str
    running: int
    wanted: int


@dataclass(frozen=True, slots=True)
class ImageSeen:
    """An image in the store of one machine."""

    id: str
    repository: str
    tag: str


@dataclass(frozen=True, slots=True)
class ContainerTimes:
    """Exact times of one container, where the server can inspect it."""

    container_id: str
    started_at: datetime | None
    stopped_at: datetime | None


class Docker(Protocol):
    """What the engine of a target shows."""

    def nodes(self, server_id: str | None) -> Sequence[str]:
        """Names of the swarm's machines; empty means that the engine did not answer."""

    def node_apps(self, server_id: str | None) -> Sequence[NodeAppSeen]:
        """Every service of the swarm; empty where there is none, or no answer."""

    def container_times(self, app_name: str, server_id: str | None) -> dict[str, ContainerTimes]:
        """Task id → times, for the containers on the server's own host; others are absent."""

    def volumes(self, server_id: str | None) -> Sequence[str]:
        """Names of all volumes."""

    def remove_volume(self, name: str, server_id: str | None) -> None:
        """Change, safe to repeat: the data is lost. Permanent while something uses it."""

    def images(self, server_id: str | None) -> Sequence[ImageSeen]:
        """All images."""

    def remove_image(self, image: ImageSeen, server_id: str | None) -> None:
        """Change, safe to repeat."""
