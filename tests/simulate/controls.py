"""
Negative controls: a simulator that finds nothing must be shown to find what there is.

Each control runs seeds without one guard, or without two that cover each other, until one of the
invariants it must break is broken. A guard that another one covers is run alone as well: how the
engine holds without it is told, and its pair must be caught.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from tests.simulate import guards
from tests.simulate.baton import Weather
from tests.simulate.clockwork import Clock
from tests.simulate.database import Store
from tests.simulate.guards import Guard
from tests.simulate.run import run
from tests.simulate.storm import Storm
from tests.simulate.world import World

MOST_SEEDS = 60
SEEDS_OF_COVERED = 4
ROUGH = Weather(kill=0.012, pause=0.016, dawdle=0.02)


@dataclass(frozen=True)
class Control:
    """
    `breaks`: what must be caught; nothing where another guard covers for it. `pressed`: what
    staff press all the time, where that is what the guard is there for.
    """

    name: str
    out: tuple[Guard, ...]
    breaks: frozenset[str] = frozenset()
    covered_by: str = ""
    pressed: tuple[str, ...] = ()


@dataclass
class Caught:
    """How a control went. `by` is the invariant that was broken first, with its words."""

    name: str
    covered_by: str
    by: str = ""
    words: str = ""
    seeds: int = 0
    seconds: float = 0.0
    found: bool = True

    @property
    def good(self) -> bool:
        return self.found and bool(self.by or self.covered_by)

    def __str__(self) -> str:
        head = f"without {self.name:<58} {self.seeds:3} seeds {self.seconds:6.1f} s  "
        if not self.found:
            return head + "THE GUARD WAS NOT FOUND IN THE ENGINE"
        if self.by:
            return head + f"caught: {self.by}"
        if self.covered_by:
            return head + f"covered by {self.covered_by}"
        return head + "NOT CAUGHT"


def _control(
    name: str, *out: Guard, breaks: str = "", covered_by: str = "", pressed: tuple[str, ...] = ()
) -> Control:
    return Control(name, out, frozenset(filter(None, breaks.split(", "))), covered_by, pressed)


CONTROLS = (
    _control("the fence", guards.fence, breaks="fence, sent by the holder, one of each"),
    _control("the look before a create", guards.look_up, breaks="one of each"),
    _control("the settle time", guards.settle_time, breaks="one of each"),
    _control(
        "the intent kept while unknown",
        guards.intent_kept,
        breaks="one of each",
        pressed=("run_now",),
    ),
    _control("the transport's last check", guards.last_check, breaks="sent by the holder"),
    _control("the fence in the intent", guards.fence_at_intent, breaks="sent by the holder"),
    _control("the lease in the intent", guards.lease_at_intent, covered_by="the fence"),
    _control(
        "the lease and the fence in the intent",
        guards.lease_at_intent,
        guards.fence_at_intent,
        breaks="sent by the holder, one of each",
    ),
    _control("the lease in the reap", guards.lease_at_reap, breaks="sent by the holder"),
    _control("the watchdog", guards.watchdog, breaks="everything ends"),
    _control("the order in the claim", guards.order, breaks="order"),
    _control("the look at the status in the claim", guards.look_at_status, breaks="no crash"),
    _control("the table of moves", guards.legal_moves, breaks="history, no crash"),
    _control(
        "the look at the status and the table of moves",
        guards.look_at_status,
        guards.legal_moves,
        breaks="history, fence, ended, order",
    ),
    _control(
        "the compare-and-set of the claim", guards.compare_and_set, covered_by="the look under lock"
    ),
    _control(
        "the epoch of messages", guards.message_epoch, covered_by="the order and the mail row"
    ),
    _control(
        "the epoch of messages and of mail rows",
        guards.message_epoch,
        guards.row_epoch,
        breaks="one mail, everything ends",
    ),
    _control("the index of one active deployment", guards.active_index, breaks="one active"),
    _control("the index of one open job", guards.job_index, covered_by="closing the old one first"),
    _control("closing the old job", guards.old_job, breaks="no crash, one job"),
    _control(
        "closing the old job and the index", guards.old_job, guards.job_index, breaks="one job"
    ),
    _control("the count of admission", guards.admission, breaks="admission"),
    _control("the look for a running step in a cancel", guards.running_step, breaks="ended"),
    _control(
        "the lock of the deployment",
        guards.mingled,
        breaks="ended",
        pressed=("cancel", "resume"),
    ),
)


@contextmanager
def _without(control: Control, world: World, storm: Storm) -> Iterator[None]:
    # Rougher than the seeds: what a missing guard lets through is rare enough.
    world.baton.weather, world.far.rough = ROUGH, 2.5
    storm.often["people"] = 4.0 if control.pressed else 15.0
    if control.pressed:
        storm.people.only(*control.pressed)
    with ExitStack() as stack:
        for guard in control.out:
            stack.enter_context(guard(world, storm))
        yield


def try_out(store: Store, clock: Clock, control: Control, base: int) -> Caught:
    """Runs seeds until the control is caught; a guard that was not found at all is an error."""
    result, began = Caught(control.name, control.covered_by), perf_counter()
    guards.FOUND.clear()
    most = MOST_SEEDS if control.breaks else SEEDS_OF_COVERED
    for seed in range(base, base + most):
        verdict = run(store, clock, seed, setting=partial(_without, control))
        result.seeds += 1
        hits = [v for v in verdict.violations if not control.breaks or v[0] in control.breaks]
        if hits:
            result.by, result.words = hits[0]
            break
    result.seconds = perf_counter() - began
    result.found = len(guards.FOUND) == len(control.out) and all(guards.FOUND.values())
    return result
