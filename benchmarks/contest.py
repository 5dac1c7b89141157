"""
The same work for every engine, in turn: A B A B …, and what each of them took for it.

All times are taken by the API that the steps call: from one step's call to the next one's, and from
the asking to the first call. What is asked for alone is asked as a user does; in bulk, our own
deployments were planned and stored before the clock began (see `peers.ours`). CPU
is that of the workers, PostgreSQL and the broker together.
"""

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from benchmarks.entrants import Entrant, Running
from benchmarks.ground import Ground
from benchmarks.meter import megabytes
from benchmarks.peers.call import STEPS

PATIENCE = 240.0
# Of a core: below that, an engine is idle.
QUIET = 0.1


@dataclass(frozen=True, slots=True)
class Work:
    """How much: deployments at once, and how many one by one on an idle system."""

    deployments: int = 40
    singles: int = 5
    pause: float = 0.3


@dataclass(slots=True)
class Tried:
    """Every round's figures of one engine; `trouble` where it could not take part."""

    rounds: list[dict[str, float]] = field(default_factory=list)
    trouble: str = ""


def compete(
    ground: Ground, entrants: Sequence[Entrant], work: Work, rounds: int
) -> dict[str, Tried]:
    """All of them, in turn, so many times."""
    tried: dict[str, Tried] = {one.name: Tried() for one in entrants}
    for number in range(rounds):
        for entrant in entrants:
            name = entrant.name
            if tried[name].trouble:
                continue
            try:
                figures = once(ground, entrant, work)
            except Exception as trouble:  # noqa: BLE001 — the others still run
                tried[name].trouble = f"{type(trouble).__name__}: {trouble}"
                _say(f"round {number + 1} {name}: {tried[name].trouble}")
                continue
            tried[name].rounds.append(figures)
            _say(
                f"round {number + 1} {name}: {figures['steps/s']:.0f} steps/s, "
                f"{figures['cpu']:.2f} s of CPU for 1,000"
            )
    return tried


def once(ground: Ground, entrant: Entrant, work: Work) -> dict[str, float]:
    """Starts the engine, lets it do the work alone and in bulk, and stops it."""
    running = Running(entrant, ground, ground.folder / f"{entrant.name}.log")
    try:
        ground.api.ask("_take")
        bulk(ground, running, 2 * len(entrant.workers))  # connections, caches, imports
        return {
            **_alone(ground, running, work),
            **bulk(ground, running, max(2, round(work.deployments * entrant.share))),
        }
    finally:
        running.stop()


def _alone(ground: Ground, running: Running, work: Work) -> dict[str, float]:
    """One deployment at a time on an idle system."""
    first, between = [], []
    for _ in range(work.singles):
        time.sleep(work.pause)
        asked = running.ask("alone")
        calls = _calls(ground, running, asked)
        for token, times in calls.items():
            first.append((times[0] - asked[token]) * 1000)
            gaps = [b - a for a, b in pairwise(times)]
            # Those without a call in between are known by their sum only.
            missing = (STEPS - 1) / max(1, len(gaps))
            between += [gap * 1000 / missing for gap in gaps]
    between.sort()
    return {
        "first ms": statistics.median(first),
        "between ms": statistics.median(between),
        "between p95 ms": between[int(len(between) * 0.95)],
    }


def bulk(ground: Ground, running: Running, number: int) -> dict[str, float]:
    """All at once; done when the last call came and every line of the log is stored."""
    lines = running.ask("lines")
    before: dict[str, float] = {}
    asked, calls = run_all(ground, running, number, before)
    steps = number * STEPS
    ended = max(max(times) for times in calls.values())
    ended = _stored(running, lines + steps) or ended
    time.sleep(0.5)  # the last step's own end, and no more: what idles is no work
    after = ground.cpu(running.pids)
    spent = {name: (after[name] - before[name]) / steps * 1000 for name in after}
    return {
        "steps/s": steps / (ended - min(asked.values())),
        "cpu": sum(spent.values()),
        **{f"cpu {name}": value for name, value in spent.items()},
        "longest gap s": max(b - a for times in calls.values() for a, b in pairwise(times)),
        "memory MB": megabytes(running.worker_pids),
        "memory beside MB": megabytes(running.pids) - megabytes(running.worker_pids),
        "log lines": (running.ask("lines") - lines) / steps,
    }


def _stored(running: Running, wanted: int) -> float | None:
    """When the last line was stored, where that was after the last call; else None."""
    late = None
    deadline = time.monotonic() + PATIENCE
    while 0 < running.ask("lines") < wanted and time.monotonic() < deadline:
        time.sleep(0.1)
        late = time.monotonic()
    return late


def quiet(ground: Ground, running: Running) -> None:
    """Returns when the engine idles, or after a while."""
    for _ in range(40):
        began = sum(ground.cpu(running.pids).values())
        time.sleep(0.5)
        if sum(ground.cpu(running.pids).values()) - began < QUIET / 2:
            return


def run_all(
    ground: Ground, running: Running, number: int, before: dict[str, float] | None = None
) -> tuple[Mapping[str, float], Mapping[str, list[float]]]:
    """When each deployment was asked for, and when each of its calls came; checks them all."""
    names = running.ask("prepare", number=number)
    if before is not None:
        before |= ground.cpu(running.pids)
    asked = running.ask("go", tokens=names)
    return asked, _calls(ground, running, asked)


def _calls(ground: Ground, running: Running, names: Collection[str]) -> Mapping[str, list[float]]:
    """When each call of these deployments came, once all have come."""
    number, wanted = len(names), running.entrant.calls
    if not ground.api.await_calls(number * wanted, PATIENCE):
        came = ground.api.ask("_take")
        raise RuntimeError(f"{len(came)} of {number * wanted} calls came in {PATIENCE:.0f} s")
    calls: dict[str, list[float]] = defaultdict(list)
    steps: dict[str, list[str]] = defaultdict(list)
    for token, step, at in ground.api.ask("_take"):
        calls[token].append(at)
        steps[token].append(step)
    for token in names:
        if len(set(steps[token])) != wanted or len(steps[token]) != wanted:
            raise RuntimeError(f"{token} was called {len(steps[token])} times: {steps[token]}")
    return calls


def _say(words: Any) -> None:
    print(words, file=sys.stderr, flush=True)
