"""A session that ends while a form is filled in."""

from flask import Flask

from tests.web.conftest import Person, World
from tests.web.test_session import log_in

FORM = "http://localhost/tenants/new?product=dms"


def expired(world: World) -> Person:
    """Somebody whose cookie is gone but whose page still stands."""
    return world.client()


def test_a_form_without_a_session_leads_to_the_login_and_back(world: World) -> None:
    visitor = expired(world)
    sent = visitor.bare_post(
        "/tenants/new?product=dms",
        data={"name": "Nadir", "csrf_token": "of another session"},
        headers={"Referer": FORM},
    )
    assert sent.status_code == 302
    assert sent.location == "/login?next=/tenants/new?product%3Ddms"
    page = visitor.page(sent.location)
    assert "nothing was saved" in page
    answer = log_in(
        visitor, "operator@example.com", "correct horse battery", next="/tenants/new?product=dms"
    )
    assert answer.location == "/tenants/new?product=dms"  # type: ignore[attr-defined]


def test_only_our_own_pages_are_come_back_to(world: World) -> None:
    for referrer in ("https://evil.example/x", "//evil.example", "nonsense", ""):
        sent = expired(world).bare_post("/tenants/new", headers={"Referer": referrer})
        assert sent.location == "/login", referrer


def test_scripts_and_programs_are_told_with_a_code(world: World) -> None:
    for headers in ({"X-Live": "1"}, {"Accept": "application/json"}):
        sent = expired(world).bare_post("/tenants/new?product=dms", headers=headers)
        assert sent.status_code == 401


def test_a_forged_form_of_somebody_who_is_in_is_still_refused(world: World) -> None:
    assert world.client("operator").bare_post("/tenants/new", data={}).status_code == 400


def test_what_is_typed_again_is_kept_where_it_was_refused(world: World) -> None:
    app: Flask = world.app
    assert app.config["PERMANENT_SESSION_LIFETIME"].total_seconds() == 12 * 3600
    answer = world.client("operator").post(
        "/tenants/new?product=dms", {"name": "Nadir", "subdomain": "acme", "go": "create"}
    )
    assert 'value="Nadir"' in answer.text
