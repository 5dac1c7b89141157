"""
`python -m benchmarks.run MODE`: one benchmark, or `all` of them.

Ratios within one run are what counts: the machine may be busy with other things.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks import api50, contest, growth, latency, tables, waiting
from benchmarks.entrants import ENTRANTS
from benchmarks.ground import PEERS_VENV, Ground

Mode = Callable[[Ground, argparse.Namespace], tuple[str, Any]]


def peers(ground: Ground, asked: argparse.Namespace) -> tuple[str, Any]:
    """The same work for each engine, in turn."""
    names = asked.only.split(",") if asked.only else list(ENTRANTS)
    work = contest.Work(asked.deployments, asked.singles)
    tried = contest.compete(ground, [ENTRANTS[name] for name in names], work, asked.rounds)
    return tables.contest_table(tried), tables.summary(tried)


def own(_ground: Ground, _asked: argparse.Namespace) -> tuple[str, Any]:
    """Our own work for each step, in one process, without a broker: `benchmarks.spine`."""
    argv = [sys.executable, "-m", "benchmarks.spine"]
    said = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False).stdout
    text, _, figures = said.strip().rpartition("\n")
    return text, json.loads(figures)


MODES: dict[str, Mode] = {
    "peers": peers,
    "growth": growth.measure,
    "waiting": waiting.measure,
    "latency": latency.measure,
    "api50": api50.measure,
    "own": own,
}


def machine(ground: Ground) -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cores": os.cpu_count(),
        "load before": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "commit ms": ground.commit_ms(),
    }


def parsed(argv: list[str]) -> argparse.Namespace:
    """Small sizes by default; `--full` takes those of the goals."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("mode", choices=[*MODES, "all"])
    parser.add_argument("--full", action="store_true", help="the sizes of the goals")
    parser.add_argument("--json", type=Path, help="also writes all figures there")
    parser.add_argument("--only", help="engines, with commas between")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--deployments", type=int)
    parser.add_argument("--singles", type=int)
    parser.add_argument("--sizes", help="finished steps of growth, with commas between")
    parser.add_argument("--waiting", type=int, help="deployments that wait")
    parser.add_argument("--spread", type=int, help="seconds over which they come due")
    parser.add_argument("--peers-venv", type=Path, default=PEERS_VENV)
    asked = parser.parse_args(argv)
    asked.rounds = asked.rounds or (3 if asked.full else 2)
    asked.deployments = asked.deployments or (200 if asked.full else 40)
    asked.singles = asked.singles or (10 if asked.full else 5)
    asked.sizes = asked.sizes or ("0,100000,1000000" if asked.full else "0,20000")
    asked.waiting = asked.waiting or (10_000 if asked.full else 1_000)
    asked.spread = asked.spread or (120 if asked.full else 15)
    return asked


def main(argv: list[str]) -> int:
    """Prints each table as soon as it is known."""
    asked = parsed(argv)
    names = list(MODES) if asked.mode == "all" else [asked.mode]
    kept: dict[str, Any] = {}
    for name in names:
        began = time.monotonic()
        with Ground(asked.peers_venv) as ground:
            kept.setdefault("machine", machine(ground))
            text, figures = MODES[name](ground, asked)
        print(f"\n## {name} ({time.monotonic() - began:.0f} s)\n\n{text}", flush=True)
        kept[name] = figures
    print(f"\n{json.dumps(kept['machine'])}")
    if asked.json:
        asked.json.write_text(json.dumps(kept, indent=1) + "\n")
    # No step comes without a round trip: then they were not counted.
    return 1 if kept.get("own", {}).get("round trips least") == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
