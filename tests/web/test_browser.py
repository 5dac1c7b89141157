"""The panel in a real browser, under its own strict policy."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from werkzeug.serving import make_server

from tenantry.models import Deployment, DeploymentStep, Tenant
from tests.web.conftest import PASSWORD, World
from tests.web.test_output import LISTS

pytestmark = pytest.mark.browser
# A machine that is busy with other tests may take seconds for what takes a moment.
expect.set_options(timeout=20_000)
CHROMIUM = Path("/usr/bin/chromium")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The system's Chromium."""
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium: apt-get install chromium")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()


@pytest.fixture
def served(world: World) -> Iterator[str]:
    """The panel over HTTP."""
    server = make_server("127.0.0.1", 0, world.app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()


class Visit:
    """One person's browser, and everything that went wrong in it."""

    def __init__(self, browser: Browser, base: str, **more: Any) -> None:
        self.base = base
        self.context = browser.new_context(
            **{"viewport": {"width": 1440, "height": 900}, "timezone_id": "Asia/Karachi", **more}
        )
        self.page: Page = self.context.new_page()
        self.trouble: list[str] = []
        self.page.on("pageerror", lambda e: self.trouble.append(str(e)))
        self.page.on(
            "console", lambda m: self.trouble.append(m.text) if m.type == "error" else None
        )
        self.page.on(
            "request",
            lambda r: (
                None if r.url.startswith((base, "data:")) else self.trouble.append(f"asked {r.url}")
            ),
        )

    def log_in(self, role: str) -> Page:
        self.page.goto(f"{self.base}/login")
        self.page.fill("#email", f"{role}@example.com")
        self.page.fill("#password", PASSWORD)
        self.page.click("button")
        self.page.wait_for_url(f"{self.base}/")
        return self.page


def fits(page: Page, where: str = "") -> None:
    """Nothing is wider than the window. Waits for the page: a click that leads to it does not."""
    expect(page.locator("h1")).to_be_visible()
    assert page.locator("html").evaluate("whole => whole.scrollWidth - innerWidth") <= 0, where


def deployment(world: World, subdomain: str) -> str:
    return f"/deployments/{world.row(Deployment, subdomain=subdomain).public_id}"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_every_page_fits_and_breaks_nothing(
    world: World, browser: Browser, served: str, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 844}
    visit = Visit(browser, served, viewport=size, color_scheme=scheme)
    page = visit.log_in("admin")
    acme = world.row(Tenant, subdomain="acme")
    urls = ["/", *(f"/{noun}/" for noun in LISTS), f"/tenants/{acme.public_id}"]
    urls += [deployment(world, name) for name in ("acme", "broken", "waiting")]
    urls += ["/tenants/new", "/products/new", "/secrets/new", "/staff/new", "/password"]
    for url in urls:
        page.goto(served + url)
        fits(page, url)
        assert visit.trouble == [], url
    visit.context.close()


def test_a_deployment_is_followed_without_reloading(
    world: World, browser: Browser, served: str
) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.goto(served + deployment(world, "waiting"))
    page.evaluate("window.stayed = true")
    check = page.locator("li.step", has_text="Check health").first
    expect(check).to_contain_text("Waiting")
    check.get_by_text("View details").click()
    expect(page.locator(".detail")).to_contain_text("Attempts")
    check.locator("summary", has_text="Skip").click()
    # Before the focus is there, typing goes nowhere.
    expect(check.locator("input[name=reason]")).to_be_focused()
    page.keyboard.type("Known trouble")
    expect(check.locator("input[name=reason]")).to_have_value("Known trouble")
    world.stage.finish()
    expect(page.locator("h1")).to_contain_text("Succeeded")
    expect(page).to_have_title("Waiting · Succeeded · Tenantry")
    assert page.locator("input[name=reason]").first.input_value() == "Known trouble"
    assert page.evaluate("window.stayed") is True
    assert visit.trouble == []
    visit.context.close()


def test_times_are_the_viewers(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served, locale="en-GB")
    page = visit.log_in("viewer")
    page.goto(served + deployment(world, "acme"))
    stamp = page.locator(".began time").first
    hour = int((stamp.get_attribute("datetime") or "")[11:13])
    assert stamp.inner_text().startswith(f"{(hour + 5) % 24:02}:")
    assert (stamp.get_attribute("title") or "").endswith("Z")
    visit.context.close()


def test_the_theme_is_remembered(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served, color_scheme="light")
    page = visit.log_in("viewer")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    button = page.locator("[data-theme-toggle]")
    button.click()
    button.click()
    dark = page.evaluate(colour)
    assert light != dark
    page.goto(served + "/tenants/")
    assert page.evaluate(colour) == dark
    button.click()
    assert page.evaluate(colour) == light
    visit.context.close()


def test_it_all_works_without_scripts(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served, java_script_enabled=False)
    page = visit.log_in("operator")
    page.goto(f"{served}/tenants/{world.row(Tenant, subdomain='fresh').public_id}")
    page.get_by_role("link", name="Deploy Fresh").click()
    expect(page.locator(".ahead")).to_contain_text("steps")
    page.get_by_role("button", name="Deploy Fresh").click()
    expect(page.locator("h1")).to_contain_text("Fresh")
    expect(page.locator(".notice")).to_contain_text("in line")
    page.goto(served + deployment(world, "broken"))
    page.locator(".failure summary", has_text="Mark done").click()
    page.locator(".failure input[name=reason]").fill("It is there")
    page.locator(".failure form button", has_text="Mark done").click()
    expect(page.locator(".flash")).to_contain_text("counts as done")
    page.get_by_text("View details").first.click()
    expect(page.locator("h1")).to_contain_text("Create project")
    assert visit.trouble == []
    visit.context.close()


def test_a_page_left_open_says_that_it_lost_touch(
    world: World, browser: Browser, served: str
) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.goto(served + deployment(world, "waiting"))
    visit.context.clear_cookies()
    step = world.row(DeploymentStep, status="waiting")
    world.client("operator").post(f"/steps/{step.public_id}/run_now")
    expect(page.locator("[data-lost]")).to_contain_text("logged out")
    visit.context.close()


def test_ticking_and_the_keyboard(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.goto(f"{served}/tenants/?key={uuid4().hex}")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.name") == "search"
    page.keyboard.press("Tab")
    button = page.locator("[data-bulk] button").first
    expect(button).to_be_hidden()
    page.check("[data-tick-all]")
    expect(button).to_contain_text("Deploy 4")
    button.click()
    expect(page.locator("h1")).to_contain_text("Deploy 3 tenants")
    assert visit.trouble == []
    visit.context.close()
