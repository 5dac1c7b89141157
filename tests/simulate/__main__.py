"""
`make simulate`: the engine under a seeded scheduler, then without each of its guards.

    python -m tests.simulate                          1,500 seeds and the negative controls
    python -m tests.simulate --seeds 60 --base 4711   fewer, from another base
    python -m tests.simulate --seed 4711 --trace      one seed, with its whole schedule

Red where an invariant breaks, or where a control is not caught.
"""

import argparse
import gc
import json
import logging
import multiprocessing
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

import structlog

from tests.simulate.clockwork import Clock, installed
from tests.simulate.controls import CONTROLS, Caught, try_out
from tests.simulate.database import Store
from tests.simulate.rules import INVARIANTS
from tests.simulate.run import Verdict, run
from tests.simulate.world import home

SHOWN = (
    "deployments",
    "claims",
    "kills",
    "hosts killed",
    "pauses",
    "lost",
    "doubled",
    "late",
    "strays",
    "flushes",
    "clock steps",
    "late calls",
    "lost answers",
    "frozen senders",
    "mails of lost claims",
    "virtual hours",
)
DOUBLES = (
    "doubles left for the reconciler",
    "doubled domains left for the next deployment",
    "builds doubled by frozen senders",
)


@dataclass
class Bench:
    """What one process needs to run any number of seeds."""

    store: Store
    clock: Clock


def say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


@contextmanager
def bench(url: str | None) -> Iterator[Bench]:
    """A quiet process under virtual time."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    clock = Clock()
    with installed(clock, lambda _seconds: None):
        yield Bench(Store(clock, url, home), clock)


_kept: list[Any] = []


def _begin(url: str | None) -> None:
    # Kept open for the life of this process, which ends with its pool.
    context = bench(url)
    _kept.extend((context, context.__enter__()))
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def _seed(seed: int) -> Verdict:
    own: Bench = _kept[1]
    return run(own.store, own.clock, seed)


def _control(number: int, base: int) -> Caught:
    own: Bench = _kept[1]
    return try_out(own.store, own.clock, CONTROLS[number], base)


def trace(seed: int, url: str | None) -> int:
    """Prints the schedule of one seed, the same on every run."""
    with bench(url) as own:
        verdict = run(own.store, own.clock, seed, say=say)
    say(f"seed {seed}: {_words(verdict) or 'no violation'}")
    return int(bool(verdict.violations))


def _words(verdict: Verdict) -> str:
    return "; ".join(f"{name}: {words}" for name, words in verdict.violations[:3])


def everything(given: argparse.Namespace) -> int:
    """All seeds, then the controls; the exit code."""
    processes = 1 if given.database_url else given.processes
    began, red = perf_counter(), 0
    with multiprocessing.Pool(processes, _begin, (given.database_url,)) as pool:
        total, bad = _seeds(pool, given)
        seconds = perf_counter() - began
        _table(total, bad, given, seconds)
        red += len(bad)
        caught: list[Caught] = []
        if not given.no_controls:
            caught = _controls(pool, given.base)
            red += sum(not one.good for one in caught)
    if given.json:
        _keep(given, total, bad, caught, seconds)
    say(f"all: {perf_counter() - began:.0f} s, {'red' if red else 'green'}")
    return int(red > 0)


def _seeds(pool: Any, given: argparse.Namespace) -> tuple[Counter[str], list[Verdict]]:
    total: Counter[str] = Counter()
    bad: list[Verdict] = []
    seeds = range(given.base, given.base + given.seeds)
    for number, verdict in enumerate(pool.imap_unordered(_seed, seeds, chunksize=4), start=1):
        total.update(verdict.counted)
        if verdict.violations:
            bad.append(verdict)
            say(f"seed {verdict.seed}: {_words(verdict)}")
            if given.until_red:
                break
        if number % 250 == 0:
            say(f"… {number} seeds, {len(bad)} with violations")
    return total, bad


def _table(total: Counter[str], bad: list[Verdict], given: Any, seconds: float) -> None:
    say(f"{given.seeds} seeds from base {given.base}: {seconds:.0f} s")
    say(*(f"{name:<24}{total[name]:>9}" for name in SHOWN))
    say(*(f"{name:<46}{total[name]:>5}" for name in DOUBLES))
    say(f"{len(INVARIANTS)} invariants, violations: {len(bad)}")
    for verdict in bad:
        say(f"again: python -m tests.simulate --seed {verdict.seed} --trace")


def _controls(pool: Any, base: int) -> list[Caught]:
    say(f"{len(CONTROLS)} negative controls")
    caught = []
    for one in pool.imap(partial(_control, base=base), range(len(CONTROLS)), chunksize=1):
        say(str(one))
        caught.append(one)
    return caught


def _keep(
    given: Any, total: Counter[str], bad: list[Verdict], caught: list[Caught], seconds: float
) -> None:
    document = {
        "base": given.base,
        "seeds": given.seeds,
        "seconds": round(seconds, 1),
        "totals": dict(sorted(total.items())),
        "invariants": INVARIANTS,
        "violations": [{"seed": v.seed, "broken": v.violations} for v in bad],
        "controls": [
            {
                "without": one.name,
                "caught_by": one.by,
                "words": one.words,
                "covered_by": one.covered_by,
                "seeds": one.seeds,
                "seconds": round(one.seconds, 1),
                "good": one.good,
            }
            for one in caught
        ],
    }
    Path(given.json).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulate")
    parser.add_argument("--seeds", type=int, default=1500)
    parser.add_argument("--base", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--no-controls", action="store_true")
    parser.add_argument("--until-red", action="store_true", help="stop at the first violation")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--json")
    parser.add_argument("--database-url")
    given = parser.parse_args()
    if given.seed is None:
        return everything(given)
    if given.trace:
        return trace(given.seed, given.database_url)
    given.base, given.seeds, given.no_controls = given.seed, 1, True
    return everything(given)


if __name__ == "__main__":
    sys.exit(main())
