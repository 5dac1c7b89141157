"""Deeds for many tenants at once: named first, done to each, each answer told."""

import html
import re
from uuid import uuid4

import pytest

from tenantry.models import AuditEntry, BackupPolicy, Deployment, Tenant
from tests.web.conftest import SCRIPT, Person, World
from tests.web.test_queries import counted

JSON = {"Accept": "application/json"}
ALL = ("fresh", "acme", "waiting", "broken")


def ids(world: World, *names: str) -> list[str]:
    return [str(world.row(Tenant, subdomain=name).public_id) for name in names]


def tick(world: World, person: Person, what: str, *names: str) -> str:
    answer = person.post("/tenants/action/", {"action": what, "rowid": ids(world, *names)})
    assert answer.status_code == 200, answer.text[:300]
    return str(answer.text)


def form(world: World, *names: str, **more: str) -> dict[str, object]:
    found = ids(world, *names)
    return {"tenant": found, **{f"key-{one}": uuid4().hex for one in found}, **more}


def told(page: str) -> list[str]:
    """Name and answer of each row."""
    body = page.split("<tbody>")[1].split("</tbody>", maxsplit=1)[0]
    plain = [re.sub(r"<[^>]+>", " ", row) for row in body.split("<tr>")[1:]]
    return [" ".join(row.split()) for row in plain]


def room(world: World) -> None:
    with world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE target SET max_in_flight=50")


def test_ticked_tenants_are_named_before_anything_starts(world: World) -> None:
    before = len(world.rows(Deployment))
    page = tick(world, world.client("operator"), "deploy", "fresh", "acme", "waiting")
    assert "Deploy 2 tenants" in page
    assert "a deployment is running" in page
    assert page.count('name="tenant"') == 2
    assert len(world.rows(Deployment)) == before


@pytest.mark.parametrize(
    ("what", "title", "each"),
    [
        ("deploy", "Deploy 3 tenants", "Set up from nothing"),
        ("rebuild", "Rebuild 1 tenant", "Every step again"),
        ("backup", "Back up 1 tenant", "A backup to where its policy says"),
        ("suspend", "Suspend 1 tenant", "Its addresses stop answering"),
        ("wake", "Wake up 0 tenants", "Nothing: it is running"),
    ],
)
def test_each_deed_says_what_becomes_of_each(
    world: World, what: str, title: str, each: str
) -> None:
    page = tick(world, world.client("operator"), what, *ALL)
    assert title in page
    assert each in page
    assert ("data-reason" in page or 'name="reason"' in page) == (what == "suspend")
    assert SCRIPT not in page


def test_ticked_tenants_are_deployed_each_once(world: World) -> None:
    person, sent = world.client("operator"), form(world, "fresh", "acme", "waiting")
    answers = told(person.post("/tenants/many/deploy", sent).text)
    assert answers == [
        "Waiting A deployment of Waiting is already running",
        "Fresh Under way",
        "Acme Nothing to do: nothing differs",
    ]
    again = told(person.post("/tenants/many/deploy", sent).text)
    assert "Fresh Under way" in again
    assert len(world.rows(Deployment, subdomain="fresh")) == 1


def test_many_are_suspended_and_woken_up(world: World) -> None:
    room(world)
    person = world.client("operator")
    sent = form(world, "acme", reason="unpaid")
    assert told(person.post("/tenants/many/suspend", sent).text) == ["Acme Under way"]
    for _ in range(20):
        world.stage.play()
        if world.row(Tenant, subdomain="acme").status == "suspended":
            break
        world.stage.pass_time(5)
    assert world.row(Tenant, subdomain="acme").status == "suspended"
    assert world.row(Deployment, action="suspend").details["why"] == "unpaid"
    assert "Wake up" in person.page("/tenants/?show=suspended")
    assert told(person.post("/tenants/many/wake", form(world, "acme")).text) == ["Acme Under way"]
    assert world.row(Deployment, action="unsuspend").actor == "operator@example.com"


def test_a_missing_reason_stands_beside_its_field(world: World) -> None:
    sent = form(world, "acme", reason="x", database="1")
    answer = world.client("operator").post("/tenants/many/suspend", sent)
    assert answer.status_code == 400
    assert "ust have 3 to 500 characters" in answer.text
    assert 'value="x"' in answer.text
    assert "checked" in answer.text
    for name, value in sent.items():
        if name.startswith("key-"):
            assert str(value) in answer.text, "the same keys: a second press is the first one's"
    assert world.rows(Deployment, action="suspend") == []


def test_what_is_refused_for_one_holds_up_no_other(world: World) -> None:
    room(world)
    assert world.rows(BackupPolicy) == []
    answers = told(
        world.client("operator").post("/tenants/many/backup", form(world, "acme", "fresh")).text
    )
    assert len(answers) == 2
    assert any("Acme has no backup policy" in answer for answer in answers)
    assert any(answer.startswith("Fresh") for answer in answers)


def test_a_rebuild_is_audited_as_its_person(world: World) -> None:
    room(world)
    person = world.client("operator")
    person.post("/tenants/many/rebuild", form(world, "acme"))
    assert world.rows(Deployment, subdomain="acme")[-1].actor == "operator@example.com"
    assert world.rows(AuditEntry, actor="operator@example.com")


def test_ticking_nothing_says_so(world: World) -> None:
    person = world.client("operator")
    assert person.post("/tenants/action/", {"action": "deploy"}).status_code == 303
    assert "Tick the tenants" in person.flashes()
    assert person.post("/tenants/many/deploy", {}, headers=JSON).status_code == 400


@pytest.mark.parametrize("what", ["", "nothing", "teardown", "<b>"])
def test_there_are_no_other_deeds_for_many(world: World, what: str) -> None:
    person = world.client("operator")
    sent = {"action": what, "rowid": ids(world, "acme")}
    assert person.post("/tenants/action/", sent).status_code == 404
    assert person.post(f"/tenants/many/{html.escape(what)}", form(world, "acme")).status_code == 404


def test_viewers_may_do_none_of_it(world: World) -> None:
    viewer = world.client("viewer")
    assert "data-bulk" not in viewer.page("/tenants/")
    assert viewer.post("/tenants/action/", {"action": "deploy"}).status_code == 403
    assert viewer.post("/tenants/many/deploy", form(world, "acme")).status_code == 403


def test_the_list_tells_health_deployment_and_site(world: World) -> None:
    page = world.client("viewer").page("/tenants/")
    assert 'href="http' in page
    assert "acme.tools.example.com" in page
    for status in ("Succeeded", "Failed", "Running"):
        assert status in page
    with counted(world) as seen:
        world.client("operator").page("/tenants/")
    assert len(seen) <= 9, "\n".join(seen)
