"""
`make axe`: axe-core on every page, light and dark. Serious and critical violations are red.

Lesser ones are printed and do not fail. `--only TEXT` takes the pages whose name holds it.
"""

import argparse
import sys
import time
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from tests.looks.visits import visits

RED = frozenset({"serious", "critical"})
RULES = {"resultTypes": ["violations"]}


def main(argv: list[str]) -> int:
    """Prints a line for each page; 1 where one is red."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    asked = parser.parse_args(argv)
    began, red, looked = time.monotonic(), 0, 0
    found: dict[str, list[str]] = {}
    for visit in visits(asked.only):
        looked += 1
        troubles = found.setdefault(visit.name, [])
        for violation in Axe().run(visit.tab, options=RULES).response["violations"]:
            red += violation["impact"] in RED
            troubles.append(_told(violation, visit.scheme, visit.wide))
    for name, troubles in found.items():
        print(f"{name:44}{'' if troubles else 'ok'}")
        for trouble in troubles:
            print(f"  {trouble}")
    print(f"{len(found)} pages, {looked} looks, {red} serious or critical, ", end="")
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if red else 0


def _told(violation: dict[str, Any], scheme: str, wide: int) -> str:
    where = violation["nodes"][0]["target"]
    number = len(violation["nodes"])
    return f"{violation['impact']} {violation['id']} ({scheme}, {wide}): {number} x, {where}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
