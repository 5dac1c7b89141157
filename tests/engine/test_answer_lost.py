"""A change whose answer is lost: the intent stays, the settle time passes, we look and adopt."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tenantry.errors import KeyRefused, Permanent, TargetDown, Transient
from tenantry.steps.build import trigger
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Outcome
from tests.engine.scenes import message
from tests.stage import IMAGE_ONLY, ME, Stage, die_at

# Which change belongs to which step; the last ones may be repeated, the first must not.
ONCE = {
    "create_project": "project.create",
    "create_database": "db.create",
    "deploy_database": "db.deploy",
    "create_application": "service.backend.create",
    "trigger_build": "service.backend.deploy",
    "create_domain": "domains.create",
}
REPEATED = {
    "settle_application": "service.backend.create",
    "attach_git": "service.backend.git_attach",
    "set_build": "service.backend.build_config",
    "set_environment": "service.backend.env_set",
}
FOR_EACH_SERVICE = {"create_application", "trigger_build", "create_domain"}


def one_of_each(stage: Stage) -> None:
    target = stage.twins.target
    assert len(target.project_rows) == 1
    assert sorted(s.name for s in target.services()) == ["backend", "frontend"]
    assert len(target.services("postgres")) == 1
    assert len(target.domain_rows) == 2
    assert all(len(target.app(name).history) == 1 for name in ("backend", "frontend"))


def stumbles(stage: Stage, look: Callable[[str, Any], None]) -> None:
    """Plays to the end and shows each step when it waits after its change went wrong."""
    steps = {key: method for method, key in (ONCE | REPEATED).items()}
    seen: set[str] = set()
    for _ in range(60):
        stage.play()
        for step in stage.steps():
            if step.status == "waiting" and step.message == "wrong" and step.step_key in steps:
                seen.add(step.step_key)
                look(steps[step.step_key], step)
        if not stage._open():
            break
        stage.pass_time(31)
    assert seen == set(steps)
    assert stage.deployment().status == "succeeded"
    one_of_each(stage)


def test_an_unknown_outcome_is_looked_at_after_the_settle_time(shipped: Stage) -> None:
    stage = shipped.ready()
    target = stage.twins.target
    for method in [*ONCE, *REPEATED]:
        target.fail(method, Transient("wrong", outcome_known=False), when="after")
    stage.deploy()

    def look(method: str, step: Any) -> None:
        settle = 600 if method == "deploy_database" else 30
        assert step.intent_at is not None
        assert step.due_at - step.intent_at >= timedelta(seconds=settle - 1)

    stumbles(stage, look)
    assert {m: target.calls[m] for m in ONCE} == {
        m: 2 if m in FOR_EACH_SERVICE else 1 for m in ONCE
    }
    assert {s.intent_at for s in stage.steps()} == {None}


def test_a_change_that_was_not_sent_is_tried_again(shipped: Stage) -> None:
    stage = shipped.ready()
    for method in [*ONCE, *REPEATED]:
        stage.twins.target.fail(method, Transient("wrong"), when="before")
    stage.deploy()

    def look(_method: str, step: Any) -> None:
        assert (step.intent_at, step.intent) == (None, None)
        assert step.due_at - step.updated_at < timedelta(seconds=13)

    stumbles(stage, look)


def test_a_provisioning_call_whose_answer_was_lost_repeats_its_key(shipped: Stage) -> None:
    stage = shipped.ready()
    lost = Transient("the answer was lost", outcome_known=False)
    stage.twins.web.fail("post", lost, when="after")
    stage.deploy()
    stage.finish()
    posts = [asked for asked in stage.twins.web.seen if asked.method == "POST"]
    assert len(posts) == 2
    assert len({asked.headers["Idempotency-Key"] for asked in posts}) == 1
    assert stage.tenant_row().status == "running"


def waiting_project(stage: Stage) -> Any:
    lost = Transient("the answer was lost", outcome_known=False)
    stage.twins.target.fail("create_project", lost, when="after")
    stage.ready(IMAGE_ONLY).deploy()
    stage.play()
    return stage.step("project.create")


def test_a_claim_inside_the_settle_time_goes_back_to_waiting(shipped: Stage) -> None:
    stage = shipped
    before = waiting_project(stage)
    stage.desk.step(ME, str(before.public_id), "run_now")
    stage.play()
    after = stage.step("project.create")
    assert (after.status, after.attempts, after.polls) == ("waiting", before.attempts, before.polls)
    assert after.intent_at == before.intent_at
    assert after.due_at == before.intent_at + timedelta(seconds=30)
    assert stage.jobs()[-1].next_run_at == after.due_at
    assert stage.twins.target.calls["projects_marked"] == 1


def test_resume_keeps_the_intent_and_its_settle_time(shipped: Stage) -> None:
    stage = shipped
    before = waiting_project(stage)
    public_id = str(stage.deployment().public_id)
    stage.desk.cancel(ME, public_id)
    stage.desk.resume(ME, public_id)
    stage.play()
    after = stage.step("project.create")
    assert (after.status, after.intent_at) == ("pending", before.intent_at)
    assert after.due_at == before.intent_at + timedelta(seconds=30)
    stage.finish()
    assert stage.twins.target.calls["create_project"] == 1


def test_a_lost_worker_keeps_the_intent_too(shipped: Stage) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    stage.deploy()
    with pytest.raises(BaseException, match="after_call"):
        message(stage, stage.step("project.create"), stage.runner(at=die_at("after_call")))
    stage.pass_time(55)
    stage.watchdog.repair()
    step = stage.step("project.create")
    assert (step.status, step.intent["deed"]) == ("pending", "create project")
    stage.finish()
    assert stage.twins.target.calls["create_project"] == 1


@pytest.mark.parametrize(
    "trouble",
    [TargetDown("not reached"), Transient("502"), KeyRefused("who are you?")],
    ids=["down", "transient", "key refused"],
)
def test_a_look_that_fails_tells_nothing_of_the_change_before_it(
    shipped: Stage, trouble: Exception
) -> None:
    """The build was triggered, the answer lost, and the first look after it failed as well."""
    stage = shipped.ready(IMAGE_ONLY)
    stage.deploy()
    target = stage.twins.target
    lost = Transient("the answer was lost", outcome_known=False)
    target.fail("trigger_build", lost, when="after")
    stage.play()
    intent = stage.step("service.web.deploy").intent
    assert intent["deed"] == "trigger build"
    stage.pass_time(31)
    target.fail("queue", trouble)
    stage.play()
    step = stage.step("service.web.deploy")
    assert (step.status, step.intent) == ("waiting", intent)
    stage.finish()
    assert target.calls["trigger_build"] == 1
    assert len(target.app("web").history) == 1


def test_a_refused_step_keeps_what_an_earlier_claim_may_have_done(shipped: Stage) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    stage.deploy()
    target = stage.twins.target
    target.fail("trigger_build", Transient("lost", outcome_known=False), when="after")
    stage.play()
    stage.pass_time(31)
    target.fail("queue", Permanent("403: you may not"))
    stage.play()
    step = stage.step("service.web.deploy")
    assert (step.status, step.intent["deed"]) == ("failed", "trigger build")
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.finish()
    assert target.calls["trigger_build"] == 1


def broken_after(real: Callable[[StepContext], Outcome]) -> Callable[[StepContext], Outcome]:
    """A handler with a fault of its own behind the change."""
    broke = False

    def handler(ctx: StepContext) -> Outcome:
        nonlocal broke
        answer = real(ctx)
        if not broke:
            broke = True
            raise KeyError("a fault of ours")
        return answer

    return handler


def test_a_fault_of_ours_behind_a_change_forgets_nothing(shipped: Stage) -> None:
    stage = shipped
    stage.handlers["service.deploy"] = broken_after(trigger)
    stage.ready(IMAGE_ONLY).deploy()
    stage.play()
    step = stage.step("service.web.deploy")
    assert step.message.startswith("Unexpected KeyError")
    assert step.intent["deed"] == "trigger build"
    stage.finish()
    assert stage.twins.target.calls["trigger_build"] == 1


def test_a_build_triggered_again_by_a_worker_that_died_is_followed(shipped: Stage) -> None:
    """The target restarts; the second trigger's worker dies before it can say so."""
    stage = shipped.ready(IMAGE_ONLY)
    target = stage.twins.target
    target.looks_to_end = None
    stage.deploy()
    stage.play()
    target.start_builds()
    target.restart()
    stage.pass_time(30)
    stage.watchdog.sweep()
    deadly = stage.runner(at=die_at("after_call"))
    with pytest.raises(BaseException, match="after_call"):
        stage.run_chain(stage.sent.pop(0), deadly)
    assert target.calls["trigger_build"] == 2
    for _ in range(4):
        stage.pass_time(55)
        stage.play()
        assert stage.step("service.web.wait_deploy").message == "Next in the target's queue"
    target.looks_to_end = 1
    stage.finish()
    assert target.calls["trigger_build"] == 2
    assert stage.deployment().status == "succeeded"


def test_the_time_to_settle_counts_from_the_end_of_the_call(shipped: Stage) -> None:
    """Sent late after its intent, its answer lost: "run now" must not make a second one."""
    stage = shipped.ready()
    stage.deploy()
    plain = stage.handlers["project.create"]

    def late(ctx: StepContext) -> Outcome:
        ctx.intend("create project")
        stage.pass_time(24)
        raise TargetDown("the connection broke", outcome_known=False)

    stage.handlers["project.create"] = late
    step = stage.step("project.create")
    assert not message(stage, step)
    stage.handlers["project.create"] = plain
    stage.pass_time(20)
    stage.desk.step(ME, str(step.public_id), "run_now", "")
    # More than the time to settle has gone by since the intent, and less since the send.
    assert not message(stage, stage.step("project.create"))
    assert stage.step("project.create").status == "waiting"
    assert stage.twins.target.calls["create_project"] == 0
    stage.pass_time(11)
    assert message(stage, stage.step("project.create"))
    assert stage.twins.target.calls["create_project"] == 1
