"""Logs of a deployment: pages, search, downloads, and what stands in a step's own."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import delete

from tenantry.journal import Redactor, logged
from tenantry.models import Deployment, DeploymentStep, LogEntry
from tenantry.steps.outcomes import LogText
from tenantry.web.timeline.log import MOST_LINES, MOST_OF_STEP, log_page
from tests.web.conftest import SCRIPT, World
from tests.web.test_deployment_page import text_of, url_of
from tests.web.test_queries import counted


def write(world: World, *texts: str, step: Any = None) -> Any:
    made = world.row(Deployment, subdomain="acme")
    with world.engine.begin() as conn:
        step_id = step.id if step else None
        logged(conn, Redactor(), made.id, step_id, 1, [LogText(texts, stream="stdout")])
    return made


def lines(html: str) -> list[str]:
    log = html.split('<pre class="log')[1].split("</pre>", maxsplit=1)[0]
    return re.findall(r'data-seq="\d+"[^>]*>([^<]*)\n</span>', log)


def test_the_log_page_shows_its_end_and_leads_back(world: World) -> None:
    write(world, *[f"line {n}" for n in range(MOST_LINES + 20)])
    person = world.client("viewer")
    url = url_of(world, "acme") + "/log"
    html = person.page(url)
    assert len(lines(html)) == MOST_LINES
    assert lines(html)[-1] == f"line {MOST_LINES + 19}"
    older = re.search(r'rel="next" href="([^"]+)"', html)
    assert older
    first = person.page(older[1].replace("&amp;", "&"))
    assert lines(first)[-1] == "line 19"
    assert "Project tools-acme created" in lines(first)[0]
    assert 'rel="next"' not in first


@pytest.mark.parametrize("strange", ["x", "-1", "1e3", "9" * 40, "٣"])
def test_a_strange_place_is_the_end(world: World, strange: str) -> None:
    assert lines(world.client("viewer").page(f"{url_of(world, 'acme')}/log?before={strange}"))


def test_search_finds_text_as_it_is_written(world: World) -> None:
    write(world, "100% done", "100 done", "a_b", "axb", "Build FAILED here", SCRIPT)
    person, url = world.client("viewer"), url_of(world, "acme") + "/log"

    def found(words: str) -> list[str]:
        return lines(person.get(url, query_string={"q": words}).text)

    assert found("100%") == ["100% done"]
    assert found("a_b") == ["a_b"]
    assert found("build failed") == ["Build FAILED here"]
    html = person.get(url, query_string={"q": SCRIPT}).text
    assert SCRIPT not in html
    assert len(lines(html)) == 1
    nothing = person.get(url, query_string={"q": "\0never\0 written"}).text
    assert "No line holds that" in nothing
    assert person.get(url, query_string={"q": "x" * 5000}).status_code == 200


def test_search_stays_within_the_deployment(world: World) -> None:
    write(world, "only of acme")
    other = url_of(world, "broken") + "/log?q=only"
    assert "No line holds that" in world.client("viewer").page(other)


def test_search_on_postgresql(make_postgres_world: Callable[[], World]) -> None:
    world = make_postgres_world()
    made = write(world, "Build FAILED at 100%", "another")
    with world.stage.desk.reading() as session:
        assert [line.text for line in log_page(session, made, "failed at 100%").lines] == [
            "Build FAILED at 100%"
        ]


def test_the_pages_of_a_log_ask_a_fixed_number_of_questions(world: World) -> None:
    write(world, *["many lines"] * 200)
    viewer = world.client("viewer")
    for url in ("/log", "/log?q=many", "/log.txt"):
        with counted(world) as seen:
            viewer.page(url_of(world, "acme") + url)
        assert len(seen) <= 8, "\n".join(seen)


def test_an_empty_log_says_so(world: World) -> None:
    made = world.row(Deployment, subdomain="acme")
    with world.engine.begin() as conn:
        conn.execute(delete(LogEntry).where(LogEntry.deployment_id == made.id))
    words = text_of(world.client("viewer").page(url_of(world, "acme") + "/log"))
    assert "Nothing was written yet" in words


def test_a_steps_own_log_holds_its_retries_and_nothing_else(world: World) -> None:
    person = world.client("viewer")
    made = world.row(Deployment, subdomain="waiting")
    check = next(
        s
        for s in world.rows(DeploymentStep, deployment_id=made.id, step_key="health.check")
        if s.retried_by_id
    )
    html = person.get(
        f"{url_of(world, 'waiting')}/steps/{check.public_id}", headers={"X-Live": "1"}
    ).text
    assert lines(html)
    assert all(line.startswith("health.") for line in lines(html))
    retries = world.rows(DeploymentStep, step_key="health.retry")
    for step in (check, *retries):
        assert str(step.public_id) in html.split("data-log=")[1].split(">")[0]
    saved = person.get(f"{url_of(world, 'waiting')}/steps/{check.public_id}/log.txt?save=1")
    assert saved.headers["Content-Disposition"].startswith("attachment")
    assert len(saved.text.splitlines()) == len(lines(html))


def test_a_long_log_of_a_step_is_cut_and_says_so(world: World) -> None:
    made = world.row(Deployment, subdomain="acme")
    step = world.rows(DeploymentStep, deployment_id=made.id)[0]
    write(world, *[f"n {n}" for n in range(MOST_OF_STEP + 5)], step=step)
    html = world.client("viewer").page(f"{url_of(world, 'acme')}/steps/{step.public_id}")
    assert len(lines(html)) == MOST_OF_STEP
    assert "the download has all" in html
    whole = world.client("viewer").page(f"{url_of(world, 'acme')}/steps/{step.public_id}/log.txt")
    assert len(whole.splitlines()) > MOST_OF_STEP


def test_the_whole_log_is_saved_under_a_name(world: World) -> None:
    answer = world.client("viewer").get(url_of(world, "acme") + "/log.txt?save=1")
    made = world.row(Deployment, subdomain="acme")
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="acme-{made.public_id}.log"'
    )
