"""A tenant's years in the panel: each deed through its form, and what is shown before it."""

import re
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import func, select, update

from tenantry.models import AuditEntry, Deployment, Tenant, TenantService
from tenantry.models.base import Base
from tenantry.operations import backups, leaving, tenants
from tenantry.operations.wishes import Wish
from tenantry.planning import actions
from tenantry.ports import DestinationSeen
from tenantry.web.life.deeds import BY_NAME, DEEDS
from tests.stage import ME, PRODUCT
from tests.web.conftest import Person, World

S3 = DestinationSeen("dst-1", "nightly store", "bucket")
SEEN = re.compile(r'name="seen"[^>]*value="([^"]*)"')
JSON = {"Accept": "application/json"}


def at(world: World, subdomain: str = "acme", rest: str = "") -> str:
    rows = world.rows(Tenant, subdomain=subdomain)
    return f"/tenants/{rows[-1].public_id}{rest}"


def latest(world: World, subdomain: str = "acme") -> Any:
    return world.rows(Deployment, subdomain=subdomain)[-1]


def run(world: World, subdomain: str, wish: Any) -> None:
    world.stage.desk.deploy(ME, subdomain, wish=wish)
    settle(world)


def settle(world: World) -> None:
    """What stands in line from the seeded fleet is played out too."""
    with world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE target SET max_in_flight=50")
    world.stage.twins.web.answers("waiting-backend")
    world.stage.finish()


@pytest.fixture
def years(make_world: Any) -> World:
    """Where restoring is allowed."""
    return furnish(make_world(TARGET_MAIN_RESTORE="on"))


def furnish(world: World) -> World:
    """A tenant of a product that has a database and a policy."""
    stage = world.stage
    stage.twins.target.destination_rows[:] = [S3]
    stage.product({**PRODUCT, "name": "Shop", "slug": "shop", "base_domain": "shop.example.com"})
    stage.tenant("orchid", "shop")
    stage.desk.do(
        lambda session: backups.set_policy(
            session,
            ME,
            tenants.find(session, "orchid"),
            {"destination": "nightly store", "gate": False},
            {S3.id: S3},
        )
    )
    run(world, "orchid", Wish(force=True))
    return world


def press(person: Person, url: str, form: dict[str, Any] | None = None, *, key: str = "") -> Any:
    """Opens the page, shows what would happen, and presses the button, as a person does."""
    typed = {"key": key or uuid4().hex, **(form or {})}
    shown = person.post(url, {**typed, "step": "preview"}).text if form else person.page(url)
    found = SEEN.search(shown)
    assert found, shown[-2000:]
    return person.post(url, {**typed, "seen": found[1], "step": "start"})


WHY = {"reason": "The client asked"}
STARTS: list[tuple[str, dict[str, Any], str]] = [
    ("rebuild", {"fresh_build": "y"}, actions.DEPLOY),
    ("scale", {"service": "frontend", "replicas": "3", "memory_mb": "1024"}, actions.SCALE),
    ("restart", {"services": ["frontend"]}, actions.RESTART),
    ("suspend", {**WHY, "with_database": "y"}, actions.SUSPEND),
    ("backup", {}, actions.BACKUP),
    ("leave", {**WHY, "days": "14"}, actions.SUSPEND),
    ("teardown", {**WHY, "confirm": "orchid"}, actions.TEARDOWN),
]


@pytest.mark.parametrize(("name", "form", "action"), STARTS, ids=lambda v: str(v)[:12])
def test_a_deed_starts_through_its_form_and_leads_to_its_deployment(
    years: World, name: str, form: dict[str, Any], action: str
) -> None:
    person = years.client("operator")
    answer = press(person, at(years, "orchid", f"/do/{name}"), form)
    made = latest(years, "orchid")
    assert answer.status_code == 303, answer.text[-3000:]
    assert answer.location == f"/deployments/{made.public_id}"
    assert (made.action, made.actor) == (action, "operator@example.com")
    assert BY_NAME[name].label.format("Orchid") in person.flashes()
    settle(years)
    assert latest(years, "orchid").status == "succeeded"


def test_a_deployment_takes_a_ref_and_says_what_differs(years: World) -> None:
    person, url = years.client("operator"), at(years, "orchid", "/do/deploy")
    assert "Nothing to do." in person.page(at(years, "acme", "/do/deploy"))
    shown = person.post(url, {"ref_frontend": "v2", "step": "preview"}).text
    assert "<dt>frontend</dt><dd>source</dd>" in shown
    answer = press(person, url, {"ref_frontend": "v2"})
    assert answer.status_code == 303
    assert latest(years, "orchid").details["refs"] == {"frontend": "v2"}
    page = person.page(answer.location)
    assert "What differed" in page
    assert "<b>frontend</b> source" in page


def test_going_back_and_waking_and_keeping(years: World) -> None:
    person = years.client("operator")
    first = latest(years, "orchid").public_id
    press(person, at(years, "orchid", "/do/deploy"), {"ref_frontend": "v2"})
    settle(years)
    answer = press(person, at(years, "orchid", "/do/rollback"), {"to": str(first), **WHY})
    assert answer.status_code == 303
    assert latest(years, "orchid").action == actions.ROLLBACK
    settle(years)
    press(person, at(years, "orchid", "/do/leave"), {"days": "3", **WHY})
    settle(years)
    page = person.page(at(years, "orchid"))
    assert "is leaving" in page
    assert "Keep Orchid" in page
    assert "/do/deploy" not in page
    press(person, at(years, "orchid", "/do/keep"))
    settle(years)
    row = years.row(Tenant, subdomain="orchid")
    assert (row.status, row.teardown_at) == ("running", None)
    press(person, at(years, "orchid", "/do/suspend"), WHY)
    settle(years)
    press(person, at(years, "orchid", "/do/wake"))
    settle(years)
    assert years.row(Tenant, subdomain="orchid").status == "running"


def test_a_restore_wants_the_name_typed_and_a_reason(years: World) -> None:
    run(years, "orchid", backups.now)
    person, url = years.client("operator"), at(years, "orchid", "/do/restore")
    page = person.page(url)
    backup = re.search(r'name="backup"[^>]*value="([^"]+)"', page)
    assert backup
    form = {"backup": backup[1], "confirm": "acme", "reason": "Bad import on Friday"}
    refused = press(person, url, form)
    assert refused.status_code == 400
    assert "Type orchid to overwrite its database" in refused.text
    assert 'value="Bad import on Friday"' in refused.text, "what was typed stays"
    assert latest(years, "orchid").action == actions.BACKUP
    assert press(person, url, form | {"confirm": "orchid"}).status_code == 303
    assert latest(years, "orchid").action == actions.RESTORE


def test_where_restoring_is_off_it_says_so(make_world: Any) -> None:
    world = furnish(make_world())
    run(world, "orchid", backups.now)
    shown = world.client("operator").page(at(world, "orchid", "/do/restore"))
    assert "Restoring is switched off for target main" in shown
    assert 'value="start"' not in shown


def test_after_the_teardown_there_is_a_certificate_and_volumes_to_remove(years: World) -> None:
    operator, admin = years.client("operator"), years.client("admin")
    press(operator, at(years, "orchid", "/do/teardown"), {**WHY, "confirm": "orchid"})
    settle(years)
    page = admin.page(at(years, "orchid"))
    assert "Certificate of its teardown" in page
    assert "Archived" in page
    assert "Remove volumes…" in page
    assert "Remove volumes…" not in operator.page(at(years, "orchid"))
    url = at(years, "orchid", "/do/remove-volumes")
    assert operator.get(url).status_code == 403
    with years.stage.desk.reading() as session:
        kept = leaving.volumes_kept(session, tenants.find(session, "orchid", away=True))
    assert kept
    form = {"volumes": kept, "confirm": "orchid", **WHY}
    assert press(admin, url, form | {"confirm": "nope"}).status_code == 400
    assert press(admin, url, form).status_code == 303
    settle(years)
    assert "Remove volumes…" not in admin.page(at(years, "orchid"))
    assert "Orchid" in admin.page("/tenants/?show=archived")
    assert "Orchid" not in admin.page("/tenants/")


def counts(world: World) -> dict[str, int]:
    with world.stage.desk.reading() as session:
        return {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }


@pytest.mark.parametrize(("name", "form", "action"), STARTS, ids=lambda v: str(v)[:12])
def test_what_is_shown_before_writes_nothing(
    years: World, name: str, form: dict[str, Any], action: str
) -> None:
    person, url = years.client("operator"), at(years, "orchid", f"/do/{name}")
    before = counts(years)
    services = [(s.name, s.repo_branch, s.target_replicas) for s in years.rows(TenantService)]
    person.page(url)
    if BY_NAME[name].form.shaping or form:
        live = person.post(url, {**form, "step": "preview"}, headers={"X-Live": "1"})
        if BY_NAME[name].form.shaping:
            assert live.status_code == 200
            assert "<html" not in live.text
            assert "What would happen" in live.text
            assert counts(years) == before
    after = [(s.name, s.repo_branch, s.target_replicas) for s in years.rows(TenantService)]
    assert services == after


def test_other_values_than_those_that_were_shown_are_shown_first(years: World) -> None:
    person, url = years.client("operator"), at(years, "orchid", "/do/scale")
    form = {"service": "frontend", "key": uuid4().hex}
    shown = person.post(url, {**form, "replicas": "2", "step": "preview"}).text
    seen = SEEN.search(shown)
    assert seen
    answer = person.post(url, {**form, "replicas": "40", "seen": seen[1], "step": "start"})
    assert answer.status_code == 200
    assert "Replicas: 1 → 40" in answer.text
    assert latest(years, "orchid").action == actions.DEPLOY


def test_pressing_twice_starts_once(years: World) -> None:
    person, url, key = years.client("operator"), at(years, "orchid", "/do/scale"), uuid4().hex
    form = {"service": "frontend", "replicas": "2"}
    first = press(person, url, form, key=key)
    seen = {"seen": seen_of(person, url, form), "step": "start", "key": key}
    second = person.post(url, {**form, **seen})
    assert first.location == second.location
    assert len(years.rows(Deployment, subdomain="orchid", action=actions.SCALE)) == 1


def seen_of(person: Person, url: str, form: dict[str, Any]) -> str:
    found = SEEN.search(person.post(url, {**form, "step": "preview"}).text)
    assert found
    return found[1]


def test_whoever_comes_second_is_led_to_the_winner(years: World) -> None:
    one, two = years.client("operator"), years.client("admin")
    url = at(years, "orchid", "/do/restart")
    seen = seen_of(two, url, {"services": []})
    press(one, url)
    won = latest(years, "orchid").public_id
    form = {"seen": seen, "step": "start", "key": uuid4().hex}
    answer = two.post(url, form)
    assert answer.status_code == 409
    assert f'href="/deployments/{won}"' in answer.text
    told = two.post(url, form, headers=JSON)
    assert told.status_code == 409
    assert told.json["winner"] == str(won)


BAD: list[tuple[str, dict[str, str], str]] = [
    ("scale", {"service": "frontend", "replicas": "99"}, "From 0 to 50."),
    ("scale", {"service": "frontend", "replicas": "many"}, "Not a valid integer"),
    ("scale", {"service": "frontend", "replicas": "1", "cpu_cores": "0.1"}, "From 0.5 to 32"),
    ("suspend", {"reason": "x"}, "Say why, in 3 to 500 characters."),
    ("leave", {"days": "400", "reason": "Ended"}, "From 0 to 365 days."),
    ("teardown", {"confirm": "orchid", "reason": ""}, "Fill this in."),
    ("teardown", {"confirm": "other", "reason": "Ended"}, "Type orchid to remove this tenant"),
    ("deploy", {"ref_frontend": "a b~c"}, "ref"),
]


@pytest.mark.parametrize(("name", "form", "words"), BAD)
def test_bad_input_is_said_beside_its_field_and_stays(
    years: World, name: str, form: dict[str, str], words: str
) -> None:
    person, url = years.client("operator"), at(years, "orchid", f"/do/{name}")
    before = len(years.rows(Deployment))
    answer = press(person, url, form)
    assert answer.status_code in {200, 400}
    assert words in answer.text
    for name_, typed in form.items():
        if typed and name_ != "service":
            assert f'value="{typed}"' in answer.text
    assert len(years.rows(Deployment)) == before


@pytest.mark.parametrize("deed", DEEDS, ids=lambda d: d.name)
def test_each_deed_is_for_its_role_and_wants_a_token(years: World, deed: Any, role: str) -> None:
    person, url = years.client(role), at(years, "orchid", f"/do/{deed.name}")
    may = {"viewer": 1, "operator": 2, "admin": 3}
    allowed = may[role] >= may[deed.role]
    code = person.get(url).status_code
    assert code in ({200, 409} if allowed else {403})
    before = len(years.rows(Deployment))
    assert person.bare_post(url, data={"step": "start"}).status_code == 400
    if not allowed:
        assert person.post(url, {"step": "start"}).status_code == 403
    assert len(years.rows(Deployment)) == before


def test_only_what_fits_the_state_is_offered(years: World) -> None:
    person = years.client("operator")

    def menu(subdomain: str) -> set[str]:
        return set(re.findall(r"/do/([a-z-]+)", person.page(at(years, subdomain))))

    assert menu("orchid") == {
        "deploy", "rebuild", "scale", "restart", "suspend", "rollback", "backup", "restore",
        "leave", "teardown",
    }  # fmt: skip
    assert menu("fresh") == {"deploy", "leave", "teardown"}
    assert menu("acme").isdisjoint({"restore", "wake", "keep"})
    run(years, "orchid", Wish(action=actions.SUSPEND))
    assert menu("orchid") == {"wake", "backup", "leave", "teardown"}
    assert set(re.findall(r"/do/([a-z-]+)", years.client("viewer").page(at(years)))) == set()
    answer = person.get(at(years, "orchid", "/do/scale"))
    assert answer.status_code == 409
    assert "suspended" in answer.text
    assert person.get(at(years, "orchid", "/do/nonsense")).status_code == 404


def test_waking_is_offered_where_a_suspension_stopped_half_way(years: World) -> None:
    tenant = years.row(Tenant, subdomain="orchid")
    person, url = years.client("operator"), at(years, "orchid")

    def set_to(table: Any, row_id: int, **values: Any) -> None:
        with years.engine.begin() as conn:
            conn.execute(update(table).where(table.id == row_id).values(**values))

    # Something else needs a person: there is nothing to wake.
    set_to(Tenant, tenant.id, attention="Its health check failed.")
    assert "/do/wake" not in person.page(url)
    service = years.rows(TenantService, tenant_id=tenant.id)[-1]
    set_to(TenantService, service.id, paused=["domain:"])
    assert "/do/wake" in person.page(url)


def test_a_leaving_of_what_does_not_run_is_only_noted(years: World) -> None:
    person = years.client("operator")
    page = person.page(at(years, "fresh", "/do/leave"))
    assert "No deployment is started" in page
    answer = press(person, at(years, "fresh", "/do/leave"), {"days": "5", **WHY})
    assert answer.location == at(years, "fresh")
    assert years.row(Tenant, subdomain="fresh").teardown_at is not None
    assert years.rows(Deployment, subdomain="fresh") == []
    assert "Fresh" in person.page("/tenants/?show=leaving")
    press(person, at(years, "fresh", "/do/keep"))
    assert years.row(Tenant, subdomain="fresh").teardown_at is None
    assert "tenant.keep" in [row.action for row in years.rows(AuditEntry)]
