"""Mail tells of the end and decides nothing."""

import pytest

from tenantry.errors import Permanent, Transient
from tests.engine.scenes import message
from tests.stage import IMAGE_ONLY, ME, Killed, Stage, die_at

OUTCOMES = ("success", "failure", "cancelled")


def ended(stage: Stage, outcome: str) -> str:
    """A deployment at its end, its mail not sent yet."""
    stage.ready(IMAGE_ONLY)
    if outcome == "failure":
        stage.twins.target.fail("create_project", Permanent("no"))
    public_id = stage.deploy()
    while stage.deployment().status == "running":
        if outcome == "cancelled" and stage.step("project.create").status == "success":
            stage.desk.cancel(ME, public_id)
            break
        head = next(s for s in stage.steps() if s.gates and s.status in {"pending", "waiting"})
        if head.status == "waiting":
            stage.pass_time(10)
        message(stage, head)
    return public_id


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_exactly_one_of_the_two_becomes_due(shipped: Stage, outcome: str) -> None:
    stage = shipped
    ended(stage, outcome)
    wanted = "email.notify_success" if outcome == "success" else "email.notify_failure"
    pair = {s.step_key: s for s in stage.steps() if not s.gates}
    mail = pair.pop(wanted)
    (other,) = pair.values()
    assert (mail.status, other.status) == ("pending", "skipped")
    assert mail.due_at is not None
    assert other.due_at is None
    (job,) = [j for j in stage.jobs() if j.job_type == "email"]
    assert (job.step_id, job.status, job.attempt) == (mail.id, "scheduled", 1)
    stage.finish()
    (letter,) = stage.twins.mailer.outbox
    assert letter.recipients == ("staff@example.com",)
    words = {"success": "succeeded", "failure": "failed", "cancelled": "cancelled"}
    assert letter.subject.endswith(words[outcome])


def test_no_mail_is_due_before_the_end(shipped: Stage) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    stage.deploy()
    for step in [s for s in stage.steps() if not s.gates]:
        assert step.due_at is None
        assert not message(stage, step)
    assert stage.twins.mailer.outbox == []


@pytest.mark.parametrize("trouble", [Transient("451 later"), Permanent("550 never")])
@pytest.mark.parametrize("outcome", ["success", "failure"])
def test_a_mail_that_cannot_be_sent_changes_nothing_of_the_end(
    shipped: Stage, outcome: str, trouble: Exception
) -> None:
    stage = shipped
    stage.twins.mailer.fail("send", trouble, times=50)
    ended(stage, outcome)
    before = stage.deployment().status
    stage.finish(seconds=400)
    mail = next(s for s in stage.steps() if not s.gates and s.attempts)
    assert mail.status == "failed"
    assert mail.attempts == (10 if isinstance(trouble, Transient) else 1)
    assert stage.deployment().status == before
    assert stage.jobs()[-1].status == "failed"
    assert stage.tenant_row().status == ("running" if outcome == "success" else "failed")


def test_a_letter_that_goes_out_twice_keeps_its_name(shipped: Stage) -> None:
    stage = shipped
    ended(stage, "success")
    with pytest.raises(Killed):
        message(stage, stage.step("email.notify_success"), stage.runner(at=die_at("before_settle")))
    stage.pass_time(60)
    stage.finish()
    first, second = stage.twins.mailer.outbox
    assert first.message_id == second.message_id
    assert first.text == second.text


def test_each_run_of_a_deployment_has_a_letter_of_its_own(shipped: Stage) -> None:
    stage = shipped
    public_id = ended(stage, "failure")
    stage.finish()
    stage.desk.resume(ME, public_id)
    stage.finish()
    names = [letter.message_id for letter in stage.twins.mailer.outbox]
    assert names == [f"<{public_id}.0.failed@tenantry>", f"<{public_id}.1.succeeded@tenantry>"]


def test_the_letter_tells_where_it_failed_and_in_which_words(shipped: Stage) -> None:
    stage = shipped
    ended(stage, "failure")
    stage.finish()
    (letter,) = stage.twins.mailer.outbox
    assert "Failed step: project.create" in letter.text
    assert "What it said: no" in letter.text
    assert "Steps: 0 of 8 done" in letter.text


def test_a_product_without_addressees_skips_its_mail(shipped: Stage) -> None:
    stage = shipped.ready({**IMAGE_ONLY, "notify_emails": []})
    stage.deploy()
    stage.finish()
    assert {s.status for s in stage.steps() if not s.gates} == {"skipped"}
    assert [j.status for j in stage.jobs() if j.job_type == "email"] == ["completed"]
    assert stage.deployment().status == "succeeded"
