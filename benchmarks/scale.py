"""
`python -m benchmarks.scale`: a model of many workers, fed with what was measured here.

A deployment is a row of steps, one after the other. A step waits for a slot of some worker, takes
processor time of that worker (one core: Python runs one thread at a time), of the database, and
the time of the target's answer. The model simulates every step of every deployment and prints what
is reached and what limits it. What a step costs is read from docs/evidence, the same for all rows;
`--check` puts the model beside what `make hosts` measured and says how far it holds.

It knows no locks, no network, no memory and no memory bandwidth: beyond what the check covers its
figures are a bound from above, which nothing here has shown.
"""

import argparse
import heapq
import json
import random
import sys
from collections import deque
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from benchmarks.evidence import FOLDER
from tenantry.app import WORKER_POOL
from tenantry.engine.store import SWIFT_POOL
from tests.hosts.growth import DELAY_MS, SLOTS, deployments_for

STEPS = 20
# Whoever plans capacity can bear so much; where it is off by more, the model says nothing.
TOLERANCE = 0.25


@dataclass(frozen=True, slots=True)
class Inputs:
    """
    What a step costs, in seconds and bytes, and what there is of everything.

    The first ones are measured, see `measured`. The others say which installation is asked about;
    `answer`, what a call to a target takes, is assumed.
    """

    worker_cpu: float
    database_cpu: float
    commit: float
    commits: float
    round_trips: float
    wal_bytes: float
    row_bytes: float
    tenants: int = 100_000
    workers: int = 100
    slots: int = 40
    database_cores: int = 16
    answer: float = 0.3
    # Where all share one machine, as namespaces do: its cores; else each worker has one of its own.
    shared_cores: int = 0

    @property
    def waits(self) -> float:
        """Seconds for which a step waits for the disk."""
        return self.commit * self.commits


def measured(folder: Path = FOLDER) -> dict[str, float]:
    """The inputs that `make bench` and `make bench-spine` have written down."""
    bench = json.loads((folder / "bench.json").read_text())
    own = bench["own"]
    if "round trips mean" not in own:
        own = json.loads((folder / "bench-spine.json").read_text())
    ours = bench["peers"]["ours"]
    return {
        "worker_cpu": ours["cpu workers"]["median"] / 1000,
        "database_cpu": ours["cpu postgres"]["median"] / 1000,
        "commit": bench["machine"]["commit ms"] / 1000,
        "commits": own["transactions mean"],
        "round_trips": own["round trips mean"],
        "wal_bytes": own["WAL bytes/step"],
        "row_bytes": own["table bytes/step"],
    }


@dataclass(slots=True)
class Reached:
    """What the simulation came to."""

    seconds: float
    steps: int
    worker_busy: float
    database_busy: float

    @property
    def rate(self) -> float:
        """Steps a second."""
        return self.steps / self.seconds


class Cores:
    """Some cores that serve one after the other whoever asks; first come, first served."""

    def __init__(self, number: int) -> None:
        self.free = [0.0] * number
        self.used = 0.0

    def serve(self, now: float, need: float) -> float:
        """When the work is done that is asked for now."""
        began = max(now, heapq.heappop(self.free))
        heapq.heappush(self.free, began + need)
        self.used += need
        return began + need


def simulate(given: Inputs, deployments: int, seed: int = 1) -> Reached:
    """
    Every step of so many deployments, all asked for at once.

    Work is drawn with a spread of a third around its mean, answers with an exponential tail of a
    fifth, so that queues form as they do in life.
    """
    return _Play(given, random.Random(seed)).run(deployments)


class _Play:
    """Events in the order of their time; each asks for one thing."""

    def __init__(self, given: Inputs, draw: random.Random) -> None:
        self.given, self.draw = given, draw
        shared = Cores(given.shared_cores) if given.shared_cores else None
        self.database = shared or Cores(given.database_cores)
        self.workers = [shared or Cores(1) for _ in range(given.workers)]
        self.idle = deque(worker for _ in range(given.slots) for worker in range(given.workers))
        self.line: deque[int] = deque()
        self.events: list[tuple[float, int, int, int, int]] = []
        self.number = 0

    def run(self, deployments: int) -> Reached:
        """Until the last step of the last deployment."""
        left = [STEPS] * deployments
        for one in range(deployments):
            self._at(0.0, one, 0, -1)
        now = 0.0
        while self.events:
            now, _, one, phase, worker = heapq.heappop(self.events)
            if phase == 0:
                self.line.append(one)
            elif phase < len(self.phases):
                self._at(self.phases[phase](self, now, worker), one, phase + 1, worker)
            else:
                self.idle.append(worker)
                left[one] -= 1
                if left[one]:
                    self._at(now, one, 0, -1)
            while self.line and self.idle:
                self._at(now, self.line.popleft(), 1, self.idle.popleft())
        return self._reached(now, deployments * STEPS)

    def _at(self, when: float, one: int, phase: int, worker: int) -> None:
        self.number += 1
        heapq.heappush(self.events, (when, self.number, one, phase, worker))

    def _work(self, now: float, worker: int) -> float:
        need = self.given.worker_cpu / 2 * self.draw.uniform(0.67, 1.33)
        return self.workers[worker].serve(now, need)

    def _query(self, now: float, _worker: int) -> float:
        given = self.given
        done = self.database.serve(now, given.database_cpu / 2 * self.draw.uniform(0.67, 1.33))
        # The disk is waited for, and serves many at once: a group of commits is one write.
        return done + given.waits / 2

    def _answer(self, now: float, _worker: int) -> float:
        return now + self.given.answer * (0.8 + self.draw.expovariate(5))

    phases: tuple[Any, ...] = (None, _work, _query, _answer, _work, _query)

    def _reached(self, end: float, steps: int) -> Reached:
        given = self.given
        cores = {id(one): one for one in self.workers}.values()
        return Reached(
            end,
            steps,
            sum(one.used for one in cores) / end / (given.shared_cores or given.workers),
            self.database.used / end / (given.shared_cores or given.database_cores),
        )


def limits(given: Inputs) -> dict[str, float]:
    """Steps a second that each thing alone would allow."""
    return {
        "slots": given.workers
        * given.slots
        / (given.answer + given.worker_cpu + given.database_cpu + given.waits),
        "workers' CPU": given.workers / given.worker_cpu,
        "database's CPU": given.database_cores / given.database_cpu,
    }


def table(given: Inputs, deployments: int) -> dict[str, Any]:
    """Prints and returns the model's answer for one installation."""
    reached = simulate(given, deployments)
    rate = reached.rate
    told: dict[str, Any] = {
        "CPU ms a step: worker, database": f"{given.worker_cpu * 1000:.1f}, "
        f"{given.database_cpu * 1000:.1f}",
        "commit ms, commits a step": f"{given.commit * 1000:.2f}, {given.commits:.1f}",
        "answer of the target s (assumed)": given.answer,
        "tenants": given.tenants,
        "workers, slots each": f"{given.workers}, {given.slots}",
        "cores of the database": given.database_cores,
        "simulated deployments": deployments,
        **{f"limit by {name}, steps/s": round(value) for name, value in limits(given).items()},
        "reached at most, steps/s": round(rate),
        "busy: workers, database": f"{reached.worker_busy:.0%}, {reached.database_busy:.0%}",
        "every tenant once, minutes": round(given.tenants * STEPS / rate / 60, 1),
        "round trips/s": round(rate * given.round_trips),
        "WAL, MB/s": round(rate * given.wal_bytes / 1e6, 1),
        "rows of one round of all, GB": round(given.tenants * STEPS * given.row_bytes / 1e9, 1),
        # Of the swift pool, and where every pool is at its most.
        "connections to the database": f"{given.workers * SWIFT_POOL} to "
        f"{given.workers * (SWIFT_POOL + 2 * WORKER_POOL)}",
    }
    for name, value in told.items():
        print(f"{name:36}{value}")
    return told


def check(hosts: dict[str, Any], given: Inputs) -> dict[str, Any]:
    """The model beside `make hosts`: the same slots, answer and cores, and one cost for all."""
    rows, holds, fits = [], 0, True
    print(f"\n{'hosts':>6}{'measured':>12}{'model':>10}{'off by':>10}   steps/s")
    for row in hosts["growth"]:
        number, rate = row["hosts"], row["steps/s"]
        one = replace(
            given,
            workers=number,
            slots=SLOTS,
            answer=DELAY_MS / 1000,
            shared_cores=hosts["cores"],
        )
        model = simulate(one, deployments_for(number)).rate
        error = model / rate - 1
        # Up to the first row that is off: one that fits by chance beyond it says nothing.
        fits = fits and abs(error) <= TOLERANCE
        holds = number if fits else holds
        rows.append(
            {
                "hosts": number,
                "measured": rate,
                "model": round(model, 1),
                "off by": round(error, 3),
            }
        )
        print(f"{number:>6}{rate:>12}{model:>10.1f}{error:>+10.0%}")
    words = f"up to {holds} hosts of {SLOTS} slots" if holds else "nowhere"
    print(f"\nThe model holds within {TOLERANCE:.0%} {words}; beyond, it is a bound from above.")
    return {"rows": rows, "holds up to hosts": holds}


def main() -> int:
    """The model, and its check where there are measurements; 1 if it holds nowhere."""
    known: dict[str, Any] = measured()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--check", type=Path, help="the JSON that `make hosts` wrote")
    parser.add_argument("--deployments", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    for field in fields(Inputs):
        default = known.get(field.name, field.default)
        kind = type(field.default) if field.name not in known else float
        parser.add_argument(f"--{field.name.replace('_', '-')}", type=kind, default=default)
    asked = parser.parse_args()
    given = Inputs(**{field.name: getattr(asked, field.name) for field in fields(Inputs)})
    told: dict[str, Any] = {"model": table(given, asked.deployments)}
    if asked.check:
        told["check"] = check(json.loads(asked.check.read_text()), given)
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0 if not asked.check or told["check"]["holds up to hosts"] else 1


if __name__ == "__main__":
    sys.exit(main())
