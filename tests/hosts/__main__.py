"""
`python -m tests.hosts [partition] [growth] [--json FILE]`: several machines.

The store is a host of its own, on which this module runs itself once more.
"""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.hosts.gate import broken
from tests.hosts.growth import DELAY_MS, SLOTS, growth
from tests.hosts.network import Ground
from tests.hosts.partition import DEPLOYMENTS, partition

ON_THE_STORE = "--on-the-store"


def main(argv: list[str]) -> int:
    """Prints both tables; 0 where nothing is broken, see `gate`."""
    asked = _parsed(argv)
    if not asked.on_the_store:
        with Ground() as ground:
            return ground.run([sys.executable, "-m", "tests.hosts", *argv, ON_THE_STORE])
    told: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
    }
    if "partition" in asked.which:
        told["partition"] = partition(asked.deployments)
        figures = dict(told["partition"])
        wrong = figures.pop("wrong")
        for name, value in (figures | wrong).items():
            print(f"{name:44}{value or 0}")
    if "growth" in asked.which:
        print(f"\nAPI {DELAY_MS} ms, {SLOTS} slots a host; all hosts share this machine's cores")
        told["growth"] = growth([int(word) for word in asked.hosts.split(",")])
        print("".join(f"{name:>18}" for name in told["growth"][0]))
        for row in told["growth"]:
            print("".join(f"{value:>18}" for value in row.values()))
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n")
    found = broken(told)
    for words in found:
        print(f"BROKEN: {words}")
    return 1 if found else 0


def _parsed(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    parser.add_argument("which", nargs="*", default=["partition", "growth"])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--deployments", type=int, default=DEPLOYMENTS)
    parser.add_argument("--hosts", default="1,2,4,8", help="of growth, with commas between")
    parser.add_argument(ON_THE_STORE, action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
