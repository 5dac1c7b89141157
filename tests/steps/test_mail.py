"""`email.notify_success` and `email.notify_failure`."""

import html
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import Permanent, Transient
from tenantry.ports import Letter
from tenantry.steps.mail import duration
from tenantry.steps.outcomes import Done, Skip
from tests.steps.scene import Scene

BEGIN = datetime(2026, 9, 8, 12, 0, tzinfo=UTC)
EVIL = "<script>alert(1)</script>\r\nBcc: evil@example.com\u2028x"


class Tags(HTMLParser):
    """The tags of a page, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.text += data


def tell(scene: Scene, outcome: str = "succeeded", **told) -> Letter:
    scene.outcome = outcome
    scene.told = {"started_at": BEGIN, "ended_at": BEGIN + timedelta(seconds=200), **told}
    scene.claim(f"email.notify_{'success' if outcome == 'succeeded' else 'failure'}")
    return scene.twins.mailer.outbox[-1]


def test_success_tells_tenant_duration_addresses_and_a_link(scene: Scene):
    letter = tell(scene, steps_done=22, steps_planned=22)
    assert letter.subject == "Acme: deployment succeeded"
    assert letter.recipients == ("a@example.com", "b@example.com")
    for words in (
        "Tenant: Acme (acme)",
        "Product: Acme DMS",
        "Steps: 22 of 22 done",
        "Started: 2026-09-08T12:00:00Z",
        "Duration: 3 m 20 s",
        "Address: acme-backend.example.com",
        "Timeline: https://panel.example.com/deployments/0190-deployment",
    ):
        assert words in letter.text
    page = Tags(letter.html)
    assert page.links == ["https://panel.example.com/deployments/0190-deployment"]
    assert "Acme DMS" in page.text
    assert "Failed step" not in letter.text


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
def test_failure_tells_the_step_and_its_words_and_no_address(scene: Scene, outcome: str):
    letter = tell(
        scene, outcome, failed_step="health.check (backend)", failed_message="it answered 502"
    )
    assert letter.subject == f"Acme: deployment {outcome}"
    assert "Failed step: health.check (backend)" in letter.text
    assert "What it said: it answered 502" in letter.text
    assert "Address:" not in letter.text
    assert "it answered 502" in Tags(letter.html).text


def test_a_deployment_that_never_started_has_no_duration(scene: Scene):
    letter = tell(scene, "cancelled", started_at=None)
    assert "Duration" not in letter.text
    assert "Failed step" not in letter.text


def test_a_letter_sent_twice_has_the_same_id_and_a_resumed_deployment_another(scene: Scene):
    ids = [tell(scene).message_id, tell(scene).message_id]
    scene.resume()
    ids.append(tell(scene).message_id)
    ids.append(tell(scene, "failed").message_id)
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert ids[0] == "<0190-deployment.0.succeeded@tenantry>"


def test_an_answer_that_was_lost_sends_the_same_letter_again(scene: Scene):
    scene.twins.mailer.fail("send", Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        tell(scene)
    tell(scene)
    first, second = scene.twins.mailer.outbox
    assert first == second


def test_what_is_about_to_be_sent_is_committed_first(scene: Scene):
    tell(scene)
    scene.twins.mailer.fail("send", Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        tell(scene)
    memory = scene.step("email.notify_success", None)
    assert memory.intent == {"deed": "send", "message_id": "<0190-deployment.0.succeeded@tenantry>"}


def test_a_refused_letter_is_permanent(scene: Scene):
    scene.twins.mailer.fail("send", Permanent("550 no such user"))
    with pytest.raises(Permanent, match="550"):
        tell(scene)


def test_nobody_to_tell_is_no_failure(scene: Scene):
    scene.blueprint = replace(scene.blueprint, notify_emails=())
    scene.outcome = "succeeded"
    assert isinstance(scene.claim("email.notify_success"), Skip)
    assert not scene.twins.mailer.outbox


def test_one_recipient_is_counted_as_one(scene: Scene):
    scene.blueprint = replace(scene.blueprint, notify_emails=("a@example.com",))
    done = scene.claim("email.notify_success")
    assert isinstance(done, Done)
    assert done.message == "Sent to 1 address"


def test_markup_and_line_ends_in_names_are_text_and_make_no_line_of_their_own(scene: Scene):
    scene.blueprint = replace(scene.blueprint, tenant_name=EVIL, template_name=EVIL)
    letter = tell(scene, "failed", failed_step=EVIL, failed_message=EVIL)
    page = Tags(letter.html)
    assert "script" not in page.tags
    assert "<script>alert(1)</script>" in page.text
    assert letter.subject.splitlines() == [letter.subject]
    assert not [line for line in letter.text.splitlines() if line.startswith(("Bcc", "x"))]
    message = EmailMessage()
    message["Subject"] = letter.subject
    assert list(message) == ["Subject"]


@given(st.text(max_size=40))
def test_no_name_breaks_the_letter(name: str):
    scene = Scene()
    scene.blueprint = replace(scene.blueprint, tenant_name=name, template_name=name)
    letter = tell(scene, "failed", failed_step=name, failed_message=name)
    plain = tell(Scene(), "failed", failed_step="x", failed_message="x")
    lines = len(plain.text.splitlines())
    assert len(letter.text.splitlines()) == lines if name else lines - 2
    assert Tags(letter.html).tags == Tags(plain.html).tags or not name
    assert html.unescape(letter.html).count("</h1>") >= 1
    letter.text.encode()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 s"),
        (0.4, "0 s"),
        (59.6, "1 m"),
        (200, "3 m 20 s"),
        (3600, "1 h"),
        (90061, "25 h 1 m 1 s"),
    ],
)
def test_durations_are_short(seconds: float, words: str):
    assert duration(seconds) == words
