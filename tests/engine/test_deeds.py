"""What staff do to one step: retry, run now, skip, mark done."""

import pytest
from sqlalchemy import select

from tenantry.errors import Conflict, Invalid, NotFound, Permanent
from tenantry.models import AuditEntry
from tests.engine.scenes import (
    KEY,
    NO,
    do,
    mails,
    one_failed,
    one_waits,
    quiet,
)
from tests.stage import IMAGE_ONLY, ME, Stage


def test_retry_of_a_failed_step_is_a_resume(shipped: Stage) -> None:
    stage = shipped
    one_failed(stage)
    do(stage, "retry", KEY)
    assert (stage.deployment().epoch, stage.deployment().status) == (1, "running")
    with pytest.raises(Conflict, match="only a failed step"):
        do(stage, "retry", KEY)
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_retry_of_a_mail_sends_it_once_more_without_a_new_epoch(shipped: Stage) -> None:
    stage = shipped
    quiet(stage, {"email.notify_success": [Permanent("550 no such user")]}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert mails(stage) == [("success", 0, "failed"), ("failure", 0, "skipped")]
    assert stage.jobs()[-1].status == "failed"
    do(stage, "retry", "email.notify_success")
    assert stage.jobs()[-1].status == "scheduled"
    stage.finish()
    assert stage.deployment().epoch == 0
    assert mails(stage)[0] == ("success", 0, "success")
    assert [j.status for j in stage.jobs()][-2:] == ["failed", "completed"]


def test_mail_of_an_earlier_run_is_not_retried(shipped: Stage) -> None:
    stage = shipped
    quiet(stage, {KEY: [NO], "email.notify_failure": [Permanent("550")]}).ready(IMAGE_ONLY)
    public_id = stage.deploy()
    stage.play()
    stage.desk.resume(ME, public_id)
    stage.finish()
    first = next(s for s in stage.steps() if s.step_key == "email.notify_failure")
    with pytest.raises(Conflict, match="earlier run"):
        stage.desk.step(ME, str(first.public_id), "retry")


def test_run_now_only_moves_the_due_time(shipped: Stage) -> None:
    stage = shipped
    one_waits(stage)
    before = stage.step(KEY)
    do(stage, "run_now", KEY)
    after = stage.step(KEY)
    assert after.due_at < before.due_at
    assert stage.jobs()[0].next_run_at < before.due_at
    assert (after.status, after.attempts, stage.deployment().epoch) == ("waiting", 1, 0)
    stage.play()
    assert stage.step(KEY).status == "success"
    with pytest.raises(Conflict, match="is not waiting"):
        do(stage, "run_now", KEY)


def test_a_skipped_step_is_passed_by_with_its_reason(shipped: Stage) -> None:
    stage = shipped
    one_waits(stage)
    for reason in ("", "no"):
        with pytest.raises(Invalid, match="3 to 500"):
            do(stage, "skip", KEY, reason)
    do(stage, "skip", KEY)
    step = stage.step(KEY)
    assert (step.status, step.message) == (
        "skipped",
        "Skipped by ada@example.com: because I say so",
    )
    assert stage.jobs()[0].status == "cancelled"
    with pytest.raises(Conflict, match="only an open step"):
        do(stage, "skip", KEY)
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_skipping_the_last_step_ends_the_deployment(shipped: Stage) -> None:
    stage = shipped
    one_waits(stage, "health.check")
    do(stage, "skip", "health.check")
    assert stage.deployment().status == "succeeded"
    assert stage.tenant_row().status == "running"
    stage.finish()


def test_a_step_of_a_deployment_that_does_not_run_may_be_skipped_too(shipped: Stage) -> None:
    stage = shipped
    public_id = one_failed(stage)
    do(stage, "skip", "health.check")
    assert stage.deployment().status == "failed"
    stage.desk.resume(ME, public_id)
    stage.finish()
    assert stage.step("health.check").status == "skipped"


def test_a_failed_step_may_be_called_done(shipped: Stage) -> None:
    stage = shipped
    one_failed(stage, "service.create")
    do(stage, "mark_done", "service.web.create")
    step = stage.step("service.web.create")
    assert (step.status, step.attempts) == ("success", 1)
    assert step.message == "Marked done by ada@example.com: because I say so"
    deployment = stage.deployment()
    assert (deployment.epoch, deployment.trigger_reason) == (1, "manual_fix")
    stage.finish()
    assert stage.deployment().status == "succeeded"
    with pytest.raises(Conflict, match="only a failed step"):
        do(stage, "mark_done", "service.web.create")


def test_the_last_step_called_done_ends_the_deployment(shipped: Stage) -> None:
    stage = shipped
    one_failed(stage, "health.check")
    do(stage, "mark_done", "health.check")
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_nothing_is_called_done_while_another_deployment_is_active(shipped: Stage) -> None:
    stage = shipped
    one_failed(stage)
    old = stage.step(KEY)
    new = stage.deploy()
    with pytest.raises(Conflict, match="supersedes"):
        stage.desk.step(ME, str(old.public_id), "mark_done", "by hand")
    assert stage.step(KEY).status == "failed"
    stage.desk.cancel(ME, new)


def test_deeds_and_steps_that_do_not_exist_are_not_found(shipped: Stage) -> None:
    one_failed(shipped)
    with pytest.raises(NotFound, match="no action"):
        do(shipped, "explode", KEY)
    for name in ("x", "00000000-0000-0000-0000-000000000000"):
        with pytest.raises(NotFound, match="no such step"):
            shipped.desk.step(ME, name, "retry")
        with pytest.raises(NotFound, match="no such deployment"):
            shipped.desk.cancel(ME, name)


def test_each_deed_leaves_an_audit_row(shipped: Stage) -> None:
    stage = shipped
    public_id = one_failed(stage)
    do(stage, "mark_done", KEY)
    stage.desk.cancel(ME, public_id)
    stage.desk.resume(ME, public_id, reason="again")
    with stage.desk.reading() as session:
        rows = session.execute(select(AuditEntry.action, AuditEntry.actor, AuditEntry.reason))
        seen = [tuple(row) for row in rows if not row.action.startswith(("template", "tenant"))]
    who = "ada@example.com"
    words = "because I say so"
    assert [row for row in seen if not row[0].startswith("secret")] == [
        ("deployment.create", who, ""),
        ("deployment.resume", who, f"{KEY} marked done: {words}"),
        ("step.mark_done", who, words),
        ("deployment.cancel", who, ""),
        ("deployment.resume", who, "again"),
    ]


def test_another_time_moves_the_due_time_and_nothing_else(shipped: Stage) -> None:
    stage = shipped
    one_waits(stage)
    before = stage.step(KEY)
    stage.desk.postpone(ME, str(before.public_id), 3600)
    after = stage.step(KEY)
    assert after.due_at > before.due_at
    assert stage.jobs()[0].next_run_at == after.due_at
    assert (after.status, after.attempts, after.intent_at) == ("waiting", 1, before.intent_at)
    assert stage.deployment().epoch == 0
    # A message that was published for the earlier time comes too early now.
    stage.pass_time(3100)
    stage.play()
    assert stage.step(KEY).status == "waiting"
    stage.pass_time(600)
    stage.play()
    assert stage.step(KEY).status == "success"
    with stage.desk.reading() as session:
        entry = session.scalars(select(AuditEntry).filter_by(action="step.postpone")).one()
    assert entry.before["due"] < entry.after["due"]


@pytest.mark.parametrize("seconds", [0, 59, 86_401, -1])
def test_another_time_is_from_a_minute_to_a_day_ahead(shipped: Stage, seconds: float) -> None:
    one_waits(shipped)
    with pytest.raises(Invalid, match="1 to 1440"):
        shipped.desk.postpone(ME, str(shipped.step(KEY).public_id), seconds)


def test_only_what_waits_gets_another_time(shipped: Stage) -> None:
    one_failed(shipped)
    with pytest.raises(Conflict, match="is not waiting"):
        shipped.desk.postpone(ME, str(shipped.step(KEY).public_id), 600)
