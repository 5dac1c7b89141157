"""
`make crash`: every kind of step × ten points; its worker dies there, or stands still beyond its
lease and comes back. With threads and with processes, on PostgreSQL and on SQLite.

By itself: with threads on PostgreSQL every cell by SIGKILL and every cell by SIGSTOP, and for each
other combination one point for each kind, which the seed turns. `--all` does every cell of every
combination, `--signal`, `--pool` and `--db` every cell of those; `--others` leaves the first two
out, `--ci` is a sample of a few minutes. One cell runs at the shipped times, beside the others.
Anything lost, doubled, left open or not come to is red, and so are steps that went on too late; in
a sample the latter is only shown, for it runs beside whatever else a machine does.
"""

import argparse
import random
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

from tests.crash.board import Board, Cell, Sample, one_each, only, whole
from tests.crash.points import KILL, LEASED, POINTS, SIGNALS, STOP
from tests.crash.report import Report
from tests.crash.scene import (
    DATABASES,
    POOLS,
    POSTGRESQL,
    PREFORK,
    SQLITE,
    THREADS,
    Scene,
    Servers,
)
from tests.crash.stories import STORIES

AT_SHIPPED_TIMES = ("project.create", "service.git_attach", "service.env_set", "service.deploy")
SAMPLED = ("sick", "scaled", "rested", "named", "stacked", "found", "built")
FEWEST_OF_A_POINT = 3
MOST_SAMPLES = 4


def main() -> int:
    """Prints the tables; 0 where nothing is wrong."""
    given = _arguments()
    seed = _seed_of_the_commit() if given.seed is None else given.seed
    print(f"seed {seed}", flush=True)
    base = Path(tempfile.mkdtemp(prefix="crash-"))
    everything = not given.ci and not given.stories
    report = Report(seed=seed, everything=everything, timed=everything)
    try:
        with Servers(base) as shared:
            for beside in _sampled(seed) if given.ci else _rounds(given, seed):
                _add(report, _at_once(beside, shared), given.json)
            # A step that had nothing to change never came to its point: another one may.
            for again in range(1, MOST_SAMPLES if given.ci else 1):
                if rare := _rare(report):
                    _add(report, _at_once([_rest(seed + again, rare)], shared), given.json)
    finally:
        shutil.rmtree(base, ignore_errors=True)
    rare = _rare(report) if given.ci else []
    for point in rare:
        print(f"  fewer than {FEWEST_OF_A_POINT} times: {point}")
    return 1 if report.wrong() or rare else 0


def _add(report: Report, scenes: list[Scene], file: Path | None) -> None:
    """Whatever happens to the rest of a long run, this much is known."""
    report.add(scenes)
    report.show()
    if file:
        report.save(file)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="every cell of every combination")
    parser.add_argument("--others", action="store_true", help="only what the seed turns")
    parser.add_argument("--ci", action="store_true", help="a sample of a few minutes")
    parser.add_argument("--signal", choices=SIGNALS, help="every cell, by this signal alone")
    parser.add_argument("--pool", choices=POOLS, help="every cell, in this pool alone")
    parser.add_argument("--db", choices=DATABASES, help="every cell, on this database alone")
    parser.add_argument("--stories", help="only these, separated by commas")
    parser.add_argument("--seed", type=int, help="the commit's own by default")
    parser.add_argument("--json", type=Path, help="a file for the result")
    return parser.parse_args()


def _seed_of_the_commit() -> int:
    found = subprocess.run(
        ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=False
    )
    return int(found.stdout.strip()[:8] or "0", 16)


def _rounds(given: argparse.Namespace, seed: int) -> list[list[Scene]]:
    """What runs after each other, and in each what runs beside each other."""
    stories = given.stories.split(",") if given.stories else list(STORIES)
    if given.all or given.signal or given.pool or given.db:
        signals = [given.signal] if given.signal else list(SIGNALS)
        scenes = [
            Scene(pool, db, Board(whole([signal])), stories)
            for db, pool, signal in product(DATABASES, POOLS, signals)
            if given.pool in {None, pool} and given.db in {None, db}
        ]
        return [[scenes[0], _shipped(seed)], *([scene] for scene in scenes[1:])]

    def turned(pool: str, db: str, *signals: str) -> Scene:
        """One point for each kind and signal, another one in each combination."""
        turn = seed + 3 * POOLS.index(pool) + 6 * DATABASES.index(db)
        return Scene(pool, db, Board(one_each(turn, signals)), stories, lives=6, seconds=900)

    killed, frozen = (
        # What stands still may be killed by a neighbour, and is then tried again in another life.
        Scene(THREADS, POSTGRESQL, Board(whole([signal])), stories, lives=24)
        for signal in SIGNALS
    )
    return [
        *([] if given.others else [[killed, _shipped(seed)], [frozen]]),
        [turned(THREADS, SQLITE, KILL, STOP), turned(PREFORK, POSTGRESQL, KILL, STOP)],
        [turned(PREFORK, SQLITE, KILL, STOP)],
    ]


def _sampled(seed: int) -> list[list[Scene]]:
    draw = random.Random(seed)
    first, *others = draw.sample(SAMPLED, 4)
    return [
        [
            Scene(
                THREADS,
                POSTGRESQL,
                Sample(seed, 24),
                ["first", *others[:2]],
                kills=4,
                lives=1,
                seconds=240,
            ),
            Scene(PREFORK, SQLITE, Sample(seed + 1, 14), [first], kills=4, lives=1, seconds=240),
            _shipped(seed),
        ]
    ]


def _rest(seed: int, points: list[str]) -> Scene:
    """More of those points that a sample came to too seldom."""
    board = Sample(seed, FEWEST_OF_A_POINT * len(points), points)
    return Scene(THREADS, POSTGRESQL, board, ["first", "found"], kills=6, lives=1, seconds=120)


def _shipped(seed: int) -> Scene:
    """One cell whose lease is the shipped one."""
    draw = random.Random(seed)
    cell = Cell(draw.choice(AT_SHIPPED_TIMES), draw.choice(sorted(LEASED)), KILL)
    return Scene(
        THREADS,
        POSTGRESQL,
        Board(only(cell)),
        ["first"],
        at_once=1,
        lives=1,
        divisor=1,
        chapters=1,
        seconds=240,
    )


def _at_once(scenes: list[Scene], shared: Servers) -> list[Scene]:
    def play(scene: Scene) -> Scene:
        try:
            return scene.play(shared)
        except Exception as trouble:  # noqa: BLE001 — what the others found is still told
            place = traceback.extract_tb(trouble.__traceback__)[-1]
            words = f"the scene broke off: {trouble!r} at {place.name}:{place.lineno}"
            scene.lost.append(words[:500])
            return scene

    with ThreadPoolExecutor(len(scenes)) as threads:
        return list(threads.map(play, scenes))


def _rare(report: Report) -> list[str]:
    reached = Counter(strike.cell.point for strike in report.strikes)
    return [point for point in POINTS if reached[point] < FEWEST_OF_A_POINT]


if __name__ == "__main__":
    sys.exit(main())
