"""The fleet's pages in a real browser: failure → cause → resume, the overview, a phone."""

import re

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import update

from tenantry.models import Deployment, FailureNote, Tenant
from tests.web.conftest import World
from tests.web.test_browser import Visit, browser, fits, served
from tests.web.test_failures import more

__all__ = ["browser", "served"]
pytestmark = pytest.mark.browser
TABS = ("", "/environment", "/health", "/log?q=e", "/backups", "/history", "/audit")


def test_from_the_overview_to_the_cause_to_everybody_going_on(
    world: World, browser: Browser, served: str
) -> None:
    more(world, "second", "third")
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    needs = page.locator("#needs li").filter(has_text="Create domain failed: 3 tenants")
    needs.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("Create domain failed")
    page.get_by_label("Hint").fill("The zone was renamed: ask ops")
    page.get_by_role("button", name="Save").click()
    expect(page.locator(".notice")).to_contain_text("The zone was renamed")
    assert world.row(FailureNote).author == "operator@example.com"
    page.get_by_role("link", name="Resume all 3").click()
    expect(page.locator("tbody tr")).to_have_count(3)
    for name in ("Second", "Third", "Broken"):
        expect(page.locator("tbody")).to_contain_text(name)
    assert {row.status for row in world.rows(Deployment, status="failed")} == {"failed"}
    page.get_by_role("button", name="Resume 3 deployments").dblclick()
    expect(page.locator("h1")).to_have_text("3 deployments go on")
    assert world.rows(Deployment, status="failed") == []
    assert {row.epoch for row in world.rows(Deployment, subdomain="second")} == {1}
    page.goto(f"{served}/failures/")
    expect(page.locator("main")).to_contain_text("Nobody is held up by a failure")
    expect(page.locator("main")).to_contain_text("The zone was renamed")
    assert visit.trouble == []
    visit.context.close()


def test_it_all_works_without_scripts(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served, java_script_enabled=False)
    page = visit.log_in("operator")
    page.locator("#needs").get_by_role("link", name="Mend it: Create domain failed").click()
    page.get_by_role("link", name="Resume it").click()
    page.get_by_role("button", name="Resume 1 deployment").click()
    expect(page.locator("h1")).to_have_text("1 deployment goes on")
    visit.context.close()


def test_the_overview_changes_by_itself_and_keeps_what_is_open(
    world: World, browser: Browser, served: str
) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("viewer")
    page.evaluate("document.querySelector('[data-fresh]').dataset.every")
    page.locator(".numbers summary").click()
    top = page.locator("#grid").bounding_box()
    with world.engine.begin() as conn:
        conn.execute(
            update(Tenant).where(Tenant.subdomain == "acme").values(attention="Look at this")
        )
    # Coming back to the page asks at once.
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#needs")).to_contain_text("Look at this")
    expect(page.locator(".numbers")).to_have_attribute("open", "")
    assert top is not None
    page.locator("#grid tbody tr").first.locator("td.phase").first.click()
    page.wait_for_url("**/deployments/*")
    assert visit.trouble == []
    visit.context.close()


def test_a_row_of_the_grid_opens_by_keyboard(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("viewer")
    page.locator("#grid tbody a").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/deployments/*")
    visit.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (390, "dark"), (1440, "dark")])
def test_every_page_of_a_tenant_and_of_failures_fits(
    world: World, browser: Browser, served: str, width: int, scheme: str
) -> None:
    visit = Visit(browser, served, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = visit.log_in("admin")
    broken = world.row(Tenant, subdomain="broken")
    urls = [f"/tenants/{broken.public_id}{rest}" for rest in TABS]
    urls += ["/", "/failures/", "/jobs/", "/audit/", "/secrets/", "/tenants/"]
    for url in urls:
        page.goto(served + url)
        fits(page, url)
    page.goto(f"{served}/tenants/{broken.public_id}")
    expect(page.get_by_role("button", name="Resume", exact=True)).to_be_visible()
    page.get_by_role("link", name="Others with this cause").click()
    page.wait_for_url(re.compile("/failures/cause"))
    fits(page)
    page.get_by_role("link", name="Resume it").click()
    page.wait_for_url(re.compile("/failures/resume"))
    fits(page)
    assert visit.trouble == []
    visit.context.close()


def test_a_job_gets_another_time_from_its_menu(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.goto(f"{served}/jobs/")
    page.locator("summary").filter(has_text="Later").click()
    page.get_by_label("Look again in").select_option("60")
    page.get_by_role("button", name="Set this time").click()
    expect(page.locator(".flash")).to_contain_text("It looks again in 60 minutes.")
    expect(page.locator("tbody time").first).to_contain_text("in ")
    assert visit.trouble == []
    visit.context.close()
