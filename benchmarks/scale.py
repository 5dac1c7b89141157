"""
`python -m benchmarks.scale`: a model of many workers, fed with what was measured here.

A deployment is a row of steps, one after the other. A step waits for a slot of some worker, takes
processor time of that worker (one core: Python runs one thread at a time), of the database, and
the time of the target's answer. The model simulates every step of every deployment and prints what
is reached and what limits it. `--check` puts the model beside what `make hosts` measured.
"""

import argparse
import heapq
import json
import random
import sys
from collections import deque
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

STEPS = 20


@dataclass(frozen=True, slots=True)
class Inputs:
    """
    Seconds of processor for one step, and what there is of everything.

    Defaults are what `make bench` measured on two shared cores (docs/evidence): worker and database
    CPU for a step, round trips, what a commit waits for the disk, bytes of the write-ahead log and
    of the tables.
    """

    tenants: int = 100_000
    workers: int = 100
    slots: int = 40
    database_cores: int = 16
    worker_cpu: float = 0.0057
    database_cpu: float = 0.0024
    answer: float = 0.3
    commit: float = 0.004
    round_trips: float = 3.5
    wal_bytes: float = 5_300
    row_bytes: float = 2_900
    # Where all share one machine, as namespaces do: its cores; else each worker has one of its own.
    shared_cores: int = 0


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
        return done + given.commit * given.round_trips / 2

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
        / (given.answer + given.worker_cpu + given.commit * given.round_trips),
        "workers' CPU": given.workers / given.worker_cpu,
        "database's CPU": given.database_cores / given.database_cpu,
    }


def table(given: Inputs, deployments: int) -> dict[str, Any]:
    """Prints and returns the model's answer for one installation."""
    reached = simulate(given, deployments)
    rate = reached.rate
    told: dict[str, Any] = {
        "tenants": given.tenants,
        "workers, slots each": f"{given.workers}, {given.slots}",
        "simulated deployments": deployments,
        **{f"limit by {name}, steps/s": round(value) for name, value in limits(given).items()},
        "reached, steps/s": round(rate),
        "busy: workers, database": f"{reached.worker_busy:.0%}, {reached.database_busy:.0%}",
        "every tenant once, minutes": round(given.tenants * STEPS / rate / 60, 1),
        "queries/s": round(rate * given.round_trips),
        "WAL, MB/s": round(rate * given.wal_bytes / 1e6, 1),
        "rows of one round of all, GB": round(given.tenants * STEPS * given.row_bytes / 1e9, 1),
        "connections to the database": given.workers * 8,
    }
    for name, value in told.items():
        print(f"{name:36}{value}")
    return told


def check(measured: list[dict[str, Any]], given: Inputs) -> list[dict[str, Any]]:
    """The model beside `make hosts`: the same slots, the same answer, the same two cores."""
    rows = []
    print(f"\n{'hosts':>6}{'measured':>12}{'model':>10}{'ratio':>8}   steps/s")
    for row in measured:
        cpu = row["CPU s/1,000"] / 1000
        share = given.database_cpu / (given.database_cpu + given.worker_cpu)
        one = replace(
            given,
            workers=row["hosts"],
            slots=2,
            answer=0.05,
            shared_cores=2,
            worker_cpu=cpu * (1 - share),
            database_cpu=cpu * share,
        )
        rate = simulate(one, max(8, 10 * row["hosts"])).rate
        rows.append({"hosts": row["hosts"], "measured": row["steps/s"], "model": round(rate, 1)})
        ratio = row["steps/s"] / rate
        print(f"{row['hosts']:>6}{row['steps/s']:>12}{rate:>10.1f}{ratio:>8.2f}")
    return rows


def main() -> int:
    """The model at its defaults, or with other inputs; the check where there are measurements."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--check", type=Path, help="the JSON that `make hosts` wrote")
    parser.add_argument("--deployments", type=int, default=20_000)
    parser.add_argument("--json", type=Path)
    for name in ("workers", "slots", "database-cores", "tenants"):
        parser.add_argument(
            f"--{name}", type=int, default=getattr(Inputs(), name.replace("-", "_"))
        )
    for name in ("worker-cpu", "database-cpu", "answer", "commit"):
        parser.add_argument(
            f"--{name}", type=float, default=getattr(Inputs(), name.replace("-", "_"))
        )
    asked = parser.parse_args()
    given = Inputs(
        tenants=asked.tenants,
        workers=asked.workers,
        slots=asked.slots,
        database_cores=asked.database_cores,
        worker_cpu=asked.worker_cpu,
        database_cpu=asked.database_cpu,
        answer=asked.answer,
        commit=asked.commit,
    )
    told: dict[str, Any] = {"model": table(given, asked.deployments)}
    if asked.check:
        told["check"] = check(json.loads(asked.check.read_text())["growth"], given)
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
