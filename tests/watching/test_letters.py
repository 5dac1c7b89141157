"""The outbox: letters wait for a server that is away, and for the earlier ones of their event."""

import pytest

from tenantry.errors import Permanent, Transient
from tenantry.models import LetterOutbox
from tests.watching.scenes import Scene


@pytest.fixture
def fallen(scene: Scene) -> Scene:
    """One letter is due."""
    scene.deployed().minutes(502, 502, 502)
    return scene


def test_a_letter_that_is_refused_for_now_is_sent_later_under_the_same_id(fallen: Scene):
    fallen.twins.mailer.fail("send", Transient("451 later"), times=2)
    fallen.post()
    assert fallen.subjects == []
    (row,) = fallen.rows(LetterOutbox)
    assert (row.attempts, row.problem) == (1, "451 later")
    for _ in range(2):
        fallen.later(3600)
        fallen.post()
    (letter,) = fallen.twins.mailer.outbox
    assert letter.message_id == row.message_id


def test_a_letter_that_is_refused_for_good_is_given_up_with_its_reason(fallen: Scene):
    fallen.twins.mailer.fail("send", Permanent("550 no"))
    fallen.post()
    fallen.later(9000)
    fallen.post()
    (row,) = fallen.rows(LetterOutbox)
    assert row.given_up_at is not None
    assert (row.attempts, row.problem) == (1, "550 no")
    assert fallen.subjects == []


def test_a_server_that_is_away_for_days_is_given_up(fallen: Scene):
    fallen.twins.mailer.fail("send", Transient("away"), times=100)
    for _ in range(40):
        fallen.later(5000)
        fallen.post()
    (row,) = fallen.rows(LetterOutbox)
    assert (row.attempts, row.given_up_at is None) == (30, False)


def test_the_news_of_a_recovery_waits_for_that_of_the_outage(fallen: Scene):
    fallen.twins.mailer.fail("send", Transient("451 later"))
    fallen.post()
    fallen.minutes(200, 200)
    # The first waits for its back-off; the second is due, and has to wait for it.
    fallen.write(LetterOutbox, due_at=fallen.rows(LetterOutbox)[0].due_at)
    fallen.later(3600)
    fallen.post()
    assert fallen.subjects == ["Acme: web is down", "Acme: web is up again"]


def test_probes_go_on_while_the_mail_server_is_away(fallen: Scene):
    fallen.twins.mailer.fail("send", Transient("away"), times=100)
    fallen.post()
    fallen.minutes(502, 200, 200)
    assert fallen.watch.state == "up"
    assert len(fallen.rows(LetterOutbox)) == 2


def test_a_letter_holds_no_markup_of_others(scene: Scene):
    scene.deployed(name="<b>A B</b>")
    scene.minutes(502, 502, 502)
    scene.post()
    (letter,) = scene.twins.mailer.outbox
    assert letter.subject == "<b>A B</b>: web is down"
    assert "<b>" not in letter.html
    assert "&lt;b&gt;A B&lt;/b&gt;: web is down" in letter.html
