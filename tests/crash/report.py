"""The tables of `make crash`, the verdict, and the same as JSON."""

import json
import os
import platform
import statistics
import time
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

from tenantry.planning.catalogue import KINDS
from tests.crash.points import KILL, LEASED, POINTS, SIGNALS, STOP
from tests.crash.scene import DATABASES, POOLS, Scene
from tests.crash.strikes import DISTURBED, Strike

SHORT = (
    "bef.claim aft.claim aft.intnt bef.call in call aft.call bef.settl aft.settl bef.publ aft.publ"
).replace("in call", "in_call")
HEADS = SHORT.split()
SHARE, TWICE = 0.95, 2.0
LISTED = 10
PROBLEMS = ("lost", "doubled", "left", "dangling", "bad_mails")


class Report:
    """
    Of all scenes of a run. `everything`: each kind of the catalogue was to be come to. `timed`: it
    is red where steps went on too late (KERNEL S1).
    """

    def __init__(self, *, seed: int, everything: bool, timed: bool) -> None:
        self.seed, self.everything, self.timed = seed, everything, timed
        self.scenes: list[Scene] = []
        self._began = time.monotonic()

    def add(self, scenes: list[Scene]) -> None:
        """What has been played since."""
        self.scenes += scenes

    @property
    def strikes(self) -> list[Strike]:
        """Every worker that was lost."""
        return [strike for scene in self.scenes for strike in scene.strikes]

    @property
    def kills(self) -> list[Strike]:
        """Those that died."""
        return [s for s in self.strikes if s.order.signal == KILL]

    @property
    def stops(self) -> list[Strike]:
        """Those that stood still."""
        return [s for s in self.strikes if s.order.signal == STOP]

    @property
    def unknown(self) -> list[str]:
        """Kinds of the catalogue that no story came to."""
        kinds = {of.removeprefix("stack ") for scene in self.scenes for of in scene.kinds}
        return sorted(set(KINDS) - kinds) if self.everything else []

    # What is red

    def wrong(self) -> list[str]:
        """Each reason for which the run is red."""
        found = [
            f"{what.replace('_', ' ')} ({scene.name}): {words}"
            for scene in self.scenes
            for what in PROBLEMS
            for words in getattr(scene, what)
        ]
        found += [f"in no story: {kind}" for kind in self.unknown]
        found += [
            f"never reached ({scene.name}): {cell.of}, {cell.point}, {cell.signal}"
            for scene in self.scenes
            for cell in scene.never
        ]
        found += [f"its outcome was taken: {_words(s)}" for s in self.stops if _accepted(s)]
        found += [f"nobody took over: {_words(s)}" for s in self.stops if _left_alone(s)]
        return found + (self._too_late() if self.timed else [])

    def _too_late(self) -> list[str]:
        # How long SQLite's one lock stands still is ours to say, and is not scaled with the lease:
        # those seconds are the neighbour's. They stay in every figure that is shown.
        found = [
            f"later than twice the bound: {_words(s)}"
            for s in self.kills
            if _share(s) - s.locked_out / s.bound > TWICE
        ]
        if self.within(1.0) < SHARE:
            found.append(f"recovered within the bound: less than {100 * SHARE:.0f} %")
        return found

    def within(self, times: float) -> float:
        """The share of killed workers whose step went on within so many times the bound."""
        known = [_share(s) for s in self.kills if s.recovery is not None]
        return sum(one <= times for one in known) / len(known) if known else 1.0

    # What is shown

    def show(self) -> None:
        """All of it."""
        self._matrix()
        self._combinations()
        self._totals()
        late = [s for s in self.kills if _share(s) > 1]
        for strike in sorted(late, key=_share, reverse=True)[:LISTED]:
            print(f"  later than the bound: {_words(strike)}")
        for words in self.wrong():
            print(f"  {words}")

    def _matrix(self) -> None:
        counts: Counter[tuple[str, str, str]] = Counter(
            (s.cell.of, s.cell.point, s.order.signal) for s in self.strikes
        )
        mapped = {(s.cell.of, s.cell.point) for s in self.strikes if s.mapped}
        print(f"\n{'kills+stops at':30}" + "".join(f"{head:>10}" for head in HEADS))
        for of in sorted({s.cell.of for s in self.strikes}):
            row = ""
            for point in POINTS:
                kills, stops = (counts[of, point, signal] for signal in SIGNALS)
                text = f"{kills}+{stops}" if stops else str(kills or ".")
                row += f"{text + ('*' if (of, point) in mapped else ''):>10}"
            print(f"{of:30}{row}")
        by_point = Counter(s.cell.point for s in self.strikes)
        print(f"{'in all':30}" + "".join(f"{by_point[point]:>10}" for point in POINTS))
        print("* changes nothing, so it has no intent: its call is its first look, and `after")
        print("  intent` is `after claim`.")

    def _combinations(self) -> None:
        print(
            f"\n{'':34}{'cells':>6}{'kinds':>6}{'points':>7}{'p50 s':>7}{'p95 s':>7}{'max s':>7}"
            "  in bound"
        )
        for signal, pool, db in product(SIGNALS, POOLS, DATABASES):
            of = [
                strike
                for scene in self.scenes
                if (scene.pool, scene.db) == (pool, db) and scene.divisor > 1
                for strike in scene.strikes
                if strike.order.signal == signal
            ]
            if of:
                print(_line(f"{signal}, {pool}, {db}", of))
        for scene in self.scenes:
            if scene.divisor == 1:
                print(_line(scene.name, scene.strikes))

    def _totals(self) -> None:
        for name, value in self.totals().items():
            print(f"{name:34}{value:>10}")

    def totals(self) -> dict[str, Any]:
        """One figure for each promise."""
        scenes = self.scenes
        lives = [life for scene in scenes for life in scene.lived]
        after = [s for s in self.stops if s.taken_over]
        return {
            "seed": self.seed,
            "tenants": len(lives),
            "cells": len({(s.cell, scene.name) for scene in scenes for s in scene.strikes}),
            "workers killed": len(self.kills),
            "workers frozen": len(self.stops),
            "  came back": sum(bool(s.said) and s.said not in DISTURBED for s in self.stops),
            "  after somebody took over": len(after),
            "  and were refused": sum(s.kept_out for s in after),
            "  while it ran elsewhere": sum(s.kept_out and s.met for s in after),
            "restores given to a person": sum(life.asked for life in lives),
            "lost": sum(len(scene.lost) for scene in scenes),
            "doubled": sum(len(scene.doubled) for scene in scenes),
            "left over": sum(len(scene.left) for scene in scenes),
            "dangling": sum(len(scene.dangling) for scene in scenes),
            "never reached": sum(len(scene.never) for scene in scenes),
            "mails": sum(scene.mails for scene in scenes),
            "extra mails": sum(scene.extra_mails for scene in scenes),
            "  where none may be": sum(len(scene.bad_mails) for scene in scenes),
            "killed, and on within the bound": f"{100 * self.within(1.0):.1f} %",
            "  within twice that": f"{100 * self.within(TWICE):.1f} %",
            "  beside a frozen transaction": sum(s.beside for s in self.kills),
            "seconds in all": round(time.monotonic() - self._began),
        }

    def save(self, path: Path) -> None:
        """Everything as JSON."""
        told = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "python": platform.python_version(),
            "machine": f"{platform.machine()}, {_processors()} processors",
            "totals": {name.strip(): value for name, value in self.totals().items()},
            "wrong": self.wrong(),
            "scenes": [
                {
                    "pool": scene.pool,
                    "database": scene.db,
                    "divisor": scene.divisor,
                    "seconds": round(scene.took, 1),
                    "strikes": [_told(strike) for strike in scene.strikes],
                    **{what: getattr(scene, what) for what in PROBLEMS},
                }
                for scene in self.scenes
            ],
        }
        path.write_text(json.dumps(told, indent=1) + "\n")


def _told(strike: Strike) -> dict[str, Any]:
    assert strike.struck is not None
    return {
        **asdict(strike.cell),
        "at": strike.struck.at,
        "step": strike.step_key,
        "tenant": strike.tenant,
        "whole_worker": strike.order.whole,
        "mapped": strike.mapped,
        "recovery": strike.recovery,
        "bound": strike.bound,
        "beside_a_frozen_transaction": strike.beside,
        "locked_out": round(strike.locked_out, 1),
        "taken_over": strike.taken_over,
        "said": strike.said,
        "met": strike.met,
    }


def _line(name: str, strikes: list[Strike]) -> str:
    times = sorted(s.recovery for s in strikes if s.recovery is not None)
    shown = ""
    if times:
        p95 = times[min(len(times) - 1, int(len(times) * SHARE))]
        shown = f"{statistics.median(times):>7.1f}{p95:>7.1f}{times[-1]:>7.1f}"
        kept = sum(_share(s) <= 1 for s in strikes if s.recovery is not None) / len(times)
        shown += f"{100 * kept:>11.1f} %"
    kinds, points = ({s.cell.of for s in strikes}, {s.cell.point for s in strikes})
    return f"{name:34}{len(strikes):>6}{len(kinds):>6}{len(points):>7}{shown}"


def _accepted(strike: Strike) -> bool:
    return strike.taken_over and not strike.kept_out


def _left_alone(strike: Strike) -> bool:
    # On SQLite, who stands still in a transaction has the only lock there is.
    held = strike.locks_all or strike.cell.point not in LEASED
    return not strike.taken_over and not held and strike.said not in DISTURBED


def _share(strike: Strike) -> float:
    return (strike.recovery or 0.0) / strike.bound


def _words(strike: Strike) -> str:
    took = f"{strike.recovery:.1f} s of {strike.bound:.1f}" if strike.recovery else "never"
    took += ", beside a frozen transaction" if strike.beside else ""
    took += f", {strike.locked_out:.1f} s locked out" if strike.locked_out else ""
    return f"{strike.tenant} {strike.step_key}, {strike.cell.point}: {took} {strike.said}"


def _processors() -> int:
    return os.cpu_count() or 1
