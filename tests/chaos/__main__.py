"""
`python -m tests.chaos [S4 S5 …]`: each scenario with its promise, and the figures it reached.

Real processes: workers, watchdogs, PostgreSQL, Valkey, a stand-in Dokploy, SMTP and DNS. Times of
the product at a fifteenth unless a scenario says otherwise; faults last as long as they say.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.chaos import broker, database, embedded, outside, people, storm, target, workers
from tests.chaos.scenario import SCENARIOS, How, Scenario, Told

MODULES = (broker, database, embedded, outside, people, storm, target, workers)


def commit_seed() -> int:
    """Another one for each commit, the same for all who look at it."""
    done = subprocess.run(
        ["git", "rev-parse", "--short=7", "HEAD"], capture_output=True, text=True, check=False
    )
    return int(done.stdout.strip() or "1", 16) % 1_000_000


def parsed() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("which", nargs="*", help=", ".join(_ordered()))
    parser.add_argument("--brief", action="store_true", help="the bounded part")
    parser.add_argument("--seed", type=int, default=commit_seed())
    parser.add_argument("--flight", type=int, default=1000, help="deployments in the storm")
    parser.add_argument("--storm", type=float, default=300.0, help="seconds of the storm")
    parser.add_argument("--away", type=float, default=600.0, help="seconds without a broker in S6")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _ordered() -> list[str]:
    return sorted(SCENARIOS, key=lambda key: int(key[1:]))


def main() -> int:
    """Runs what was asked for; 0 where every promise was kept."""
    asked = parsed()
    chosen = asked.which or _ordered()
    results = []
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as base:
        Path(base).chmod(0o755)
        how = How(Path(base), asked.seed, asked.flight, asked.storm, asked.away)
        for key in chosen:
            if key not in SCENARIOS:
                print(f"unknown: {key}; there are {', '.join(_ordered())}")
                return 2
            if asked.brief and not SCENARIOS[key].brief and not asked.which:
                continue
            results.append(one(SCENARIOS[key], how))
    broken = [result for result in results if result["broken"]]
    print(f"\n{len(results)} scenarios, {len(results) - len(broken)} promises kept")
    if asked.json:
        about = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "seed": asked.seed,
            "cores": os.cpu_count(),
            "python": platform.python_version(),
        }
        asked.json.write_text(json.dumps(about | {"scenarios": results}, indent=1) + "\n")
    return 1 if broken else 0


def one(scenario: Scenario, how: How) -> dict[str, Any]:
    """Runs one scenario and prints its figures."""
    began = time.monotonic()
    print(f"\n{scenario.key}  {scenario.name.replace('_', ' ')}", flush=True)
    print(f"    promise: {scenario.promise}", flush=True)
    try:
        told = scenario.act(how)
    except Exception as trouble:  # noqa: BLE001 — the others are to be seen too
        traceback.print_exc()
        told = Told(broken=[f"{type(trouble).__name__}: {str(trouble)[:300]}"])
    seconds = time.monotonic() - began
    for name, value in told.figures.items():
        print(f"    {name:34} {value}", flush=True)
    print(f"    {'seconds':34} {seconds:.0f}", flush=True)
    for words in told.broken:
        print(f"    BROKEN: {words}", flush=True)
    return {
        "key": scenario.key,
        "name": scenario.name,
        "promise": scenario.promise,
        "figures": told.figures,
        "broken": told.broken,
        "seconds": round(seconds, 1),
    }


if __name__ == "__main__":
    sys.exit(main())
