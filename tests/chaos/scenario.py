"""What a scenario is, and how its result is told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Told:
    """
    The result of one scenario: figures by name, and what went against its promise.

    An empty `broken` means that the promise was kept.
    """

    figures: dict[str, Any] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    def expect(self, holds: bool, words: str) -> None:  # noqa: FBT001 — reads as a sentence
        """Notes a broken promise."""
        if not holds:
            self.broken.append(words)

    def kept(self, verdict: Mapping[str, Any]) -> None:
        """Takes the counts of a verdict over; each of them must be nought."""
        for name, number in verdict.items():
            self.figures[name] = number
            self.expect(number == 0, f"{name}: {number}")


@dataclass(frozen=True)
class How:
    """Sizes of one run: deployments in flight and seconds of the storm, and the seed of both."""

    base: Path
    seed: int
    flight: int
    storm: float
    away: float


@dataclass(frozen=True)
class Scenario:
    """`promise` is a sentence; `long` ones are left out of the bounded run."""

    key: str
    name: str
    promise: str
    act: Callable[[How], Told]
    brief: bool


SCENARIOS: dict[str, Scenario] = {}


def scenario(key: str, promise: str, *, brief: bool = False) -> Any:
    """Registers a function under its number on the scorecard; `brief` ones run at every change."""

    def register(act: Callable[[How], Told]) -> Callable[[How], Told]:
        SCENARIOS[key] = Scenario(key, act.__name__, promise, act, brief)
        return act

    return register
