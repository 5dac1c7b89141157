"""A deployment that is watched in a real browser: events, reconnects, logs; and without scripts."""

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import update

from tenantry.journal import Redactor, logged
from tenantry.models import Deployment, DeploymentStep
from tenantry.models.dbtime import db_now
from tenantry.steps.outcomes import LogText
from tenantry.web.events import KEY
from tenantry.web.events.hub import Hub
from tests.web.conftest import World
from tests.web.test_browser import Visit, browser, deployment, fits, served

__all__ = ["browser", "served"]
pytestmark = pytest.mark.browser
LIVE = "[data-how].is-live"
SLOW = 20_000


@pytest.fixture
def hub(world: World) -> Hub:
    found: Hub = world.app.extensions[KEY]
    return found


@pytest.fixture
def watching(world: World, browser: Browser, served: str) -> Iterator[Visit]:
    """An operator looks at the deployment that waits; events are open."""
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.goto(served + deployment(world, "waiting"))
    expect(page.locator(LIVE)).to_be_visible()
    yield visit
    visit.context.close()


def check_of(world: World) -> Any:
    """The health check that waits for its next try."""
    made = world.row(Deployment, subdomain="waiting")
    steps = world.rows(DeploymentStep, deployment_id=made.id, step_key="health.check")
    return next(step for step in steps if step.retried_by_id)


def write(world: World, *texts: str) -> None:
    with world.engine.begin() as conn:
        step = check_of(world)
        logged(conn, Redactor(), step.deployment_id, step.id, 1, [LogText(texts, stream="stdout")])


def touch(world: World) -> None:
    """Something of the page changes."""
    with world.engine.begin() as conn:
        made = world.row(Deployment, subdomain="waiting")
        conn.execute(
            update(Deployment)
            .where(Deployment.id == made.id)
            .values(cancel_requested=True, updated_at=db_now())
        )


def open_log(world: World, page: Page) -> Any:
    page.locator(f"[data-open='detail-{check_of(world).public_id}']").click()
    log = page.locator(".detail pre.log")
    expect(log).to_be_visible()
    return log


def told(log: Any) -> list[str]:
    return [text for text in log.inner_text().split("\n") if text.startswith("line ")]


def test_a_change_is_asked_for_once_and_nothing_is_asked_without_one(
    world: World, watching: Visit
) -> None:
    page = watching.page
    asked: list[str] = []
    page.on("request", lambda r: asked.append(r.url) if r.url.endswith("/live") else None)
    page.wait_for_timeout(1500)
    assert asked == []
    touch(world)
    expect(page.locator("h1")).to_contain_text("Being cancelled")
    page.wait_for_timeout(600)
    assert len(asked) == 1
    assert watching.trouble == []


def test_it_is_told_aloud_where_it_stands_and_focus_stays(world: World, watching: Visit) -> None:
    page = watching.page
    page.locator("summary", has_text="3 checks").focus()
    touch(world)
    expect(page.locator("h1")).to_contain_text("Being cancelled")
    assert "3 checks" in page.evaluate("document.activeElement.textContent")
    said = page.locator("[data-announce]")
    world.stage.finish()
    expect(page.locator("h1")).to_contain_text("Cancelled")
    expect(said).to_have_text("Cancelled")
    expect(page.locator("[data-how]")).to_be_hidden()
    assert watching.trouble == []


def test_a_log_follows_its_end_until_somebody_scrolls_up(world: World, watching: Visit) -> None:
    page = watching.page
    log = open_log(world, page)
    write(world, *[f"line {n}" for n in range(80)])
    expect(log).to_contain_text("line 79")
    at_end = "el => el.scrollTop + el.clientHeight >= el.scrollHeight - 2"
    assert log.evaluate(at_end)
    log.evaluate("el => { el.scrollTop = 0; }")
    follow = page.locator(".detail [data-log-follow]")
    expect(follow).to_have_attribute("aria-pressed", "false")
    write(world, "line 80")
    expect(log).to_contain_text("line 80")
    assert log.evaluate("el => el.scrollTop") == 0
    follow.click()
    assert log.evaluate(at_end)
    assert told(log) == [f"line {n}" for n in range(81)]


def test_search_in_a_log_stays_while_lines_come(world: World, watching: Visit) -> None:
    page = watching.page
    log = open_log(world, page)
    page.locator(".detail [data-log-find]").fill("NEEDLE")
    write(world, "line one", "line with a needle", "line two")
    expect(page.locator(".detail [data-log-count]")).to_contain_text("1 of")
    assert told(log) == ["line with a needle"]
    touch(world)
    expect(page.locator("h1")).to_contain_text("Being cancelled")
    page.wait_for_timeout(500)
    assert page.locator(".detail [data-log-find]").input_value() == "NEEDLE"
    assert told(log) == ["line with a needle"]
    assert page.locator(".detail mark").inner_text() == "needle"
    page.locator(".detail [data-log-find]").fill("")
    assert len(told(log)) == 3
    page.locator(".detail [data-log-wrap]").click()
    assert log.evaluate("el => getComputedStyle(el).whiteSpace") == "pre"


def test_the_whole_log_is_live_until_the_end(
    world: World, browser: Browser, served: str, hub: Hub
) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("viewer")
    page.goto(served + deployment(world, "waiting") + "/log")
    log = page.locator("pre.log")
    before = len(log.inner_text().splitlines())
    write(world, "line 0", "line 1")
    expect(log).to_contain_text("line 1", timeout=SLOW)
    assert told(log) == ["line 0", "line 1"]
    expect(page.locator("[data-log-count]")).to_have_text(f"{before + 2} lines")
    world.stage.finish()
    expect(log).to_contain_text("email.notify_success", timeout=SLOW)
    assert visit.trouble == []
    visit.context.close()


def test_lost_and_found_again_without_a_gap_or_a_double(
    world: World, watching: Visit, hub: Hub
) -> None:
    page = watching.page
    log = open_log(world, page)
    write(world, "line 0")
    expect(log).to_contain_text("line 0")

    def refuse(route: Route) -> None:
        route.abort()

    page.route("**/events?*", refuse)
    page.route("**/live", refuse)
    hub._let_go(dict(hub._topics))
    for number in range(1, 4):
        write(world, f"line {number}")
        page.wait_for_timeout(400)
    expect(page.locator("[data-lost]")).to_contain_text("Out of touch", timeout=SLOW)
    touch(world)
    page.unroute("**/events?*")
    page.unroute("**/live")
    expect(page.locator("[data-lost]")).to_be_hidden(timeout=SLOW)
    expect(page.locator(LIVE)).to_be_visible(timeout=SLOW)
    write(world, "line 4")
    expect(log).to_contain_text("line 4")
    assert told(log) == [f"line {n}" for n in range(5)]
    expect(page.locator("h1")).to_contain_text("Being cancelled")


def test_streams_that_end_as_planned_are_not_noticed(
    world: World, watching: Visit, hub: Hub
) -> None:
    page = watching.page
    log = open_log(world, page)
    stop = threading.Event()

    def cut() -> None:
        while not stop.wait(0.35):
            hub._let_go(dict(hub._topics))

    thread = threading.Thread(target=cut)
    thread.start()
    try:
        for number in range(12):
            write(world, f"line {number}")
            time.sleep(0.2)
        expect(log).to_contain_text("line 11")
    finally:
        stop.set()
        thread.join()
    page.wait_for_timeout(500)
    assert told(log) == [f"line {n}" for n in range(12)]
    expect(page.locator("[data-lost]")).to_be_hidden()
    assert watching.trouble == []


@pytest.mark.parametrize("why", ["no EventSource", "too many watch"])
def test_a_page_that_gets_no_events_asks_instead(
    world: World, browser: Browser, served: str, hub: Hub, why: str
) -> None:
    visit = Visit(browser, served)
    if why == "no EventSource":
        visit.page.add_init_script("delete window.EventSource")
    else:
        hub._most = 0
    page = visit.log_in("operator")
    page.goto(served + deployment(world, "waiting"))
    expect(page.locator("[data-how]")).to_contain_text("Asks every few seconds")
    log = open_log(world, page)
    write(world, "line 0")
    touch(world)
    expect(page.locator("h1")).to_contain_text("Being cancelled")
    world.stage.finish()
    expect(page.locator("h1")).to_contain_text("Cancelled")
    page.locator(f"[data-open='detail-{check_of(world).public_id}']").click()
    log = open_log(world, page)
    assert told(log) == ["line 0"]
    visit.context.close()


def test_another_tab_that_is_looked_at_again_is_fresh(
    world: World, browser: Browser, served: str
) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.goto(served + deployment(world, "broken"))
    other = visit.context.new_page()
    other.goto(served + deployment(world, "broken"))
    other.locator(".head").get_by_role("button", name="Resume").click()
    expect(other.locator("h1")).to_contain_text("Pending")
    expect(page.locator("h1")).to_contain_text("Failed")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("h1")).to_contain_text("Pending")
    expect(page.locator(LIVE)).to_be_visible()
    assert visit.trouble == []
    visit.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light")])
def test_each_page_of_a_deployment_fits(
    world: World, browser: Browser, served: str, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 844}
    visit = Visit(browser, served, viewport=size, color_scheme=scheme)
    page = visit.log_in("operator")
    for name in ("acme", "broken", "waiting"):
        made = world.row(Deployment, subdomain=name)
        step = world.rows(DeploymentStep, deployment_id=made.id)[-4]
        for part in ("", f"/steps/{step.public_id}", "/log", "/log?q=create", "/compare"):
            page.goto(served + deployment(world, name) + part)
            fits(page, part)
        page.goto(served + deployment(world, name))
        page.locator("[data-open]").nth(3).click()
        expect(page.locator(".detail .inside")).to_be_visible()
        fits(page, name)
    assert visit.trouble == []
    visit.context.close()


def test_logs_and_comparison_without_scripts(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served, java_script_enabled=False)
    page = visit.log_in("viewer")
    page.goto(served + deployment(world, "waiting"))
    expect(page.get_by_role("link", name="Reload")).to_be_visible()
    page.get_by_role("link", name="Whole log").click()
    page.locator(".logbox input[name=q]").fill("created")
    page.keyboard.press("Enter")
    expect(page.locator("pre.log")).to_contain_text("created")
    expect(page.locator("[data-log-wrap]")).to_be_hidden()
    expect(page.get_by_role("link", name="Download")).to_be_visible()
    page.get_by_role("link", name="Compare").click()
    expect(page.locator("main")).to_contain_text("nothing to compare")
    assert visit.trouble == []
    visit.context.close()
