"""Cancel and resume: what they end, what they keep, and what they make void."""

import pytest
from sqlalchemy import update

from tenantry.engine.transitions import move
from tenantry.errors import Conflict, Transient
from tenantry.models import TargetRow, Tenant
from tenantry.models.dbtime import db_now
from tenantry.steps import HANDLERS
from tenantry.steps.outcomes import Wait
from tests.engine.scenes import (
    KEY,
    NO,
    mails,
    message,
    one_failed,
    one_waits,
    quiet,
    then_freeze,
)
from tests.stage import IMAGE_ONLY, ME, Stage

# Cancel


def test_cancelled_before_it_started_it_tells_nobody(shipped: Stage) -> None:
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.desk.do(lambda s: s.execute(update(TargetRow).values(draining=True)))
    public_id = stage.deploy()
    assert stage.deployment().status == "pending"
    stage.desk.cancel(ME, public_id)
    assert stage.deployment().status == "cancelled"
    assert mails(stage) == [("success", 0, "skipped"), ("failure", 0, "skipped")]
    stage.finish()
    assert stage.twins.mailer.outbox == []
    assert stage.tenant_row().status == "pending"
    assert stage.jobs() == []


def test_cancelled_between_steps_it_ends_at_once(shipped: Stage) -> None:
    stage = shipped
    public_id = one_waits(stage, "service.create")
    stage.handlers["email.notify_failure"] = HANDLERS["email.notify_failure"]
    stage.desk.cancel(ME, public_id)
    deployment = stage.deployment()
    assert (deployment.status, deployment.summary) == ("cancelled", "Cancelled.")
    assert {s.status for s in stage.steps() if s.gates} == {"success", "cancelled"}
    assert stage.jobs()[0].status == "cancelled"
    assert stage.tenant_row().status == "pending"
    stage.finish()
    (letter,) = stage.twins.mailer.outbox
    assert "cancelled" in letter.subject
    assert mails(stage) == [("success", 0, "skipped"), ("failure", 0, "success")]


@pytest.mark.parametrize("answer", ["last success", "failure", "wait", "retry"])
def test_what_the_running_step_says_decides_how_a_cancel_ends(shipped: Stage, answer: str) -> None:
    kind = "health.check" if answer in {"last success", "retry"} else KEY
    said = {"last success": [], "failure": [NO], "wait": [Wait(5, "x")], "retry": [Transient("x")]}
    stage = quiet(shipped, {kind: said[answer]}).ready(IMAGE_ONLY)
    public_id = stage.deploy()
    while stage.step(kind).status == "pending":
        head = next(s for s in stage.steps() if s.status == "pending")
        hook = then_freeze("after_call", lambda: stage.desk.cancel(ME, public_id))
        message(stage, head, stage.runner(at=hook) if head.step_key == kind else None)
    ends = {"last success": "succeeded", "failure": "failed"}
    assert stage.deployment().status == ends.get(answer, "cancelled")
    open_jobs = [j for j in stage.jobs() if j.status in {"scheduled", "running"}]
    assert [j.job_type for j in open_jobs] == ["email"]
    stage.finish()


def test_a_tenant_that_serves_its_clients_stays_so(shipped: Stage) -> None:
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    stage.finish()
    quiet(stage, {KEY: [Wait(3000, "x")], "service.create": [NO]})
    public_id = stage.deploy()
    stage.play()
    assert stage.tenant_row().status == "running"
    stage.desk.cancel(ME, public_id)
    assert (stage.tenant_row().status, stage.tenant_row().attention) == ("running", "")
    stage.deploy()
    stage.finish()
    tenant = stage.tenant_row()
    assert (stage.deployment().status, tenant.status) == ("failed", "running")
    assert tenant.attention == "Failed at service.web.create: no"
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.finish()
    assert (stage.tenant_row().attention, stage.tenant_row().detail) == ("", "")


def test_what_has_ended_is_not_cancelled(shipped: Stage) -> None:
    public_id = one_failed(shipped)
    with pytest.raises(Conflict, match="has ended") as caught:
        shipped.desk.cancel(ME, public_id)
    assert caught.value.winner == public_id


def test_a_message_that_finds_a_cancel_wish_only_ends_the_deployment(shipped: Stage) -> None:
    """A wish that nobody acted upon, as an older version might leave it."""
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    with stage.engine.begin() as conn:
        conn.execute(update(type(stage.deployment())).values(cancel_requested=True))
    assert not message(stage, stage.step(KEY))
    assert (stage.deployment().status, stage.step(KEY).attempts) == ("cancelled", 0)
    assert not message(stage, stage.step("service.web.create"))


# Resume


def test_a_resume_makes_old_messages_void_and_goes_on_from_the_failed_step(
    shipped: Stage,
) -> None:
    stage = shipped
    public_id = one_failed(stage, "service.create")
    old = stage.step("service.web.create")
    assert [s.status for s in stage.steps()][:3] == ["success", "failed", "pending"]
    stage.desk.resume(ME, public_id, reason="fixed it")
    deployment = stage.deployment()
    assert (deployment.status, deployment.epoch, deployment.ended_at) == ("running", 1, None)
    step = stage.step("service.web.create")
    assert (step.status, step.budget_from, step.attempts) == ("pending", 1, 1)
    assert (step.lost, step.polls, step.started_at) == (0, 0, None)
    assert not stage.runner().run(old.deployment_id, old.id, 0)
    assert stage.step("service.web.create").status == "pending"
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert stage.step(KEY).attempts == 1
    assert mails(stage) == [
        ("success", 0, "skipped"),
        ("failure", 0, "success"),
        ("success", 1, "success"),
        ("failure", 1, "skipped"),
    ]


def test_mail_that_waits_when_its_deployment_is_resumed_is_dropped(shipped: Stage) -> None:
    stage = shipped
    quiet(stage, {KEY: [NO], "email.notify_failure": [Transient("451"), Transient("451")]})
    stage.ready(IMAGE_ONLY)
    public_id = stage.deploy()
    stage.play()
    assert mails(stage)[1] == ("failure", 0, "waiting")
    stage.desk.resume(ME, public_id)
    assert mails(stage)[1] == ("failure", 0, "skipped")
    assert [j.status for j in stage.jobs()] == ["completed", "cancelled"]
    stage.finish()


def test_mail_that_runs_when_its_deployment_is_resumed_is_not_tried_again(shipped: Stage) -> None:
    stage = shipped
    quiet(stage, {KEY: [NO], "email.notify_failure": [Transient("451 later")]})
    stage.ready(IMAGE_ONLY)
    public_id = stage.deploy()
    stage.run_chain(stage.sent.pop(0))
    hook = then_freeze("after_call", lambda: stage.desk.resume(ME, public_id))
    message(stage, stage.step("email.notify_failure"), stage.runner(at=hook))
    step = stage.step("email.notify_failure")
    assert (step.status, step.message) == (
        "skipped",
        "The deployment was resumed. Last seen: 451 later",
    )
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_only_failed_steps_run_where_that_is_wanted(shipped: Stage) -> None:
    stage = shipped
    public_id = one_failed(stage, "service.create")
    # Before a tenant ran once, the rest would be missing for good.
    with pytest.raises(Conflict, match="never deployed as a whole"):
        stage.desk.resume(ME, public_id, only_failed=True)
    with stage.engine.begin() as conn:
        conn.execute(update(Tenant).values(completed_at=db_now()))
    stage.desk.resume(ME, public_id, only_failed=True)
    assert [s.status for s in stage.steps() if s.gates][:3] == ["success", "pending", "skipped"]
    stage.finish()
    assert stage.deployment().status == "succeeded"
    ran = [s.step_key for s in stage.steps() if s.gates and s.status == "success"]
    assert ran == [KEY, "service.web.create"]


def test_where_nothing_failed_only_failed_steps_are_no_deployment(shipped: Stage) -> None:
    public_id = one_waits(shipped)
    shipped.desk.cancel(ME, public_id)
    with pytest.raises(Conflict, match="No step of this deployment has failed"):
        shipped.desk.resume(ME, public_id, only_failed=True)
    assert shipped.deployment().status == "cancelled"
    assert shipped.step(KEY).status == "cancelled"


@pytest.mark.parametrize("status", ["suspended", "archived"])
def test_a_tenant_that_is_away_is_not_resumed(shipped: Stage, status: str) -> None:
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    stage.finish()
    quiet(stage, {KEY: [NO]})
    public_id = stage.deploy()
    stage.play()
    with stage.engine.begin() as conn:
        move(conn, "tenant", status, Tenant.subdomain == "acme", reason="left")
    with pytest.raises(Conflict, match=status):
        stage.desk.resume(ME, public_id)
    with pytest.raises(Conflict, match=status):
        stage.deploy()
    assert stage.deployment(public_id).epoch == 0
    stage.finish()


def test_what_runs_or_succeeded_is_not_resumed(shipped: Stage) -> None:
    stage = shipped
    public_id = one_waits(stage)
    with pytest.raises(Conflict, match="is running; only"):
        stage.desk.resume(ME, public_id)
    stage.finish(seconds=3100)
    with pytest.raises(Conflict, match="is succeeded; only"):
        stage.desk.resume(ME, public_id)


def test_a_build_that_failed_is_built_again_by_a_resume(shipped: Stage) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    target = stage.twins.target
    public_id = stage.deploy()
    while not target.services():
        stage.run_chain(stage.sent.pop(0))
    target.plan_builds(target.app("web").seen.id, "error")
    stage.finish()
    assert stage.step("service.web.wait_deploy").status == "failed"
    stage.desk.resume(ME, public_id)
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert [b.status for b in target.app("web").history] == ["done", "error"]
    assert target.calls["trigger_build"] == 2
