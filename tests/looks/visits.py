"""Every page in each form, one after the other, as a browser shows it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from playwright.sync_api import ConsoleMessage, Page

from tests.looks.pages import every_page
from tests.looks.scene import browsing, new_tab, served, sign_in

FORMS = (("light", 1440), ("dark", 1440), ("light", 390), ("dark", 390))
BEFORE = "security-login"


@dataclass(frozen=True, slots=True)
class Visit:
    """A page that is open in `tab`; `said` are warnings and errors on its console."""

    name: str
    tab: Page
    scheme: str
    wide: int
    said: tuple[str, ...]


def visits(only: str) -> Iterator[Visit]:
    """Those whose name holds the text; the log-in while nobody is logged in."""
    with served() as (world, here), browsing() as browser:
        pages = [page for page in every_page(world) if only in page.name]
        pages.sort(key=lambda page: page.name != BEFORE)
        for scheme, wide in FORMS:
            tab = new_tab(browser, wide=wide, scheme=scheme)
            said: list[str] = []
            tab.on("console", partial(_hear, said))
            known = False
            for page in pages:
                if page.name != BEFORE and not known:
                    sign_in(tab, here)
                    known = True
                said.clear()
                tab.goto(here + page.url)
                yield Visit(page.name, tab, scheme, wide, tuple(said))
            tab.context.close()


def _hear(said: list[str], message: ConsoleMessage) -> None:
    if message.type in {"error", "warning"}:
        said.append(message.text)
