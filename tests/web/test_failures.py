"""Failures by their cause: who sees what, notes, and resuming a whole group at once."""

import html
import re
from urllib.parse import quote

import pytest

from tenantry.errors import Permanent
from tenantry.models import AuditEntry, Deployment, FailureNote
from tests.stage import ME
from tests.web.conftest import SCRIPT, World
from tests.web.test_queries import counted


def cause(world: World) -> str:
    return str(world.row(Deployment, subdomain="broken").cause)


def at(world: World, page: str = "cause") -> str:
    return f"/failures/{page}?cause={quote(cause(world))}"


def more(world: World, *names: str) -> None:
    """Tenants that fail of the same thing."""
    with world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE target SET max_in_flight=50")
    for name in names:
        world.stage.tenant(name, "tools")
        world.stage.twins.target.fail("create_domain", Permanent(f"HTTP 400: {SCRIPT} is no host"))
        world.stage.deploy(name)
        for _ in range(20):
            world.stage.play()
            if world.row(Deployment, subdomain=name).status == "failed":
                break
            world.stage.pass_time(5)
    world.stage.twins.target.mend()


def asked(page: str) -> list[str]:
    return re.findall(r'name="deployment" value="([^"]+)"', page)


def stamp(page: str) -> str:
    found = re.search(r'name="seen" value="(\w+)"', page)
    assert found
    return found[1]


def test_tenants_that_failed_of_one_thing_are_one_line(world: World) -> None:
    more(world, "second", "third")
    page = world.client("viewer").page("/failures/")
    assert "Create domain" in page
    assert "3 tenants" in page
    assert html.escape("<script>alert(…)</script> is no host") in page
    assert "Resume" not in page, "a viewer is offered nothing"
    assert "Resume all 3" in world.client("operator").page("/failures/")


def test_a_cause_lists_its_deployments(world: World) -> None:
    more(world, "second")
    page = world.client("viewer").page(at(world))
    rows = world.rows(Deployment, status="failed")
    assert len(rows) == 2
    for row in rows:
        assert f"/deployments/{row.public_id}" in page
    assert "<textarea" not in page


@pytest.mark.parametrize("words", ["", "nothing of the sort", "%00", "x" * 400])
def test_a_cause_that_nothing_has_is_not_there(world: World, words: str) -> None:
    for page in ("cause", "resume"):
        assert world.client("operator").get(f"/failures/{page}?cause={words}").status_code == 404


def test_viewers_neither_write_nor_resume(world: World) -> None:
    viewer = world.client("viewer")
    assert viewer.post(at(world), {"note": "x", "hint": "", "seen": ""}).status_code == 403
    assert viewer.get(at(world, "resume")).status_code == 403
    assert viewer.post(at(world, "resume")).status_code == 403
    assert world.rows(FailureNote) == []


def test_a_note_and_a_hint_show_on_the_list_and_the_cause(world: World) -> None:
    person, url = world.client("operator"), at(world)
    answer = person.post(
        url, {"note": f"zone {SCRIPT}", "hint": "Ask ops", "seen": stamp(person.page(url))}
    )
    assert answer.status_code == 303
    assert "Ask ops" in world.client("viewer").page("/failures/")
    page = world.client("viewer").page(url)
    assert "Ask ops" in page
    assert html.escape(f"zone {SCRIPT}") in page
    note = world.row(FailureNote)
    assert note.author == "operator@example.com"
    assert person.get(f"/failures/details/?id={note.public_id}").location.startswith("/failures/")
    assert "Ask ops" in person.page("/failures/export/json/")


def test_a_stale_edit_is_told_and_nothing_typed_is_lost(world: World) -> None:
    person, other, url = world.client("operator"), world.client("admin"), at(world)
    seen = stamp(person.page(url))
    other.post(url, {"note": "first", "hint": "", "seen": seen})
    answer = person.post(url, {"note": "mine", "hint": "me too", "seen": seen})
    assert answer.status_code == 409
    assert "Somebody else has changed this note" in answer.text
    assert ">mine</textarea>" in answer.text
    assert "first" in answer.text
    assert world.row(FailureNote).note == "first"
    again = person.post(url, {"note": "mine", "hint": "me too", "seen": stamp(answer.text)})
    assert again.status_code == 303
    assert world.row(FailureNote).note == "mine"


def test_a_bad_note_stands_beside_its_field(world: World) -> None:
    person, url = world.client("operator"), at(world)
    answer = person.post(url, {"note": "kept", "hint": "x" * 501, "seen": stamp(person.page(url))})
    assert answer.status_code == 400
    assert "500 characters" in answer.text
    assert ">kept</textarea>" in answer.text
    assert world.rows(FailureNote) == []


def test_all_of_a_group_go_on_in_one_press_and_each_is_told(world: World) -> None:
    more(world, "second", "third")
    person = world.client("operator")
    page = person.page(at(world, "resume"))
    assert "Resume 3 deployments" in page
    names = asked(page)
    assert len(names) == 3
    # Somebody tears one of them from the group meanwhile.
    world.stage.desk.resume(ME, str(world.row(Deployment, subdomain="third").public_id))
    answer = person.post(at(world, "resume"), {"deployment": names})
    assert answer.status_code == 200
    assert "3 deployments go on" in answer.text
    assert answer.text.count("It goes on from where it stopped") == 2
    assert answer.text.count("It goes on already") == 1
    audit = world.rows(AuditEntry, action="deployment.resume", actor="operator@example.com")
    assert [row.reason for row in audit] == ["all that failed of one cause"] * 2
    assert len(world.rows(Deployment)) == 5, "the same deployments, no new ones"


def test_a_second_press_starts_nothing_twice(world: World) -> None:
    person = world.client("operator")
    names = asked(person.page(at(world, "resume")))
    person.post(at(world, "resume"), {"deployment": names})
    answer = person.post(at(world, "resume"), {"deployment": names})
    assert answer.status_code == 200
    assert "It goes on already" in answer.text
    assert world.row(Deployment, subdomain="broken").epoch == 1
    # Nor after it has failed again: that is another failure than the one on the page.
    world.stage.twins.target.fail("create_domain", Permanent("HTTP 400: <b> is no host"))
    with world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE target SET max_in_flight=50")
    world.stage.desk.dispatcher.admit(1)
    world.stage.play()
    assert world.row(Deployment, subdomain="broken").status == "failed"
    answer = person.post(f"/failures/resume?cause={quote(cause(world))}", {"deployment": names})
    assert "It was resumed meanwhile" in answer.text
    assert world.row(Deployment, subdomain="broken").epoch == 1


@pytest.mark.parametrize("sent", [[], ["x"], ["0198aa11-1234-7abc-8def-001122334455"]])
def test_strange_forms_are_refused(world: World, sent: list[str]) -> None:
    answer = world.client("operator").post(at(world, "resume"), {"deployment": sent})
    assert answer.status_code == 400


def test_a_deployment_of_another_cause_is_not_resumed_with_this_one(world: World) -> None:
    other = world.row(Deployment, subdomain="acme").public_id
    answer = world.client("operator").post(at(world, "resume"), {"deployment": [f"{other} 0"]})
    assert "0 deployments go on" in answer.text


def test_the_pages_ask_the_same_few_questions_of_a_larger_group(world: World) -> None:
    person = world.client("operator")
    urls = ["/failures/", at(world), at(world, "resume")]
    before = []
    for url in urls:
        with counted(world) as seen:
            person.page(url)
        before.append(len(seen))
    more(world, "second", "third", "fourth", "fifth")
    for url, number in zip(urls, before, strict=True):
        with counted(world) as seen:
            person.page(url)
        assert len(seen) == number <= 8, (url, "\n".join(seen))


def test_what_only_one_met_is_told_in_its_own_words(world: World) -> None:
    whole, masked = (html.escape(f"<script>alert({x})</script> is no host") for x in ("1", "…"))
    viewer = world.client("viewer")
    for url in ("/failures/", at(world), "/"):
        found = viewer.page(url)
        assert whole in found, url
        assert masked not in found, url
        assert "Failed at tenant" not in found, url
    more(world, "second")
    for url in ("/failures/", at(world), "/"):
        assert masked in viewer.page(url), url
