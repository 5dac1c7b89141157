"""The wizard: what it shows before anything is written, what it keeps, and that it adds one."""

import re
from typing import Any

import pytest

from tenantry.models import (
    AuditEntry,
    Deployment,
    EnvVar,
    IntegrationSecret,
    ProjectTemplate,
    StatusChange,
    Tenant,
    TenantDomain,
)
from tenantry.models.base import uuid7
from tests.web.conftest import SCRIPT, Person, World
from tests.web.test_queries import counted

URL = "/tenants/new?product=dms"
SECRET = "swordfish-of-the-client"
NAMES = {"name": "Nadir Foods", "subdomain": "nadir", "client_ref": "C-7"}


def go(person: Person, to: str, **more: Any) -> Any:
    return person.post(URL, {**NAMES, "product": "dms", "go": to, **more})


def everything(world: World) -> list[int]:
    tables = (Tenant, TenantDomain, Deployment, IntegrationSecret, AuditEntry, EnvVar, StatusChange)
    return [len(world.rows(table)) for table in tables]


def test_products_are_offered_first(world: World) -> None:
    page = world.client("operator").page("/tenants/new")
    assert page.count('class="choice"') == 3
    assert "/tenants/new?product=dms" in page


def test_with_one_product_nobody_is_asked(world: World) -> None:
    with world.engine.begin() as conn:
        table = ProjectTemplate.__table__
        conn.execute(table.update().where(table.c.slug != "dms").values(active=False))
    assert 'name="subdomain"' in world.client("operator").page("/tenants/new")
    with world.engine.begin() as conn:
        conn.execute(ProjectTemplate.__table__.update().values(active=False))
    assert "There is no active product yet" in world.client("operator").page("/tenants/new")


def test_addresses_are_shown_and_taken_ones_named(world: World) -> None:
    operator = world.client("operator")
    free = operator.get("/tenants/new/check?product=dms&subdomain=nadir").json
    assert free == {
        "free": True,
        "problem": "",
        "url": "",
        "addresses": [
            {"service": "frontend", "hostname": "nadir.delivery.example.com", "owner": ""},
            {"service": "backend", "hostname": "nadir-backend.delivery.example.com", "owner": ""},
        ],
    }
    taken = operator.get("/tenants/new/check?product=dms&subdomain=ACME").json
    assert (taken["free"], taken["problem"]) == (False, "Acme has it already.")
    assert taken["url"] == f"/tenants/{world.row(Tenant, subdomain='acme').public_id}"
    # The address of a service of another tenant.
    crossed = operator.get("/tenants/new/check?product=dms&subdomain=waiting-backend").json
    assert [a["owner"] for a in crossed["addresses"]] == ["Waiting", ""]
    bad = operator.get("/tenants/new/check?product=dms&subdomain=-x-").json
    assert "Must hold only a-z" in bad["problem"]
    none = operator.get("/tenants/new/check?product=none&subdomain=x").json
    assert (none["free"], none["problem"]) == (False, "Choose a product first.")


def test_an_unknown_product_is_no_product(world: World) -> None:
    operator = world.client("operator")
    for product in ("nothing", SCRIPT):
        answer = operator.post("/tenants/new", {**NAMES, "product": product})
        assert answer.status_code == 400
        assert "There is no such product" in answer.text
        assert SCRIPT not in answer.text


def test_viewers_see_none_of_it(world: World) -> None:
    viewer = world.client("viewer")
    for path in (
        "/tenants/new",
        "/tenants/new/check?product=dms&subdomain=x",
        "/tenants/new/table",
    ):
        assert viewer.get(path).status_code == 403
    assert viewer.post(URL, NAMES).status_code == 403


def test_each_page_carries_what_was_typed(world: World) -> None:
    operator = world.client("operator")
    settings = go(operator, "settings").text
    assert '<input type="hidden" name="name" value="Nadir Foods">' in settings
    assert 'placeholder="${DATABASE_URL}"' in settings
    assert "connection URL of the tenant&#39;s database" in settings
    back = go(operator, "names", env="REGION=eu", **{"env.DATABASE_URL": "x"}).text
    assert '<input type="hidden" name="env" value="REGION=eu">' in back
    assert '<input type="hidden" name="env.DATABASE_URL" value="x">' in back
    assert 'value="Nadir Foods"' in back


def test_the_review_shows_the_exact_plan_and_writes_nothing(world: World) -> None:
    before = everything(world)
    page = go(world.client("operator"), "review", env="REGION=eu-west").text
    assert everything(world) == before
    titles = re.findall(r'<div class="planned"><b>(.*?)</b>.*?<code>(.*?)</code>', page)
    keys = [key for _, key in titles]
    assert keys[:3] == ["project.create", "db.create", "db.deploy"]
    assert keys[-1] == "email.notify_success"
    assert keys.count("health.check") == 2
    steps = [key for key in keys if not key.startswith("email.")]
    assert f"The plan: {len(steps)} steps, then mail" in page
    for words in (
        "dms-nadir",
        "https://github.com/acme/backend",
        "nadir-backend.delivery.example.com",
        "https://nadir.delivery.example.com/",
        "secret setup_token, masked",
        "staff@example.com",
        "eu-west",
    ):
        assert words in page, words
    assert "Create and deploy Nadir Foods" in page


def test_create_and_deploy(world: World) -> None:
    operator = world.client("operator")
    answer = go(operator, "deploy", key=str(uuid7()), env="REGION=eu")
    made = world.row(Tenant, subdomain="nadir")
    started = world.row(Deployment, tenant_id=made.id)
    assert answer.location == f"/deployments/{started.public_id}"
    assert started.actor == "operator@example.com"
    assert world.row(AuditEntry, action="tenant.add", object_name="Nadir Foods")


def test_what_is_planned_is_what_is_deployed(world: World) -> None:
    operator = world.client("operator")
    page = go(operator, "review").text
    shown = re.findall(r"<code>(.*?)</code>", page)
    go(operator, "deploy", key=str(uuid7()))
    made = world.row(Tenant, subdomain="nadir")
    started = world.row(Deployment, tenant_id=made.id)
    real = [step.step_key for step in world.stage.steps(str(started.public_id))]
    assert shown == [key for key in real if key != "email.notify_failure"]


def test_a_double_click_makes_one(world: World) -> None:
    operator, key = world.client("operator"), str(uuid7())
    first, second = (go(operator, "deploy", key=key) for _ in range(2))
    assert first.location == second.location
    assert len(world.rows(Tenant, subdomain="nadir")) == 1
    made = world.row(Tenant, subdomain="nadir")
    assert len(world.rows(Deployment, tenant_id=made.id)) == 1


def test_a_form_that_has_added_one_adds_no_other(world: World) -> None:
    operator, key = world.client("operator"), str(uuid7())
    go(operator, "create", key=key)
    again = go(operator, "create", key=key, subdomain="other")
    assert again.status_code == 400
    assert "has added Nadir Foods already" in again.text
    assert world.rows(Tenant, subdomain="other") == []


@pytest.mark.parametrize("key", ["x", "0" * 32, "5b3c6a52-0f0e-4b0a-9b53-1f3c8e6a0d11"])
def test_a_strange_key_is_refused(world: World, key: str) -> None:
    assert go(world.client("operator"), "create", key=key).status_code == 400
    assert world.rows(Tenant, subdomain="nadir") == []


@pytest.mark.parametrize(
    "secret", [{"env": f"SMTP_PASSWORD={SECRET}"}, {"secret.SMTP_PASSWORD": SECRET}]
)
@pytest.mark.parametrize("to", ["names", "settings", "review"])
def test_a_secret_never_comes_back(world: World, secret: dict[str, str], to: str) -> None:
    answer = go(world.client("operator"), to, **secret)
    assert answer.status_code == 200
    assert SECRET not in answer.text
    if to == "review":
        assert 'name="secret.SMTP_PASSWORD" type="password"' in answer.text
        assert "Type it again" in answer.text


def test_a_secret_is_asked_for_again_and_then_sealed(world: World) -> None:
    operator = world.client("operator")
    missing = go(operator, "create", asked="SMTP_PASSWORD")
    assert missing.status_code == 400
    assert "Type it here" in missing.text
    assert world.rows(Tenant, subdomain="nadir") == []
    done = go(operator, "create", asked="SMTP_PASSWORD", **{"secret.SMTP_PASSWORD": SECRET})
    assert done.status_code == 303
    made = world.row(Tenant, subdomain="nadir")
    row = world.row(EnvVar, tenant_id=made.id, key="SMTP_PASSWORD")
    assert row.secret
    assert SECRET not in operator.page(f"/tenants/{made.public_id}")


def test_wrong_input_is_refused_without_its_secrets(world: World) -> None:
    answer = go(world.client("operator"), "create", env=f"API_TOKEN={SECRET}\nBAD LINE")
    assert answer.status_code == 400
    assert SECRET not in answer.text
    assert "BAD LINE" in answer.text, "what was typed is kept"


@pytest.mark.parametrize(
    ("field", "value", "at", "words"),
    [
        ("subdomain", "-x-", "names", "must hold only"),
        ("subdomain", "acme", "names", "belongs to another tenant: Acme"),
        ("name", " ", "names", "Fill this in"),
        ("env", "REGION", "settings", "must be KEY=VALUE"),
        ("env", "REGION=${NOTHING}", "settings", "placeholder that does not exist"),
        ("notify_emails", "a@b@c", "settings", "one plain e-mail address"),
        ("target", "nowhere", "settings", "must be a configured target"),
        ("client_ref", "x" * 121, "names", "between 1 and 120"),
    ],
)
def test_an_error_leads_back_to_its_page(
    world: World, field: str, value: str, at: str, words: str
) -> None:
    answer = go(world.client("operator"), "review", **{field: value})
    assert answer.status_code == 400
    assert f'name="at" value="{at}"' in answer.text
    assert words.lower() in answer.text.lower()
    assert "Nadir Foods" in answer.text or field == "name"


def test_hostile_words_are_text(world: World) -> None:
    operator = world.client("operator")
    for to in ("names", "settings", "review"):
        page = go(operator, to, name=SCRIPT, env=f"A={SCRIPT}").text
        assert SCRIPT not in page


def test_the_wizard_asks_few_questions(world: World) -> None:
    operator = world.client("operator")
    token = operator.token()
    for to, most in ((None, 9), ("settings", 12), ("names", 12)):
        with counted(world) as seen:
            if to is None:
                operator.page(URL)
            else:
                operator.bare_post(URL, data={**NAMES, "go": to, "csrf_token": token})
        assert len(seen) <= most, (to, "\n".join(seen))


def test_on_postgresql_too(make_postgres_world: Any) -> None:
    world = make_postgres_world()
    operator, key = world.client("operator"), str(uuid7())
    before = everything(world)
    assert "dms-nadir" in go(operator, "review").text
    assert everything(world) == before
    answers = [go(operator, "deploy", key=key) for _ in range(2)]
    assert answers[0].location == answers[1].location
    taken = operator.get("/tenants/new/check?product=dms&subdomain=nadir").json
    assert taken["problem"] == "Nadir Foods has it already."
