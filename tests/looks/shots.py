"""
`make screenshots`: every page, light and dark, 1440 and 390 wide, into docs/screenshots.

`--only TEXT` takes the pages whose name holds it, `--to FOLDER` puts them elsewhere. Anything wider
than its window, and any word on the browser's console, is red.
"""

import argparse
import sys
from pathlib import Path

from tests.looks.visits import Visit, visits

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
LONGEST = 2600


def main(argv: list[str]) -> int:
    """Writes the pictures; 1 where a page is too wide or says something on the console."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--to", type=Path, default=FOLDER)
    asked = parser.parse_args(argv)
    asked.to.mkdir(parents=True, exist_ok=True)
    wrong: list[str] = []
    taken: list[str] = []
    for visit in visits(asked.only):
        wrong += taken_of(visit, asked.to)
        taken.append(visit.name)
    print(f"{len(set(taken))} pages, {len(taken)} pictures in {asked.to}")
    print("\n".join(wrong))
    return 1 if wrong else 0


def taken_of(visit: Visit, folder: Path) -> list[str]:
    """One picture; what is wrong with its page."""
    visit.tab.evaluate("document.fonts.ready")
    high, wide = visit.tab.evaluate("[document.body.scrollHeight, document.body.scrollWidth]")
    clip = {"x": 0, "y": 0, "width": visit.wide, "height": min(max(high, 700), LONGEST)}
    name = f"{visit.name}-{visit.scheme}-{visit.wide}.png"
    visit.tab.screenshot(path=folder / name, full_page=True, clip=clip)  # type: ignore[arg-type]
    wrong = [f"{name}: {wide} wide"] if wide > visit.wide else []
    return wrong + [f"{name}: {words}" for words in visit.said]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
