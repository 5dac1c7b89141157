"""A tenant's years in a real browser: what would happen is shown while the form is filled in."""

import pytest
from playwright.sync_api import Browser, expect

from tenantry.models import Deployment, Tenant
from tests.web.conftest import World
from tests.web.test_browser import Visit, browser, fits, served

__all__ = ["browser", "served"]
pytestmark = pytest.mark.browser
DEEDS = ("deploy", "rebuild", "scale", "restart", "suspend", "rollback", "leave", "teardown")


@pytest.mark.parametrize(("width", "scheme"), [(1440, "dark"), (390, "light")])
def test_each_page_of_a_tenant_fits_and_breaks_nothing(
    world: World, browser: Browser, served: str, width: int, scheme: str
) -> None:
    visit = Visit(browser, served, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = visit.log_in("admin")
    acme = f"{served}/tenants/{world.row(Tenant, subdomain='acme').public_id}"
    rest = ["", "/history", "/backups", "/backups/policy", *(f"/do/{name}" for name in DEEDS)]
    for part in rest:
        page.goto(acme + part)
        fits(page, part)
        assert visit.trouble == [], part
        if part.startswith("/do/"):
            expect(page.locator(".ahead .button").last).to_be_visible()
    visit.context.close()


def test_numbers_are_tried_before_the_button_and_the_menu_works_by_keyboard(
    world: World, browser: Browser, served: str
) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    acme = world.row(Tenant, subdomain="acme").public_id
    with world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE target SET max_in_flight=50")
    page.goto(f"{served}/tenants/{acme}")
    menu = page.locator(".head summary")
    menu.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Scale…").first).to_be_visible()
    page.keyboard.press("Escape")
    expect(menu).to_be_focused()
    page.goto(f"{served}/tenants/{acme}/do/scale")
    expect(page.get_by_role("button", name="Scale Acme")).to_be_disabled()
    page.get_by_label("Replicas").fill("3")
    expect(page.locator(".ahead")).to_contain_text("Replicas: 1 → 3")
    page.get_by_label("Memory").fill("1")
    expect(page.locator(".ahead")).to_contain_text("From 512 to 65536 MB.")
    expect(page.get_by_role("button", name="Scale Acme")).to_be_disabled()
    page.get_by_label("Memory").fill("1024")
    expect(page.locator(".ahead")).to_contain_text("no limit → 1024 MB")
    page.get_by_role("button", name="Scale Acme").click()
    expect(page.locator("h1")).to_contain_text("Scale · Acme")
    assert len(world.rows(Deployment, action="scale")) == 1
    assert visit.trouble == []
    visit.context.close()
