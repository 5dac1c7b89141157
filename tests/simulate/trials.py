"""
Negative controls: a simulator that finds nothing must be shown to find what there is.

Each control runs seeds without one guard, or without two that cover each other, until one of the
invariants it must break is broken. Those in which nothing may break (the engine as it is, a guard
that another one covers) run all their seeds, and are red where anything does.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import Any

from tests.simulate import guards
from tests.simulate.baton import Weather
from tests.simulate.clockwork import Clock
from tests.simulate.database import Store
from tests.simulate.guards import Guard
from tests.simulate.rules import INVARIANTS
from tests.simulate.run import run
from tests.simulate.storm import Storm
from tests.simulate.world import World

MOST_SEEDS = 40
SEEDS_OF_COVERED = 8
ROUGH = Weather(kill=0.012, pause=0.016, dawdle=0.02)
EVERYTHING = frozenset(INVARIANTS)


@dataclass(frozen=True)
class Control:
    """
    `breaks`: what must be caught. `covered_by`: why nothing may be caught; then a control that
    takes this guard and more must be there, and be caught. `on`: the databases that have the guard.

    What the guard is there for happens too seldom in any weather: `pressed` is what staff press all
    the time, `still` the points at which workers stand still beyond their lease, `late` how often a
    call that got no answer takes effect later.
    """

    name: str
    out: tuple[Guard, ...]
    breaks: frozenset[str] = frozenset()
    covered_by: str = ""
    pressed: tuple[str, ...] = ()
    still: tuple[str, ...] = ()
    late: float = 0.04
    on: tuple[str, ...] = ("sqlite", "postgresql")
    seeds: int = MOST_SEEDS


@dataclass
class Caught:
    """How a control went. `by` is the invariant that was broken first, with its words."""

    name: str
    covered_by: str
    on: str
    by: str = ""
    words: str = ""
    seed: int = 0
    seeds: int = 0
    seconds: float = 0.0
    found: bool = True

    @property
    def good(self) -> bool:
        """Caught where it must be, and only there."""
        return self.found and bool(self.by) != bool(self.covered_by)

    def __str__(self) -> str:
        head = f"without {self.name:<64} {self.seeds:3} seeds {self.seconds:6.1f} s  "
        if not self.found:
            return head + "THE GUARD WAS NOT FOUND IN THE ENGINE"
        if self.by and self.covered_by:
            words = f"CAUGHT by {self.by} in seed {self.seed}: {self.words}"
            return f"{head}{words}, though covered by {self.covered_by}"
        if self.by:
            return head + f"caught: {self.by}"
        if self.covered_by:
            return head + f"holds: {self.covered_by}"
        return head + "NOT CAUGHT"


def control(
    name: str,
    *out: Guard,
    breaks: str = "",
    covered_by: str = "",
    on: str = "sqlite postgresql",
    **conditions: Any,
) -> Control:
    broken = frozenset(filter(None, breaks.split(", ")))
    assert broken <= EVERYTHING, name
    seeds = MOST_SEEDS if broken or not (out or conditions) else SEEDS_OF_COVERED
    return Control(name, out, broken, covered_by, on=tuple(on.split()), seeds=seeds, **conditions)


def _roughen(world: World, storm: Storm, still: tuple[str, ...]) -> None:
    # Rougher than the seeds: what a missing guard lets through is rare enough.
    world.baton.weather, world.far.rough = replace(ROUGH, still=still), 2.5
    storm.often["people"] = 15.0


@contextmanager
def in_the_rough(world: World, storm: Storm, *, still: tuple[str, ...] = ()) -> Iterator[None]:
    """The engine as it is, in the weather of the controls."""
    _roughen(world, storm, still)
    yield


@contextmanager
def _without(control: Control, world: World, storm: Storm) -> Iterator[None]:
    _roughen(world, storm, control.still)
    world.far.late = control.late
    if control.pressed:
        storm.often["people"] = 4.0
        storm.people.only(*control.pressed)
    with ExitStack() as stack:
        for guard in control.out:
            stack.enter_context(guard(world, storm))
        yield


def try_out(store: Store, clock: Clock, control: Control, base: int) -> Caught:
    """Runs seeds until the control is caught; a guard that was not found at all is an error."""
    result = Caught(control.name, control.covered_by, store.engine.dialect.name)
    began = perf_counter()
    guards.FOUND.clear()
    wanted = control.breaks or EVERYTHING
    for seed in range(base, base + control.seeds):
        verdict = run(store, clock, seed, setting=partial(_without, control))
        result.seeds += 1
        hits = [v for v in verdict.violations if v[0] in wanted]
        if hits and not result.by:
            (result.by, result.words), result.seed = hits[0], seed
        # Caught before all that was to be taken out had its turn: on, until it was seen.
        result.found = len(guards.FOUND) >= len(control.out) and all(guards.FOUND.values())
        if result.by and result.found:
            break
    result.seconds = perf_counter() - began
    return result
