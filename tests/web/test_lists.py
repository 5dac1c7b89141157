"""Lists: views that people keep, files that leave the house, sizes, and what an empty list says."""

import csv
import io
import json
import re
from typing import Any

import pytest
from sqlalchemy import update

from tenantry.errors import Conflict, Invalid
from tenantry.models import (
    AuditEntry,
    IntegrationSecret,
    ProjectTemplate,
    SavedView,
    Tenant,
    TenantService,
    User,
)
from tenantry.operations import saved_views
from tenantry.operations.actors import Actor
from tenantry.web.panel.tenants import _address
from tenantry.web.tenant.rows import Health
from tests.web.conftest import Person, World

FAILED = "flt0_status_equals=failed"


def keep(person: Person, query: str = FAILED, name: str = "Broken ones") -> Any:
    return person.post("/tenants/views/save", {"query": query, "name": name})


def test_a_view_keeps_filters_search_and_order(world: World) -> None:
    person = world.client("viewer")
    query = "search=bro&sort=1&desc=1&page_size=20&page=3&csrf_token=x&flt0_status_equals=failed"
    answer = keep(person, query)
    assert answer.status_code == 303
    kept = world.row(SavedView)
    assert kept.query == "desc=1&flt0_status_equals=failed&page_size=20&search=bro&sort=1"
    page = person.page(f"/tenants/?{kept.query}")
    assert re.search(r'aria-current="page">Broken ones</a>', page)
    assert "Delete this view" in page
    assert "Save this view" not in page
    assert "Broken ones" in person.page("/tenants/")
    assert "Broken ones" not in person.page("/deployments/")
    assert world.row(AuditEntry, action="view.save").object_name == "Broken ones"


def test_the_same_name_takes_the_new_query(world: World) -> None:
    person = world.client("viewer")
    keep(person)
    keep(person, "search=acme")
    assert world.row(SavedView).query == "search=acme"


def test_views_are_ones_own(world: World) -> None:
    keep(world.client("viewer"))
    other = world.client("operator")
    assert "Broken ones" not in other.page("/tenants/")
    kept = world.row(SavedView)
    assert other.post(f"/tenants/views/{kept.public_id}/remove").status_code == 404
    owner = world.client("viewer")
    assert owner.post(f"/deployments/views/{kept.public_id}/remove").status_code == 404
    assert owner.post(f"/tenants/views/{kept.public_id}/remove").status_code == 303
    assert world.rows(SavedView) == []


@pytest.mark.parametrize(
    ("query", "name"),
    [("page=2", "x"), ("", "x"), (FAILED, " "), (FAILED, "x" * 61), (FAILED, "a\0")],
)
def test_what_is_no_view_is_not_kept(world: World, query: str, name: str) -> None:
    person = world.client("viewer")
    keep(person, query, name)
    assert world.rows(SavedView) == []
    assert re.search("must have 1 to 60|holds no filter", person.flashes())


def test_there_is_an_end_to_views(world: World) -> None:
    me = Actor("viewer@example.com", user_id=world.row(User, email="viewer@example.com").id)
    with world.stage.desk.sessions.begin() as session:
        for number in range(saved_views.MOST):
            saved_views.save(session, me, "tenants", f"v{number}", "search=a")
        with pytest.raises(Conflict, match="already"):
            saved_views.save(session, me, "tenants", "one more", "search=a")
        saved_views.save(session, me, "tenants", "v1", "search=b")
        with pytest.raises(Invalid):
            saved_views.save(session, me, "jobs", "long", "x" * 1001)


def test_a_view_without_the_token_is_refused(world: World) -> None:
    person = world.client("viewer")
    form = {"query": FAILED, "name": "x"}
    assert person.bare_post("/tenants/views/save", data=form).status_code == 400
    assert world.rows(SavedView) == []


def test_json_has_the_rows_and_columns_of_the_csv(world: World) -> None:
    operator = world.client("operator")
    table = list(csv.reader(io.StringIO(operator.page("/tenants/export/csv/"))))
    answer = operator.get("/tenants/export/json/")
    rows = json.loads(answer.text)
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=tenants-")
    assert len(rows) == len(table) - 1
    assert len(rows[0]) == len(table[0])
    acme = next(row for row in rows if row["subdomain"] == "acme")
    assert acme["client_ref"] == "=HYPERLINK(1)", "a program is given the value itself"
    assert acme["project"] == "Tools"
    assert acme["created_at"].endswith("Z")
    steps = json.loads(operator.page("/deployments/export/json/"))
    assert steps


def test_numbers_stay_numbers_and_filters_hold(world: World) -> None:
    rows = json.loads(
        world.client("operator").page("/steps/export/json/?flt0_status_equals=failed")
    )
    assert rows
    assert all(isinstance(row["attempts"], int) for row in rows)


@pytest.mark.parametrize("kind", ["csv", "json"])
def test_files_are_for_operators_and_of_known_kinds(world: World, kind: str) -> None:
    assert world.client("viewer").get(f"/tenants/export/{kind}/").status_code == 403
    assert world.client("operator").get("/tenants/export/xlsx/").status_code == 404
    assert world.client("admin").get(f"/secrets/export/{kind}/").status_code == 403


def test_no_file_holds_a_secret(world: World) -> None:
    admin = world.client("admin")
    sealed = [row.encrypted_value.hex() for row in world.rows(IntegrationSecret)]
    for noun in ("tenants", "deployments", "steps", "audit", "products", "releases", "services"):
        text = admin.page(f"/{noun}/export/json/")
        assert "hunter2" not in text
        assert not [value for value in sealed if value in text]


def test_an_empty_list_says_why(world: World) -> None:
    viewer = world.client("viewer")
    lifted = viewer.page("/tenants/?search=nobody&flt0_status_equals=failed&sort=0")
    assert "No tenants fit “nobody” under 1 filter." in lifted
    assert 'href="/tenants/?sort=0"' in lifted
    assert "Lift the search" in viewer.page("/tenants/?search=nobody")
    assert "There is no such page" in viewer.page("/tenants/?page=99")
    with world.engine.begin() as conn:
        conn.execute(Tenant.__table__.update().values(deleted_at=world.rows(Tenant)[0].created_at))
    assert "Add the first client" in viewer.page("/tenants/")


def test_rows_on_a_page_can_be_chosen(world: World) -> None:
    for number in range(25):
        world.stage.tenant(f"more{number}", "tools")
    viewer = world.client("viewer")
    page = viewer.page("/tenants/?page_size=20&sort=0&page=1")
    assert re.search(r'href="/tenants/\?sort=0&amp;page_size=50"', page)
    assert page.count('class="col-name') == 9
    assert viewer.page("/tenants/?page_size=7").count('class="col-name') == 29


@pytest.mark.parametrize("first", ["acme-api.example.org", None])
def test_an_address_opens_the_host_that_it_shows(world: World, first: str | None) -> None:
    if first:
        with world.engine.begin() as conn:
            acme = world.row(Tenant, subdomain="acme").id
            conn.execute(
                update(TenantService).where(TenantService.tenant_id == acme).values(domain=first)
            )
    page = world.client("viewer").page("/tenants/?search=acme")
    found = re.findall(r'class="mono site" href="https?://([^"]+)"[^>]*>([^<]+)<', page)
    assert found
    for opened, shown in found:
        assert opened == shown
        assert first in {None, shown}


def test_of_several_hosts_a_tenants_own_is_the_one_to_open() -> None:
    tenant = Tenant(
        subdomain="acme", status="running", project=ProjectTemplate(base_domain="x.org", https=True)
    )
    tenant.health = Health(up=2, sites=("acme-api.x.org", "acme.x.org"))  # type: ignore[attr-defined]
    assert 'href="https://acme.x.org"' in _address(tenant)
    assert ">acme.x.org<" in _address(tenant)
