"""The page of one deployment, and how it keeps itself fresh."""

import re
from datetime import timedelta
from uuid import uuid4

from tenantry.clock import utcnow
from tenantry.models import Deployment, DeploymentStep, TargetRow, Tenant
from tests.web.conftest import SCRIPT, World


def url_of(world: World, subdomain: str) -> str:
    return f"/deployments/{world.row(Deployment, subdomain=subdomain).public_id}"


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def rows_of(html: str) -> list[str]:
    return [text_of(r) for r in re.split(r'<li class="step', html)[1:]]


def test_a_finished_one_shows_every_step_with_its_facts(world: World) -> None:
    html = world.client("viewer").page(url_of(world, "acme"))
    rows = rows_of(html)
    made = world.row(Deployment, subdomain="acme")
    steps = [s for s in world.rows(DeploymentStep, deployment_id=made.id) if s.gates]
    assert len(rows) == len(steps) + 1, "and the mail that was sent"
    by_key = {next(key for key in row.split() if "." in key): row for row in rows}
    for step in steps:
        row = by_key[step.step_key]
        assert "Success" in row or "Skipped" in row
        assert "View details" in row
    words = text_of(html)
    assert f"{len(steps)} of {len(steps)}" in words
    assert "release 1" in words
    assert "First deployment · Acme" in words
    assert "asked by ada@example.com" in words
    assert 'data-pace="still"' in html


def test_times_are_utc_until_the_script_shows_the_viewers(world: World) -> None:
    html = world.client("viewer").page(url_of(world, "acme"))
    stamps = re.findall(r'<time datetime="([^"]+)" title="([^"]+)"[^>]*>([^<]+)</time>', html)
    assert stamps
    for one in stamps:
        assert set(map(bool, one)) == {True}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one[0])


def test_a_failed_health_check_names_the_rule_it_was_judged_by(world: World) -> None:
    url = url_of(world, "waiting")
    assert "Judged by" not in world.client("viewer").page(url)
    world.stage.twins.web.answers("waiting-backend", *[502] * 60)
    world.stage.finish()
    words = text_of(world.client("viewer").page(url))
    [hostname] = re.findall(r"https?://(waiting-backend\S+)/\S*", words.split("Judged by")[1])[:1]
    assert f"Judged by GET https://{hostname}/" in words
    assert "healthy status codes 200-399 · tries 9 at most" in words, words
    assert "Judged by" not in world.client("viewer").page(url_of(world, "broken"))


def test_health_retries_stand_under_their_check(world: World) -> None:
    html = world.client("operator").page(url_of(world, "waiting"))
    row = next(r for r in rows_of(html) if "Check health" in r)
    retries = world.rows(DeploymentStep, step_key="health.retry")
    assert len(retries) == 2
    assert "Waiting" in row
    assert "2 of 8" in row
    assert "×3" in row
    assert "3 checks" in row
    assert "health.retry" not in html
    assert f'data-until="{retries[-1].due_at.timestamp()}"' in html
    assert "Run now" in row
    assert "Skip" in row


def test_the_failure_stands_on_top_with_its_words(world: World) -> None:
    html = world.client("operator").page(url_of(world, "broken"))
    card = html.split('class="panel failure"')[1].split("</div></div>")[0]
    assert "Failed at: Create domain of web" in text_of(card)
    assert "HTTP 400" in card
    assert "Retry" in card
    assert "Mark done" in card
    assert SCRIPT not in html


def test_viewers_see_no_buttons(world: World) -> None:
    person = world.client("viewer")
    for name in ("broken", "waiting"):
        page = person.page(url_of(world, name)).split("<main")[1]
        assert "<form" not in page
    tenant = world.row(Tenant, subdomain="acme")
    assert "<form" not in person.page(f"/tenants/{tenant.public_id}").split("<main")[1]


def test_its_place_in_line(world: World) -> None:
    person = world.client("operator")
    tenant = world.row(Tenant, subdomain="fresh")
    page = person.post(f"/tenants/{tenant.public_id}/deploy").location
    words = text_of(person.page(page))
    assert "Number 1 in line for target main, which takes 1 at a time" in words
    assert "Pending" in words


def test_a_resting_target_is_explained(world: World) -> None:
    with world.engine.begin() as conn:
        conn.execute(
            TargetRow.__table__.update().values(
                breaker_until=utcnow() + timedelta(minutes=2), breaker_reason="401 without a code."
            )
        )
    words = text_of(world.client("viewer").page(url_of(world, "waiting")))
    assert "Target main rests" in words
    assert "401 without a code." in words
    assert "Target main rests" in text_of(world.client("viewer").page("/"))


def test_the_live_part_answers_304_until_something_changes(world: World) -> None:
    person = world.client("operator")
    url = url_of(world, "waiting") + "/live"
    first = person.get(url)
    assert 'data-pace="live"' in first.text
    assert "<html" not in first.text
    tag = first.headers["ETag"]
    again = person.get(url, headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.data == b""
    step = world.row(DeploymentStep, status="waiting")
    person.post(f"/steps/{step.public_id}/run_now")
    changed = person.get(url, headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


def test_the_tag_differs_by_role(world: World) -> None:
    url = url_of(world, "waiting") + "/live"
    tags = {world.client(r).get(url).headers["ETag"] for r in ("viewer", "operator")}
    assert len(tags) == 2


def test_a_page_left_open_learns_that_its_session_ended(world: World) -> None:
    answer = world.client().get(url_of(world, "acme") + "/live", headers={"X-Live": "1"})
    assert answer.status_code == 401


def test_a_step_opens_below_its_row_and_as_a_page(world: World) -> None:
    person = world.client("viewer")
    made = world.row(Deployment, subdomain="acme")
    step = next(
        s for s in world.rows(DeploymentStep, deployment_id=made.id) if "wait_deploy" in s.step_key
    )
    url = f"/deployments/{made.public_id}/steps/{step.public_id}"
    part = person.get(url, headers={"X-Live": "1"}).text
    assert "<html" not in part
    for words in (
        "Attempts",
        "Log",
        "Request",
        "Answer",
        "Download",
        str(step.public_id),
        step.step_key,
    ):
        assert words in part
    assert "<html" in person.page(url)


def test_a_step_of_another_deployment_is_not_there(world: World) -> None:
    person = world.client("viewer")
    step = world.rows(DeploymentStep, deployment_id=world.row(Deployment, subdomain="acme").id)[0]
    assert person.get(f"{url_of(world, 'broken')}/steps/{step.public_id}").status_code == 404
    assert person.get(f"/deployments/{uuid4()}").status_code == 404


def test_the_log_as_text(world: World) -> None:
    answer = world.client("viewer").get(url_of(world, "acme") + "/log.txt")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ \w+ +\S", answer.text)


def test_the_live_part_follows_a_deployment_to_its_end(world: World) -> None:
    person = world.client("operator")
    url = url_of(world, "waiting") + "/live"
    assert 'data-pace="live"' in person.page(url)
    world.stage.finish()
    html = person.page(url)
    assert 'data-pace="still"' in html
    assert "Succeeded" in text_of(html)


def test_resuming_shows_the_new_run(world: World) -> None:
    person = world.client("operator")
    url = url_of(world, "broken")
    person.post(f"{url}/resume")
    html = person.page(url)
    assert "Number 1 in line" in text_of(html)
    assert 'class="panel failure"' not in html
    rows = rows_of(html)
    assert [r for r in rows if "Create domain" in r and "Pending" in r]
