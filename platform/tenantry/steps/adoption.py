"""Finding our own things on a target again: by marker, or by the id a row refers to."""

from collections.abc import Sequence
from typing import Protocol, TypeVar


class Marked(Protocol):
    """Anything on a target with a description and a birth."""

    @property
    def id(self) -> str:
        """The target's id."""

    @property
    def description(self) -> str:
        """Where our marker stands."""

    @property
    def created_at(self) -> str:
        """ISO-8601; sorts as text."""


T = TypeVar("T", bound=Marked)


def describe(marker: str, words: str) -> str:
    """A description: our marker first, then words for people."""
    return f"{marker} {words}".strip()


def carries(thing: Marked, marker: str) -> bool:
    """Whether the marker stands in the description as a word of its own."""
    return marker in thing.description.split()


def ours(things: Sequence[T], marker: str, known_id: str | None) -> list[T]:
    """Those with our marker: the one a row refers to first, then by age, the oldest first."""
    marked = [t for t in things if carries(t, marker)]
    return sorted(marked, key=lambda t: (t.id != known_id, t.created_at, t.id))
