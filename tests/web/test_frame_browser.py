"""Jumping, keys, lists, onboarding and editing products in a real browser."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tenantry.models import ProjectTemplate, SavedView, ServiceTemplate, Tenant
from tests.web.conftest import World
from tests.web.test_browser import Visit, browser, served

__all__ = ["browser", "served"]
pytestmark = pytest.mark.browser


def product_url(world: World, slug: str = "dms") -> str:
    return f"/products/{world.row(ProjectTemplate, slug=slug).public_id}"


def test_jump_by_keys_alone(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox")
    expect(field).to_be_focused()
    expect(page.locator("[role=option]").first).to_be_visible()
    page.keyboard.type("bro")
    expect(page.locator("[role=option]").first).to_contain_text("Broken")
    expect(page.locator("[role=option][aria-selected=true]")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    chosen = page.locator("[role=option][aria-selected=true]")
    assert field.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/tenants/{world.row(Tenant, subdomain='broken').public_id}")
    page.keyboard.press("Control+k")
    page.keyboard.press("Escape")
    expect(page.locator("dialog[open]")).to_have_count(0)
    assert visit.trouble == []
    visit.context.close()


def test_what_is_typed_fast_is_what_is_opened(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.keyboard.press("Control+k")
    page.keyboard.type("waiting")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/tenants/{world.row(Tenant, subdomain='waiting').public_id}")
    visit.context.close()


def test_shortcuts_and_their_sheet(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/tenants/")
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("tbody tr:nth-child(2) a.main")).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("tbody tr:nth-child(1) a.main")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("[data-ticked]")).to_contain_text("1 ticked")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    page.locator("[data-single-keys]").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("d")
    page.wait_for_timeout(200)
    assert page.url.endswith("/tenants/"), "switched off"
    page.get_by_role("button", name="Keyboard shortcuts").or_(
        page.locator("summary[aria-label='Your account']")
    ).first.click()
    page.locator("[data-show-keys]").click()
    page.locator("[data-single-keys]").check()
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.wait_for_url("**/tenants/new")
    assert visit.trouble == []
    visit.context.close()


def test_typing_is_never_a_shortcut(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.goto(served + "/tenants/")
    page.keyboard.press("/")
    page.keyboard.type("n?gtjk")
    assert page.locator("[data-slash]").input_value() == "n?gtjk"
    assert page.url.endswith("/tenants/")
    visit.context.close()


def test_a_view_is_kept_and_let_go(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("viewer")
    page.goto(served + "/tenants/?flt0_status_equals=failed")
    page.get_by_text("Save this view").click()
    page.get_by_label("Its name").fill("Broken ones")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("link", name="Broken ones")).to_have_attribute("aria-current", "page")
    page.goto(served + "/tenants/")
    page.get_by_role("link", name="Broken ones").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.get_by_role("button", name="Delete this view").click()
    expect(page.locator(".flash")).to_contain_text("is deleted")
    assert world.rows(SavedView) == []
    assert visit.trouble == []
    visit.context.close()


def test_a_product_is_edited_as_cards(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("admin")
    page.goto(f"{served}{product_url(world)}/edit")
    expect(page.locator("[data-card]")).to_have_count(2)
    page.get_by_role("button", name="Add a service").click()
    card = page.locator("[data-card='2']")
    expect(card.get_by_label("Name", exact=True)).to_be_focused()
    card.get_by_label("Name", exact=True).fill("jobs")
    card.get_by_label("Type").select_option("worker")
    card.locator(".segments").get_by_text("Image", exact=True).click()
    expect(card.locator(".if-git").first).to_be_hidden()
    card.locator("[name='s2.image']").fill("acme/jobs:1.0")
    card.locator("[name='s2.expose_domain']").uncheck()
    area = card.locator("[name='s2.env']")
    area.click()
    page.keyboard.type("URL=${PRIMARY_U")
    expect(page.locator(".completes [aria-selected=true]")).to_contain_text("PRIMARY_URL")
    page.keyboard.press("Enter")
    expect(area).to_have_value("URL=${PRIMARY_URL}")
    expect(card.locator("h2")).to_contain_text("jobs")
    card.get_by_role("button", name="Move up").click()
    expect(page.locator("[data-card='1'] h2")).to_contain_text("jobs")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#values")).to_contain_text("https://waiting.delivery.example.com")
    page.locator(".bar").get_by_role("button", name="See what it changes").click()
    expect(page.locator(".diff")).to_contain_text("worker, acme/jobs:1.0")
    page.get_by_role("button", name=re.compile("Save Acme DMS")).click()
    expect(page.locator(".flash")).to_contain_text("is saved")
    assert world.row(ServiceTemplate, name="jobs").image == "acme/jobs:1.0"
    assert visit.trouble == []
    visit.context.close()


def test_products_are_edited_without_scripts(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served, java_script_enabled=False)
    page = visit.log_in("admin")
    page.goto(f"{served}{product_url(world)}/edit")
    page.get_by_role("button", name="Add a service").click()
    page.locator("[data-card='2']").get_by_role("button", name="Remove").click()
    expect(page.locator("[data-card]")).to_have_count(2)
    page.locator("[name='s1.port']").fill("none")
    page.locator(".bar").get_by_role("button", name="See what it changes").click()
    expect(page.locator(".wrong .hint strong")).to_contain_text("Write a whole number")
    page.locator("[name='s1.port']").fill("8080")
    page.locator(".bar").get_by_role("button", name="See what it changes").click()
    page.get_by_role("button", name=re.compile("Save Acme DMS")).click()
    assert world.row(ServiceTemplate, name="frontend").port == 8080
    visit.context.close()


SHIFTS = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const e of list.getEntries()) sum += e.value; })
    .observe({ type: "layout-shift", buffered: true });
  setTimeout(() => done(sum), 300);
})"""


def test_nothing_jumps_while_a_page_loads(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("admin")
    for url in ("/tenants/", "/tenants/new?product=dms", f"{product_url(world)}/edit", "/find?q=a"):
        page.goto(served + url)
        assert page.evaluate(SHIFTS) < 0.01, url
    visit.context.close()
