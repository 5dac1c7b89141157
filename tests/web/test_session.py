"""Logging in and out, and the cookie."""

from collections.abc import Callable

import pytest

from tenantry.errors import Conflict, Invalid
from tenantry.models import AuditEntry, Role, User
from tenantry.web.staff import add_staff
from tests.web.conftest import PASSWORD, Person, World


def log_in(visitor: Person, email: str, password: str, **more: str) -> object:
    page = visitor.page("/login")
    token = page.split('name="csrf_token" type="hidden" value="')[1].split('"')[0]
    form = {"csrf_token": token, "email": email, "password": password, **more}
    return visitor.bare_post("/login", data=form)


def test_log_in_and_out(world: World) -> None:
    visitor = world.client()
    answer = log_in(visitor, "Operator@Example.com", PASSWORD)
    assert answer.location == "/"  # type: ignore[attr-defined]
    assert "operator@example.com" in visitor.page("/")
    row = world.row(User, email="operator@example.com")
    assert row.login_count == 1
    assert row.current_login_at is not None
    entry = world.row(AuditEntry, action="staff.login")
    assert (entry.actor, entry.address) == ("operator@example.com", "127.0.0.1")
    assert visitor.post("/logout").location == "/login"
    assert visitor.get("/").status_code == 302


def test_after_logging_in_people_are_where_they_wanted_to_be(world: World) -> None:
    visitor = world.client()
    wanted = visitor.get("/deployments/?page=1").location
    assert wanted == "/login?next=/deployments/?page%3D1"
    answer = log_in(visitor, "viewer@example.com", PASSWORD, next="/deployments/?page=1")
    assert answer.location == "/deployments/?page=1"  # type: ignore[attr-defined]


@pytest.mark.parametrize("place", ["https://evil.example/", "//evil.example", "/\\evil.example"])
def test_nobody_is_sent_to_another_site(world: World, place: str) -> None:
    answer = log_in(world.client(), "viewer@example.com", PASSWORD, next=place)
    place = answer.location or "/"  # type: ignore[attr-defined]
    assert place.startswith("/")
    assert not place.startswith(("//", "/\\"))


def test_the_same_words_for_an_unknown_name_and_a_wrong_password(world: World) -> None:
    pages = []
    for email in ("viewer@example.com", "nobody@example.com"):
        answer = log_in(world.client(), email, "wrong password 123")
        assert answer.status_code == 200  # type: ignore[attr-defined]
        pages.append(answer.text.split("</h1>")[1].replace(email, ""))  # type: ignore[attr-defined]
    for page in pages:
        assert "E-mail or password is not right" in page
    assert pages[0].split("csrf")[0] == pages[1].split("csrf")[0]


def test_a_deactivated_person_gets_those_words_too(world: World) -> None:
    with world.engine.begin() as conn:
        conn.execute(User.__table__.update().values(active=False))
    answer = log_in(world.client(), "viewer@example.com", PASSWORD)
    assert "E-mail or password is not right" in answer.text  # type: ignore[attr-defined]


def test_log_in_needs_a_token(world: World) -> None:
    form = {"email": "viewer@example.com", "password": PASSWORD}
    assert world.client().bare_post("/login", data=form).status_code == 400


def test_there_is_no_remembering(world: World) -> None:
    visitor = world.client()
    answer = log_in(visitor, "viewer@example.com", PASSWORD, remember="y")
    assert "remember_token" not in str(answer.headers)  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", ["/register", "/reset", "/fs-static/x", "/confirm", "/tf-setup"])
def test_nobody_registers_or_resets(world: World, path: str) -> None:
    assert world.client().get(path).status_code in {302, 404}
    assert world.client("admin").get(path).status_code == 404


def test_the_cookie_over_http(world: World) -> None:
    cookie = world.client().get("/login").headers["Set-Cookie"]
    assert cookie.startswith("tenantry=")
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Secure" not in cookie


def test_the_cookie_and_headers_over_https(make_world: Callable[..., World]) -> None:
    world = make_world(PUBLIC_URL="https://panel.example.com")
    answer = world.client().get("/login", base_url="https://panel.example.com")
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-tenantry=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert "Domain" not in cookie
    assert answer.headers["Strict-Transport-Security"]


def test_change_the_password(world: World) -> None:
    person, elsewhere = world.client("viewer"), world.client("viewer")
    bad = person.post(
        "/password",
        {"password": PASSWORD, "new_password": "short", "new_password_confirm": "short"},
    )
    assert "at least 12" in bad.text
    new = "a much longer password"
    good = person.post(
        "/password", {"password": PASSWORD, "new_password": new, "new_password_confirm": new}
    )
    assert good.status_code == 302
    assert person.get("/").status_code == 200
    assert elsewhere.get("/").status_code == 302
    assert log_in(world.client(), "viewer@example.com", new).status_code == 302  # type: ignore[attr-defined]


def test_add_staff_for_the_command_line(world: World) -> None:
    assert add_staff(world.app, "Ada@Example.com", "operator", "a password of ada") == (True, None)
    row = world.row(User, email="ada@example.com")
    assert [r.name for r in row.roles] == ["operator"]
    assert row.password.startswith("$argon2id$")
    new, made_up = add_staff(world.app, "ada@example.com", "admin", None)
    assert new is False
    assert made_up is not None
    assert len(made_up) == 20
    after = world.row(User, email="ada@example.com")
    assert [r.name for r in after.roles] == ["admin"]
    assert after.fs_uniquifier != row.fs_uniquifier
    assert log_in(world.client(), "ada@example.com", made_up).status_code == 302  # type: ignore[attr-defined]
    assert len(world.rows(Role)) == 3


@pytest.mark.parametrize(
    ("email", "role", "password"),
    [("nobody", "viewer", "x" * 12), ("a@b.org", "emperor", "x" * 12), ("a@b.org", "admin", "x")],
)
def test_bad_staff_is_refused(world: World, email: str, role: str, password: str) -> None:
    with pytest.raises(Invalid):
        add_staff(world.app, email, role, password)
    assert len(world.rows(User)) == 3


def test_the_last_admin_stays(world: World) -> None:
    with pytest.raises(Conflict):
        add_staff(world.app, "admin@example.com", "viewer", PASSWORD)


def test_inside_addresses_can_log_in(world: World) -> None:
    add_staff(world.app, "ada@demo.test", "admin", PASSWORD)
    assert log_in(world.client(), "Ada@demo.test", PASSWORD).location == "/"  # type: ignore[attr-defined]
