"""
`make axe`: axe-core on every page, light and dark. Serious and critical violations are red.

Lesser ones are printed and do not fail. `--only TEXT` takes the pages whose name holds it.
"""

import argparse
import sys
import time
from typing import Any

from axe_playwright_python.sync_playwright import Axe

from tests.looks.pages import every_page
from tests.looks.scene import browsing, served, sign_in

RED = frozenset({"serious", "critical"})
FORMS = (("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390))
RULES = {"resultTypes": ["violations"]}


def main(argv: list[str]) -> int:
    """Prints a line for each page; 1 where one is red."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    asked = parser.parse_args(argv)
    began, red, looked = time.monotonic(), 0, 0
    with served() as (world, here), browsing() as browser:
        pages = [page for page in every_page(world) if asked.only in page.name]
        found: dict[str, list[str]] = {page.name: [] for page in pages}
        for scheme, wide in FORMS:
            tab = sign_in(browser, here, wide=wide, scheme=scheme)
            for page in pages:
                tab.goto(here + page.url)
                looked += 1
                for violation in Axe().run(tab, options=RULES).response["violations"]:
                    red += violation["impact"] in RED
                    found[page.name].append(_told(violation, scheme, wide))
            tab.context.close()
    for name, troubles in found.items():
        print(f"{name:44}{'ok' if not troubles else ''}")
        for trouble in troubles:
            print(f"  {trouble}")
    print(f"{len(pages)} pages, {looked} looks, {red} serious or critical, ", end="")
    print(f"{time.monotonic() - began:.0f} s")
    return 1 if red else 0


def _told(violation: dict[str, Any], scheme: str, wide: int) -> str:
    where = violation["nodes"][0]["target"]
    number = len(violation["nodes"])
    return f"{violation['impact']} {violation['id']} ({scheme}, {wide}): {number} x, {where}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
