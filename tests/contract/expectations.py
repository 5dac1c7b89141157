"""The expectations as they lie in the folder ``expectations``."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "expectations"


@dataclass(frozen=True)
class Step:
    """One call of a flow. Steps without a number prepare others and come from no recording."""

    flow: str
    place: int
    told: dict[str, Any]

    @property
    def number(self) -> int | None:
        return self.told.get("no")

    @property
    def label(self) -> str:
        number = f"{self.number:03d}-" if self.number else "between-"
        return number + str(self.told["name"])


@dataclass(frozen=True)
class Flow:
    """Steps in their order. ``needs`` names what a real server must offer for it."""

    name: str
    steps: tuple[Step, ...]
    needs: str | None
    simulator_only: bool


def _flow(path: Path) -> Flow:
    told = json.loads(path.read_text(encoding="utf-8"))
    name = told["flow"]
    steps = tuple(Step(name, place, step) for place, step in enumerate(told["steps"]))
    return Flow(name, steps, told.get("needs"), told.get("only") == "simulator")


@cache
def flows() -> dict[str, Flow]:
    """All flows by name."""
    paths = sorted([*FOLDER.glob("flows/*.json"), *FOLDER.glob("simulator_only/*.json")])
    return {flow.name: flow for flow in map(_flow, paths)}


def recorded_steps() -> Iterator[Step]:
    """The steps that come from a recording."""
    for flow in flows().values():
        yield from (step for step in flow.steps if step.number is not None)


@cache
def shapes() -> dict[str, Any]:
    """The keys and types of each procedure's answer."""
    return dict(json.loads((FOLDER / "shapes.json").read_text(encoding="utf-8")))


def left_out() -> list[dict[str, Any]]:
    """Recordings nothing replays, each with its reason."""
    return list(json.loads((FOLDER / "left_out.json").read_text(encoding="utf-8")))


def recorded_numbers() -> set[int]:
    """The numbers of all recordings there are."""
    ranges = json.loads((FOLDER / "recorded.json").read_text(encoding="utf-8"))["ranges"]
    return {number for first, last in ranges for number in range(first, last + 1)}
