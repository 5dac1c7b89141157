"""`python -m tests.hosts [partition] [growth] [--json FILE]`: several machines."""

import argparse
import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.hosts.growth import DELAY_MS, SLOTS, growth
from tests.hosts.partition import partition

HOSTS = (1, 2, 4, 8)
NOUGHT = ("lost", "doubled", "dangling", "missing mails")


def main() -> int:
    """Prints both tables; 0 where nothing was lost, doubled or left dangling."""
    parser = argparse.ArgumentParser(prog="python -m tests.hosts", description=__doc__)
    parser.add_argument("which", nargs="*", default=["partition", "growth"])
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    told: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cores": os.cpu_count(),
    }
    if "partition" in asked.which:
        told["partition"] = partition()
        for name, value in told["partition"].items():
            print(f"{name:40}{value}")
    if "growth" in asked.which:
        print(f"\nAPI {DELAY_MS} ms, {SLOTS} slots a host; all hosts share this machine's cores")
        told["growth"] = growth(HOSTS)
        print("".join(f"{name:>18}" for name in told["growth"][0]))
        for row in told["growth"]:
            print("".join(f"{value:>18}" for value in row.values()))
    if asked.json:
        asked.json.write_text(json.dumps(told, indent=1) + "\n")
    broken = [name for name in NOUGHT if told.get("partition", {}).get(name)]
    for name in broken:
        print(f"BROKEN: {name}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
