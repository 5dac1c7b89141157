"""Onboarding in a real browser: by the wizard, from a table, without scripts, past a log-out."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from tenantry.models import Deployment, EnvVar, Tenant
from tests.web.conftest import PASSWORD, World
from tests.web.test_browser import Visit, browser, fits, served

__all__ = ["browser", "served"]
pytestmark = pytest.mark.browser
SECRET = "swordfish-of-the-client"
TABLE = "product,name,subdomain\ntools,Nadir,nadir\ntools,Taken,acme\n"


@pytest.mark.parametrize(("width", "scheme"), [(1440, "light"), (390, "dark")])
def test_onboard_a_client(
    world: World, browser: Browser, served: str, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 844}
    visit = Visit(browser, served, viewport=size, color_scheme=scheme)
    page = visit.log_in("operator")
    page.goto(served + "/tenants/new")
    page.get_by_role("link", name=re.compile("Acme DMS")).click()
    page.get_by_label("Name", exact=True).fill("Acme")
    expect(page.locator(".address em").first).to_contain_text("Acme has it")
    page.get_by_label("Name", exact=True).fill("Nadir Foods")
    expect(page.get_by_label("Subdomain")).to_have_value("nadir-foods")
    expect(page.locator(".address").first).to_contain_text("nadir-foods.delivery.example.com")
    fits(page)
    page.get_by_role("button", name="Next: settings").click()
    page.get_by_label("More keys").fill(f"REGION=eu\nSMTP_PASSWORD={SECRET}")
    fits(page)
    page.get_by_role("button", name="Next: review").click()
    expect(page.locator(".sends")).to_contain_text("dms-nadir-foods")
    expect(page.locator("input[name='secret.SMTP_PASSWORD']")).to_have_value(SECRET)
    fits(page)
    # Back and forth loses nothing.
    page.get_by_role("button", name="Back").click()
    expect(page.get_by_label("More keys")).to_have_value("REGION=eu")
    page.get_by_role("button", name="Next: review").click()
    expect(page.locator(".sends")).to_contain_text("dms-nadir-foods")
    # The browser's own buttons go through the steps as well.
    page.go_back()
    expect(page.get_by_label("More keys")).to_have_value("REGION=eu")
    page.go_back()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Nadir Foods")
    page.go_forward()
    expect(page.get_by_label("More keys")).to_have_value("REGION=eu")
    page.get_by_role("button", name="Next: review").click()
    expect(page.locator("input[name='secret.SMTP_PASSWORD']")).to_have_value(SECRET)
    page.get_by_role("button", name=re.compile("Create and deploy")).click(click_count=2)
    expect(page.locator("h1")).to_contain_text("Nadir Foods")
    made = world.row(Tenant, subdomain="nadir-foods")
    assert len(world.rows(Deployment, tenant_id=made.id)) == 1
    assert {row.key for row in world.rows(EnvVar, tenant_id=made.id)} == {"REGION", "SMTP_PASSWORD"}
    assert visit.trouble == []
    visit.context.close()


def test_onboard_without_scripts(world: World, browser: Browser, served: str) -> None:
    visit = Visit(browser, served, java_script_enabled=False)
    page = visit.log_in("operator")
    page.goto(served + "/tenants/new")
    page.get_by_role("link", name=re.compile("Tools")).click()
    page.get_by_label("Name", exact=True).fill("Nadir")
    page.get_by_label("Subdomain").fill("acme")
    page.get_by_role("button", name="Next: settings").click()
    expect(page.locator(".wrong")).to_contain_text("belongs to another tenant")
    page.get_by_label("Subdomain").fill("nadir")
    page.get_by_role("button", name="Next: settings").click()
    page.locator("#env").fill(f"SMTP_PASSWORD={SECRET}")
    page.get_by_role("button", name="Next: review").click()
    expect(page.locator("[data-again-words]")).to_contain_text("Type it again")
    page.locator("input[name='secret.SMTP_PASSWORD']").fill(SECRET)
    page.get_by_role("button", name="Create only").click()
    expect(page.locator(".flash")).to_contain_text("Added")
    made = world.row(Tenant, subdomain="nadir")
    assert [row.key for row in world.rows(EnvVar, tenant_id=made.id)] == ["SMTP_PASSWORD"]
    page.goto(served + "/tenants/")
    page.locator("form[role=search] input[name=q]").first.fill("nadir")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_contain_text("What fits “nadir”")
    page.get_by_role("link", name="Nadir nadir").click()
    expect(page.locator("h1")).to_contain_text("Nadir")
    visit.context.close()


def test_a_table_with_errors_is_mended_and_added(
    world: World, browser: Browser, served: str, tmp_path: Path
) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.goto(served + "/tenants/new/table")
    file = tmp_path / "clients.csv"
    file.write_text(TABLE, encoding="utf-8-sig")
    page.set_input_files("#file", str(file))
    page.get_by_role("button", name="Check every line").click()
    expect(page.locator("tr.row-wrong")).to_have_count(1)
    expect(page.locator("tr.row-wrong")).to_contain_text("belongs to Acme")
    expect(page.locator("tr:not(.row-wrong) .badge")).to_contain_text("Ready")
    assert page.locator("#table").input_value() == TABLE
    page.locator("#table").fill(TABLE.replace("acme", "acme-foods"))
    page.get_by_role("button", name="Check again").click()
    page.get_by_role("button", name="Create and deploy 2 tenants").click()
    expect(page.locator(".flash")).to_contain_text("2 tenants added")
    assert world.row(Tenant, subdomain="acme-foods").name == "Taken"
    assert visit.trouble == []
    visit.context.close()


def test_a_session_that_ends_loses_nothing_typed(
    world: World, browser: Browser, served: str
) -> None:
    visit = Visit(browser, served)
    page = visit.log_in("operator")
    page.goto(served + "/tenants/new?product=tools")
    page.get_by_label("Name", exact=True).fill("Nadir Foods")
    page.get_by_role("button", name="Next: settings").click()
    page.locator("#env").fill(f"REGION=eu\nSMTP_PASSWORD={SECRET}")
    visit.context.clear_cookies()
    page.get_by_role("button", name="Next: review").click()
    expect(page.locator(".flash")).to_contain_text("nothing was saved")
    kept = page.evaluate("JSON.stringify(sessionStorage)")
    assert "Nadir Foods" in kept
    assert SECRET not in kept
    page.fill("#email", "operator@example.com")
    page.fill("#password", PASSWORD)
    page.click("button")
    expect(page.locator("main .flash")).to_contain_text("is back")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Nadir Foods")
    page.get_by_role("button", name="Next: settings").click()
    expect(page.locator("#env")).to_have_value("REGION=eu\n")
    page.get_by_role("button", name="Next: review").click()
    page.get_by_role("button", name="Create only").click()
    expect(page.locator("h1")).to_contain_text("Nadir Foods")
    assert page.evaluate("sessionStorage.length") == 0
    with world.stage.desk.reading() as session:
        assert session.scalars(select(Tenant).where(Tenant.name == "Nadir Foods")).one()
    visit.context.close()
