"""
The images on the engine's host, and the tags of all registries behind it.

An image that was cleaned up stays away until a deploy pulls or builds it again: a service that
is started meanwhile finds "No such image".
"""

import hashlib
from typing import Final

from dokploy_simulator.identity import new_id, now_iso
from dokploy_simulator.store import Row, Store

REFUSED: Final = "fail"


def full_name(image: str) -> str:
    """The name with its tag, as the engine stores it."""
    head, _, tail = image.rpartition("/")
    if "@" in tail or ":" in tail:
        return image
    return f"{head}/{tail}:latest" if head else f"{tail}:latest"


def split_name(image: str) -> tuple[str, str]:
    """Repository and tag."""
    repository, _, tag = full_name(image).partition("@")[0].rpartition(":")
    return (repository, tag) if repository else (tag, "<none>")


class Images:
    """Local images by name. Tests move tags and lose images by the control door."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def registry_digest(self, image: str) -> str:
        """What the registry has under the tag now."""
        _, _, pinned = image.partition("@")
        if pinned:
            return pinned
        moved = (self._store.get("tag", full_name(image)) or {}).get("moved", 0)
        seed = image if not moved else f"{image}/{moved}"
        return "sha256:" + hashlib.sha256(seed.encode()).hexdigest()

    def move_tag(self, image: str) -> str:
        """Let the registry have something new under the tag; the new digest."""
        name = full_name(image)
        moved = (self._store.get("tag", name) or {}).get("moved", 0)
        self._store.put("tag", name, {"moved": moved + 1})
        return self.registry_digest(image)

    def pull(self, image: str) -> str:
        """Bring an image from its registry; its digest."""
        digest = self.registry_digest(image)
        self._keep(image, digest=digest, image_id=digest, source=image, built=False)
        return digest

    def build(self, image: str, source: str) -> None:
        """Make an image here; ``source`` is the text that says how it behaves."""
        seed = f"{image}/{new_id()}"
        image_id = "sha256:" + hashlib.sha256(seed.encode()).hexdigest()
        self._keep(image, digest=None, image_id=image_id, source=source, built=True)

    def _keep(self, image: str, **values: object) -> None:
        image_id = values.pop("image_id")
        name = full_name(image)
        self._store.drop("imageGone", name)
        row = {"name": name, "id": image_id, "createdAt": now_iso(), "size": 187_000_000}
        self._store.put("image", name, row | values)

    def row(self, image: str) -> Row | None:
        """The local image, or None."""
        return self._store.get("image", full_name(image))

    def every(self) -> list[Row]:
        """All local images, oldest first."""
        return self._store.every("image")

    def missing(self, image: str, *, built: bool) -> bool:
        """Whether a task of this image cannot start here; a swarm pulls what it never had."""
        name = full_name(image)
        if self._store.get("image", name) is not None:
            return False
        if built or self._store.get("imageGone", name) is not None:
            return True
        return REFUSED in image

    def need(self, image: str) -> None:
        """What a swarm does for a task: pull the image if it was never here."""
        if self.row(image) is None:
            self.pull(image)

    def remove(self, image: str) -> bool:
        """Lose an image; whether it was there. It stays away until it is pulled or built."""
        name = full_name(image)
        self._store.put("imageGone", name, {"name": name, "since": now_iso()})
        return self._store.drop("image", name) is not None
