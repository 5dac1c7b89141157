"""Outages: opened and closed once, each with one letter; a flap is nobody's business."""

from contextlib import suppress

import pytest
from sqlalchemy import update

from tenantry.models import Deployment, LetterOutbox, Outage, Tenant
from tests.stage import IMAGE_ONLY, Killed
from tests.watching.scenes import Scene, dies_at_statement


def test_a_probe_is_kept_with_its_status_and_its_time(scene: Scene):
    scene.deployed().minutes(200)
    (check,) = scene.checks
    assert (check.ok, check.http_status, check.latency_ms, check.planned) == (True, 200, 5, False)
    assert (scene.watch.state, scene.watch.latency_ms) == ("up", 5)
    assert scene.watch.leased_until is None
    (asked,) = [a for a in scene.twins.web.seen if a.url == scene.watch.url][-1:]
    assert asked.url == "https://acme.tools.example.com/"


def test_a_flap_opens_nothing_and_tells_nobody(scene: Scene):
    scene.deployed().minutes(200, 502, "refused", 200, 502, 502, 200)
    scene.post()
    assert scene.rows(Outage) == []
    assert scene.subjects == []
    assert scene.watch.state == "up"


def test_an_outage_has_one_letter_when_it_opens_and_one_when_it_closes(scene: Scene):
    scene.deployed(notify_emails=["client@example.com"])
    scene.minutes(200, 502, 502, 502, 502, 502)
    scene.post()
    assert scene.subjects == ["Acme: web is down"]
    (outage,) = scene.rows(Outage)
    assert outage.ended_at is None
    assert "answered 502, not 200-399" in outage.problem
    assert scene.watch.state == "down"
    scene.minutes(200)
    assert scene.watch.state == "down"
    scene.minutes(200, 200, 200)
    scene.post()
    assert scene.subjects == ["Acme: web is down", "Acme: web is up again"]
    (outage,) = scene.rows(Outage)
    assert outage.ending == "recovered"
    assert (outage.ended_at - outage.started_at).total_seconds() == pytest.approx(300, abs=2)
    down, up = scene.twins.mailer.outbox
    assert down.recipients == ("staff@example.com", "client@example.com")
    assert down.message_id == f"<{outage.public_id}.down@tenantry>"
    assert up.message_id == f"<{outage.public_id}.recovered@tenantry>"
    assert "Was down for: 5 m" in up.text
    assert "https://panel.example.com/tenants/" in up.text


def test_one_good_answer_amid_failures_closes_nothing(scene: Scene):
    scene.deployed().minutes(502, 502, 502, 200, 502, 200, 502)
    scene.post()
    assert scene.subjects == ["Acme: web is down"]


def test_failures_must_span_the_threshold_in_time(scene: Scene):
    scene.deployed()
    for _ in range(6):
        scene.later(10)
        scene.due()
        scene.twins.web.answers("", 502)
        scene.prober.probe()
    assert scene.rows(Outage) == []
    scene.minutes(502)
    assert len(scene.rows(Outage)) == 1


def test_nobody_is_told_where_there_is_nobody_to_tell(scene: Scene):
    scene.deployed(document=IMAGE_ONLY | {"notify_emails": []}).minutes(502, 502, 502)
    assert len(scene.rows(Outage)) == 1
    assert scene.rows(LetterOutbox) == []


def test_a_planned_restart_opens_nothing_and_is_marked(scene: Scene):
    scene.deployed().minutes(200, 502, 502)
    scene.write(Deployment, status="running")
    scene.minutes(502, 502, 502, 200)
    scene.write(Deployment, status="succeeded")
    assert [c.planned for c in scene.checks] == [False] * 3 + [True] * 4
    assert scene.rows(Outage) == []
    # What failed before the deployment is not counted on after it.
    scene.minutes(502, 502)
    assert scene.rows(Outage) == []
    scene.minutes(502)
    assert len(scene.rows(Outage)) == 1


def test_a_deployment_that_begins_during_a_probe_counts_as_well(scene: Scene):
    scene.deployed().minutes(200)
    scene.due()
    claimed = scene.prober.claim(5)
    scene.write(Deployment, status="running")
    scene.twins.web.answers("", 502)
    scene.prober.keep([scene.prober.ask(one) for one in claimed.assignments])
    assert scene.checks[-1].planned


@pytest.mark.parametrize("status", ["suspended", "archived"])
def test_a_tenant_that_is_away_is_skipped_and_says_so(scene: Scene, status: str):
    scene.deployed().minutes(200, 502, 502, 502)
    with scene.engine.begin() as conn:
        conn.execute(update(Tenant).values(status=status))
    asked = len(scene.twins.web.seen)
    scene.minutes(502, 502)
    assert len(scene.twins.web.seen) == asked
    assert (scene.watch.state, scene.watch.detail) == (
        "skipped",
        f"Not probed: the tenant is {status}",
    )
    (outage,) = scene.rows(Outage)
    assert outage.ending == status
    scene.post()
    assert scene.subjects == ["Acme: web is down"]
    with scene.engine.begin() as conn:
        conn.execute(update(Tenant).values(status="running"))
    scene.twins.web._given.clear()
    scene.minutes(200)
    assert (scene.watch.state, scene.watch.detail) == ("up", "")


def test_a_tenant_that_is_suspended_during_a_probe_is_skipped(scene: Scene):
    scene.deployed()
    claimed = scene.prober.claim(5)
    with scene.engine.begin() as conn:
        conn.execute(update(Tenant).values(status="suspended"))
    assert scene.prober.keep([scene.prober.ask(one) for one in claimed.assignments]) == 0
    assert scene.checks == []
    assert scene.watch.state == "skipped"


@pytest.mark.parametrize("post_dies_at", range(1, 6))
@pytest.mark.parametrize("state", ["down", "recovered"])
def test_a_prober_killed_anywhere_loses_no_letter_and_sends_one_too_many_at_most(
    scene: Scene, state: str, post_dies_at: int
):
    """
    Probing dies before each of its statements in turn, and is started again after each; then the
    postman dies once, before one of his.
    """
    good = state == "recovered"
    scene.deployed().minutes(502, 502)
    if good:
        scene.minutes(502, 200)
        scene.post()
    number, statement, finished = 200 if good else 502, 1, False
    while not finished:
        scene.later(60)
        scene.due()
        scene.twins.web._given.clear()
        scene.twins.web.answers("", number)
        try:
            with dies_at_statement(scene.engine, statement):
                scene.prober.probe()
            finished = True
        except Killed:
            statement += 1
    assert statement > 5
    scene.later(3600)
    with suppress(Killed), dies_at_statement(scene.engine, post_dies_at):
        scene.post()
    scene.later(3600)
    scene.post()
    letters = [m for m in scene.twins.mailer.outbox if m.message_id.endswith(f".{state}@tenantry>")]
    assert 1 <= len(letters) <= 2
    assert len({m.message_id for m in letters}) == 1
    assert len(scene.rows(Outage)) == 1
    (row,) = [r for r in scene.rows(LetterOutbox) if r.message_id == letters[0].message_id]
    assert row.sent_at is not None
