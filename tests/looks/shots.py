"""
`make screenshots`: every page, light and dark, 1440 and 390 wide, into docs/screenshots.

`--only TEXT` takes the pages whose name holds it, `--to FOLDER` puts them elsewhere. Anything wider
than its window, and any word on the browser's console, is red.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from playwright.sync_api import ConsoleMessage

from tests.looks.pages import every_page
from tests.looks.scene import browsing, served, sign_in

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
LONGEST = 2600
FORMS = (("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390))


def main(argv: list[str]) -> int:
    """Writes the pictures; 1 where a page is too wide or says something on the console."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="")
    parser.add_argument("--to", type=Path, default=FOLDER)
    asked = parser.parse_args(argv)
    asked.to.mkdir(parents=True, exist_ok=True)
    wrong: list[str] = []
    with served() as (world, here), browsing() as browser:
        pages = [page for page in every_page(world) if asked.only in page.name]
        for scheme, wide in FORMS:
            tab = sign_in(browser, here, wide=wide, scheme=scheme)
            said: list[str] = []
            tab.on("console", partial(_hear, said))
            for page in pages:
                said.clear()
                tab.goto(here + page.url)
                tab.evaluate("document.fonts.ready")
                size = tab.evaluate("[document.body.scrollHeight, document.body.scrollWidth]")
                clip = {"x": 0, "y": 0, "width": wide, "height": min(max(size[0], 700), LONGEST)}
                name = f"{page.name}-{scheme}-{wide}.png"
                tab.screenshot(path=asked.to / name, full_page=True, clip=clip)  # type: ignore[arg-type]
                wrong += [f"{name}: {size[1]} wide"] if size[1] > wide else []
                wrong += [f"{name}: {words}" for words in said]
            tab.context.close()
    print(f"{len(pages)} pages, {len(pages) * len(FORMS)} pictures in {asked.to}")
    print("\n".join(wrong))
    return 1 if wrong else 0


def _hear(said: list[str], message: ConsoleMessage) -> None:
    if message.type in {"error", "warning"}:
        said.append(message.text)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
