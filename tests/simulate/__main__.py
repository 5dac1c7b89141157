"""
`make simulate`: the engine under a seeded scheduler, on SQLite and on PostgreSQL, then without
each of its guards.

    python -m tests.simulate                            all of it; seeds are drawn by the commit
    python -m tests.simulate --seeds 60 --base 4711     fewer, from a base of one's own
    python -m tests.simulate --on postgresql            one database only
    python -m tests.simulate --seed 4711 --trace        one seed, with its whole schedule

PostgreSQL is one that is started for the run. Red where an invariant breaks, or where a control
does not go as it must.
"""

import argparse
import json
import sys
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any

from tests.simulate.bench import (
    base_of_commit,
    bench,
    crew,
    databases,
    one_control,
    one_seed,
    spent,
)
from tests.simulate.controls import CONTROLS, without_pair
from tests.simulate.rules import INVARIANTS
from tests.simulate.run import Setting, Verdict, no_setting, run
from tests.simulate.trials import Caught, in_the_rough

ENOUGH_FOR_A_WAIT = 15
DATABASES = ("sqlite", "postgresql")
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
    "waits for a lock",
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
class Part:
    """What one database has shown."""

    on: str
    seeds: int
    total: Counter[str] = field(default_factory=Counter)
    bad: list[Verdict] = field(default_factory=list)
    caught: list[Caught] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def red(self) -> int:
        return len(self.bad) + sum(not one.good for one in self.caught) + self.unmet

    @property
    def unmet(self) -> bool:
        """Whether no two ever met at one lock, in as many seeds as must show that."""
        return (
            self.on == "postgresql"
            and self.seeds >= ENOUGH_FOR_A_WAIT
            and not self.total["waits for a lock"]
        )


def say(*lines: str) -> None:
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def weather(given: argparse.Namespace) -> Setting:
    """What seeds are out in."""
    return partial(in_the_rough, still=tuple(given.still)) if given.rough else no_setting


def trace(seed: int, on: str, setting: Setting) -> int:
    """Prints the schedule of one seed, the same on every run."""
    with databases(on, 1) as (url,), bench(url) as own:
        verdict = run(own.store, own.clock, seed, setting=setting, say=say)
        own.store.close()
    say(f"seed {seed}: {_words(verdict) or 'no violation'}")
    return int(bool(verdict.violations))


def _words(verdict: Verdict) -> str:
    return "; ".join(f"{name}: {words}" for name, words in verdict.violations[:3])


def everything(given: argparse.Namespace) -> int:
    """All seeds, then the controls, on each database; the exit code."""
    began = perf_counter()
    numbers = {"sqlite": given.seeds, "postgresql": given.seeds_on_postgresql}
    parts = [_part(on, numbers[on], given) for on in given.on]
    red = sum(part.red for part in parts)
    if alone := without_pair():
        say(f"covered by another guard, but never taken out with it: {', '.join(alone)}")
        red += len(alone)
    if given.json:
        _keep(given, parts)
    say(f"all: {perf_counter() - began:.0f} s, {spent()}, {'red' if red else 'green'}")
    return int(red > 0)


def _part(on: str, seeds: int, given: argparse.Namespace) -> Part:
    part, began = Part(on, seeds), perf_counter()
    with crew(on, given.processes) as pool:
        if seeds:
            _seeds(pool, given, part)
            part.seconds = perf_counter() - began
            _table(part, given)
        if not given.no_controls:
            _controls(pool, given, part)
    return part


def _seeds(pool: Any, given: argparse.Namespace, part: Part) -> None:
    seeds = range(given.base, given.base + part.seeds)
    one = partial(one_seed, weather=weather(given))
    for number, verdict in enumerate(pool.imap_unordered(one, seeds, chunksize=2), start=1):
        part.total.update(verdict.counted)
        if verdict.violations:
            part.bad.append(verdict)
            say(f"seed {verdict.seed} on {part.on}: {_words(verdict)}")
            if given.until_red:
                break
        if number % 250 == 0:
            say(f"… {number} seeds, {len(part.bad)} with violations")


def _table(part: Part, given: Any) -> None:
    say(f"{part.seeds} seeds on {part.on} from base {given.base}: {part.seconds:.0f} s")
    shown = [name for name in SHOWN if name in part.total]
    say(*(f"{name:<24}{part.total[name]:>9}" for name in shown))
    say(*(f"{name:<46}{part.total[name]:>5}" for name in DOUBLES))
    say(f"{len(INVARIANTS)} invariants, violations: {len(part.bad)}")
    if part.unmet:
        say("no statement ever waited for a lock: that moment is not simulated any more")
    for verdict in part.bad:
        say(f"again: python -m tests.simulate --on {part.on} --seed {verdict.seed} --trace")


def _controls(pool: Any, given: argparse.Namespace, part: Part) -> None:
    which = [
        number
        for number, one in enumerate(CONTROLS)
        if part.on in one.on and given.only in one.name
    ]
    say(f"{len(which)} controls on {part.on}")
    for one in pool.imap(partial(one_control, base=given.base), which, chunksize=1):
        say(str(one))
        part.caught.append(one)


def _keep(given: Any, parts: list[Part]) -> None:
    document = {
        "base": given.base,
        "invariants": INVARIANTS,
        "on": {
            part.on: {
                "seeds": part.seeds,
                "seconds": round(part.seconds, 1),
                "totals": dict(sorted(part.total.items())),
                "violations": [{"seed": v.seed, "broken": v.violations} for v in part.bad],
                "controls": [_row(one) for one in part.caught],
            }
            for part in parts
        },
    }
    Path(given.json).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _row(one: Caught) -> dict[str, Any]:
    return {
        "without": one.name,
        "caught_by": one.by,
        "words": one.words,
        "covered_by": one.covered_by,
        "seeds": one.seeds,
        "seconds": round(one.seconds, 1),
        "good": one.good,
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulate")
    parser.add_argument("--on", choices=DATABASES, nargs="+")
    parser.add_argument("--seeds", type=int, default=1500, help="on SQLite")
    parser.add_argument("--seeds-on-postgresql", type=int, default=200)
    parser.add_argument("--base", type=int)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--no-controls", action="store_true")
    parser.add_argument("--only", default="", help="controls with this in their name")
    parser.add_argument("--rough", action="store_true", help="seeds in the weather of the controls")
    parser.add_argument("--still", nargs="*", default=(), help="and where workers stand still")
    parser.add_argument("--until-red", action="store_true", help="stop at the first violation")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--trace", action="store_true")
    parser.add_argument("--json")
    given = parser.parse_args()
    if given.seed is not None and given.trace:
        return trace(given.seed, (given.on or DATABASES)[0], weather(given))
    given.on = given.on or DATABASES
    if given.base is None:
        given.base = base_of_commit()
    if given.seed is not None:
        given.base, given.no_controls = given.seed, True
        given.seeds = given.seeds_on_postgresql = 1
        given.processes = 1
    return everything(given)


if __name__ == "__main__":
    sys.exit(main())
