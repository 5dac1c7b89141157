"""A person at a browser: signs in, and watches a deployment end without touching anything."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from redis import Redis

from tenantry.demo.valkey import Valkey
from tests.installation import Installation

pytestmark = [pytest.mark.browser, pytest.mark.processes]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"]
FLAGS += ["--no-first-run", "--disable-component-update", "--disable-sync"]
EMAIL, PASSWORD = "ada@demo.test", "correct-horse-battery"
SECONDS = 60_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.fail("Chromium is missing: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def place(tmp_path: Path, postgres_url: str, valkey: Valkey) -> Iterator[Installation]:
    Redis.from_url(valkey.admin_url()).flushall()
    with Installation(tmp_path, postgres_url, valkey.url(), speed=0.1) as installation:
        installation.product()
        installation.tenant("acme")
        installation.shop.add_staff(EMAIL, "operator", PASSWORD)
        installation.start("web", "steps", "slow", "watchdog")
        yield installation


@pytest.mark.parametrize("width", [1440, 390])
def test_a_deployment_is_watched_to_its_end(
    place: Installation, browser: Browser, width: int
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    wrong: list[str] = []
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda trouble: wrong.append(str(trouble)))
    foreign: list[str] = []
    here = f"http://127.0.0.1:{place.web}"
    page.on(
        "request", lambda r: None if r.url.startswith((here, "data:")) else foreign.append(r.url)
    )
    sign_in(page, here)
    page.goto(f"{here}/")
    place.deploy("acme")
    public_id = place.latest("acme")
    page.goto(f"{here}/deployments/{public_id}")
    expect(page.locator("h1")).to_contain_text("Acme")
    # Nobody reloads: the page follows the rows by itself.
    expect(page.get_by_text("Succeeded").first).to_be_visible(timeout=SECONDS)
    assert place.ended("acme") == "succeeded"
    assert wrong == []
    assert foreign == []
    # Nothing is wider than the window.
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def sign_in(page: Page, here: str) -> None:
    page.goto(f"{here}/login")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(f"{here}/")
