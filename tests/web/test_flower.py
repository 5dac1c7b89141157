"""Flower behind the panel: looked at by operators, changed by nobody."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from tests.web.conftest import World

HEAD = "<html><head></head><body class='app'>"


@pytest.fixture
def fake() -> Iterator[HTTPServer]:
    """A small Flower."""
    with HTTPServer() as server:
        yield server


@pytest.fixture
def behind(make_world: Callable[..., World], fake: HTTPServer) -> World:
    """A panel in front of it."""
    return make_world(FLOWER_URL=fake.url_for("").rstrip("/"), FLOWER_PASSWORD="a-flower-password")


def test_a_page_is_passed_on_under_our_bar(behind: World, fake: HTTPServer) -> None:
    seen: list[Request] = []

    def page(request: Request) -> Response:
        seen.append(request)
        return Response(
            f"{HEAD}<p>workers</p>",
            headers={
                "Content-Type": "text/html",
                "Set-Cookie": "_xsrf=1",
                "Content-Security-Policy": "default-src *",
                "Server": "TornadoServer",
            },
        )

    fake.expect_request("/flower/workers").respond_with_handler(page)
    answer = behind.client("operator").get("/flower/workers?a=1&a=2", headers={"Cookie": "x=1"})
    assert answer.status_code == 200
    assert answer.text.startswith(HEAD)
    bar = answer.text.index("read-only: deployments are steered")
    assert bar < answer.text.index("<p>workers</p>")
    assert "_xsrf" not in str(answer.headers)
    assert "TornadoServer" not in str(answer.headers)
    policy = answer.headers["Content-Security-Policy"]
    assert "script-src 'self' 'sha256-" in policy
    assert "script-src" in policy.split("unsafe-inline")[0], "styles only"
    assert "frame-ancestors 'none'" in policy
    request = seen[0]
    assert request.authorization is not None
    assert request.authorization.username == "tenantry"
    assert request.authorization.password == "a-flower-password"
    assert request.args.getlist("a") == ["1", "2"]
    assert "Cookie" not in request.headers
    assert "a-flower-password" not in answer.text


def test_head_and_files_are_passed_on(behind: World, fake: HTTPServer) -> None:
    fake.expect_request("/flower/static/js/flower.js").respond_with_data(
        "var a=1;", content_type="text/javascript"
    )
    person = behind.client("operator")
    answer = person.get("/flower/static/js/flower.js")
    assert answer.text == "var a=1;"
    assert answer.content_type.startswith("text/javascript")
    assert person.open("/flower/static/js/flower.js", method="HEAD").status_code == 200


def test_redirects_stay_below_flower(behind: World, fake: HTTPServer) -> None:
    for place, wanted in (
        ("/flower/workers?x=1", "/flower/workers?x=1"),
        ("https://evil.example/", "/flower/"),
        ("https://evil.example/flower/x", "/flower/x"),
    ):
        fake.clear()
        fake.expect_request("/flower/").respond_with_data(
            "", status=302, headers={"Location": place}
        )
        assert behind.client("operator").get("/flower/").location == wanted


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_nothing_is_changed_through_it(behind: World, fake: HTTPServer, method: str) -> None:
    person = behind.client("admin")
    token = {"X-CSRFToken": person.token()}
    for path in ("", "api/task/revoke/abc", "api/worker/shutdown/w", "tasks"):
        answer = person.open(f"/flower/{path}", method=method, headers=token)
        assert answer.status_code == 405, path
    assert fake.log == []


def test_the_table_of_tasks_may_ask_by_post(behind: World, fake: HTTPServer) -> None:
    fake.expect_request("/flower/tasks/datatable", method="POST", data=b"draw=1").respond_with_json(
        {"data": []}
    )
    person = behind.client("operator")
    form = {"content_type": "application/x-www-form-urlencoded", "data": "draw=1"}
    answer = person.bare_post("/flower/tasks/datatable", **form)
    assert answer.json == {"data": []}
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert person.bare_post("/flower/tasks/datatable", headers=cross, **form).status_code == 403


def test_paths_do_not_climb_out(behind: World, fake: HTTPServer) -> None:
    person = behind.client("operator")
    for path in ("../metrics", "x/../../secret", "%2e%2e/x"):
        assert person.get(f"/flower/{path}").status_code in {404, 302}, path
    assert not [r for r, _ in fake.log if not r.path.startswith("/flower/")]


def test_it_being_down_is_a_clear_page(make_world: Callable[..., World]) -> None:
    world = make_world(FLOWER_URL="http://127.0.0.1:1", FLOWER_PASSWORD="x" * 20)
    answer = world.client("operator").get("/flower/")
    assert answer.status_code == 503
    assert "Flower does not answer" in answer.text


def test_a_wrong_password_is_not_asked_of_the_browser(behind: World, fake: HTTPServer) -> None:
    fake.expect_request("/flower/").respond_with_data(
        "no", status=401, headers={"WWW-Authenticate": "Basic realm=x"}
    )
    answer = behind.client("operator").get("/flower/")
    assert answer.status_code == 503
    assert "WWW-Authenticate" not in answer.headers
    assert "FLOWER_PASSWORD differs" in answer.text


def test_viewers_and_strangers_do_not_reach_it(behind: World, fake: HTTPServer) -> None:
    assert behind.client("viewer").get("/flower/").status_code == 403
    assert behind.client().get("/flower/").status_code == 302
    assert "/flower/" not in behind.client("viewer").page("/")
    assert "/flower/" in behind.client("operator").page("/")
    assert fake.log == []


def test_no_database_connection_is_held_while_flower_thinks(
    behind: World, fake: HTTPServer
) -> None:
    held: list[Any] = []

    def page(_: Request) -> Response:
        held.append(behind.engine.pool.checkedout())  # type: ignore[attr-defined]
        return Response("ok")

    fake.expect_request("/flower/").respond_with_handler(page)
    behind.client("operator").get("/flower/")
    assert held == [0]
