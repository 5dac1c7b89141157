"""Search and jump: what is found, by whom, and at what price."""

import pytest

from tenantry.models import Deployment, Tenant, TenantDomain
from tests.web.conftest import SCRIPT, World
from tests.web.test_queries import counted, grow

JSON = {"Accept": "application/json"}


def ask(world: World, q: str, role: str = "operator") -> dict[str, list[str]]:
    """Group → titles."""
    answer = world.client(role).get("/find", query_string={"q": q}, headers=JSON)
    assert answer.status_code == 200
    return {g["label"]: [hit["title"] for hit in g["hits"]] for g in answer.json["groups"]}


@pytest.mark.parametrize("q", ["acm", "ACME", "cme", "=hyper", "acme.tools.example.com"])
def test_a_tenant_is_found_by_any_of_its_names(world: World, q: str) -> None:
    found = ask(world, q)
    assert found["Tenants"] == ["Acme"]
    assert found["Deployments"] == ["Acme"]
    assert "Deploy Acme…" in found["Do"]


def test_what_begins_with_the_words_comes_first(world: World) -> None:
    world.stage.tenant("bracme", "tools")
    assert ask(world, "acme")["Tenants"] == ["Acme", "Bracme"]


def test_public_ids_lead_to_their_row(world: World) -> None:
    tenant, made = world.row(Tenant, subdomain="acme"), world.row(Deployment, subdomain="broken")
    assert ask(world, str(tenant.public_id))["Tenants"] == ["Acme"]
    assert ask(world, str(made.public_id))["Deployments"] == [made.tenant_name]


def test_a_tenant_is_found_by_a_hostname_of_its_own_but_not_by_one_given_back(world: World) -> None:
    acme = world.row(Tenant, subdomain="acme")
    with world.stage.desk.sessions.begin() as session:
        session.add(TenantDomain(tenant_id=acme.id, hostname="shop.client.org", additional=True))
    assert ask(world, "shop.cli")["Tenants"] == ["Acme"]
    with world.engine.begin() as conn:
        table = TenantDomain.__table__
        conn.execute(table.update().values(deleted_at=acme.created_at))
    assert "Tenants" not in ask(world, "shop.cli")


@pytest.mark.parametrize("q", ["%", "_", "\\", "' or 1=1 --", "\0", "(" * 500, "é", "\U0001f600"])
def test_strange_words_are_only_words(world: World, q: str) -> None:
    assert "Tenants" not in ask(world, q) or q == "\0"


def test_pages_and_actions_are_those_of_the_role(world: World) -> None:
    viewer, admin = ask(world, "", "viewer"), ask(world, "", "admin")
    assert "Tenants" in viewer["Go to"]
    assert not {"Staff", "Secrets", "Flower"} & set(viewer["Go to"])
    assert {"Staff", "Secrets", "Flower"} <= set(admin["Go to"])
    assert viewer["Do"] == ["Change password"]
    assert {"New tenant", "New product"} <= set(admin["Do"])
    assert "Deploy Acme…" not in ask(world, "acme", "viewer").get("Do", [])


def test_it_is_found_by_other_words_for_it(world: World) -> None:
    assert ask(world, "clients")["Go to"] == ["Tenants"]
    assert "New tenant" in ask(world, "onboard")["Do"]


def test_without_scripts_it_is_a_page(world: World) -> None:
    page = world.client("viewer").page("/find?q=broken")
    assert SCRIPT not in page
    assert "What fits “broken”" in page
    assert f"/tenants/{world.row(Tenant, subdomain='broken').public_id}" in page
    assert "Nothing fits" in world.client("viewer").page("/find?q=nobody-is-called-so")


def test_strangers_find_nothing(world: World) -> None:
    assert world.client().get("/find?q=acme", headers=JSON).status_code == 401


def test_it_asks_three_questions_of_any_fleet(world: World) -> None:
    operator = world.client("operator")
    for larger in (False, True):
        if larger:
            grow(world)
        with counted(world) as seen:
            operator.get("/find?q=m", headers=JSON)
        # Two more are the person and the roles.
        assert len(seen) <= 5, "\n".join(seen)


def test_the_frame_offers_the_keys_of_the_role(world: World) -> None:
    viewer, admin = world.client("viewer").page("/"), world.client("admin").page("/")
    assert 'data-go="t"' in viewer
    assert 'data-go="m"' not in viewer
    assert 'data-go="m"' in admin
