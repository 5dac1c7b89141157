"""Waiting holds no worker: a status, a due time and one open job; budgets count failed tries."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from tenantry.engine import patience
from tenantry.engine.jobs import MOST_COUNTDOWNS
from tenantry.errors import Invalid, Permanent, SecretUnreadable, TargetDown, Transient
from tenantry.models import DeploymentStep, LogEntry, StepAttempt
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.steps.outcomes import Done, LogText, Skip, Wait
from tests.engine.scenes import message, quiet
from tests.stage import IMAGE_ONLY, ME, Killed, Stage, die_at

KEY = "project.create"


def scene(stage: Stage, *answers: object, kind: str = KEY) -> Stage:
    quiet(stage, {kind: answers}).ready(IMAGE_ONLY).deploy()
    stage.play()
    return stage


def again(stage: Stage, seconds: float, key: str = KEY) -> Any:
    stage.pass_time(seconds)
    message(stage, stage.step(key))
    return stage.step(key)


def watched(stage: Stage, seconds: float, key: str) -> Any:
    """Somebody is there to look all that time, and finds a first reason to look at its end."""
    stage.pass_time(seconds)
    with stage.engine.begin() as conn:
        conn.execute(
            update(DeploymentStep).where(DeploymentStep.step_key == key).values(due_at=db_now())
        )
    message(stage, stage.step(key))
    return stage.step(key)


def jobs(stage: Stage) -> list[tuple[int, str]]:
    return [(j.attempt, j.status) for j in stage.jobs() if j.job_type == "retry"]


def tries(stage: Stage) -> list[tuple[int, str]]:
    with stage.desk.reading() as session:
        rows = session.execute(
            select(StepAttempt.number, StepAttempt.outcome)
            .join(DeploymentStep, DeploymentStep.id == StepAttempt.step_id)
            .where(DeploymentStep.step_key == KEY)
            .order_by(StepAttempt.id)
        )
        return [tuple(row) for row in rows]


def test_polls_share_one_job_and_make_no_attempt(shipped: Stage) -> None:
    stage = scene(shipped, Wait(5, "one"), Wait(5, "two"), Wait(5, "three"))
    assert jobs(stage) == [(1, "scheduled")]
    step = again(stage, 6)
    assert (step.status, step.polls, step.attempts, step.message) == ("waiting", 2, 2, "two")
    assert jobs(stage) == [(2, "scheduled")]
    again(stage, 6)
    assert jobs(stage) == [(3, "scheduled")]
    assert tries(stage) == []
    step = again(stage, 6)
    assert (step.status, step.attempts, step.polls) == ("success", 4, 3)
    assert jobs(stage) == [(3, "completed")]
    assert tries(stage) == [(4, "success")]


def test_a_retry_completes_its_job_and_opens_another(shipped: Stage) -> None:
    stage = scene(shipped, Transient("a"), Wait(5, "b"), Transient("c"), Transient("d"))
    assert jobs(stage) == [(1, "scheduled")]
    again(stage, 7)
    assert jobs(stage) == [(2, "scheduled")]
    again(stage, 7)
    assert jobs(stage) == [(2, "completed"), (2, "scheduled")]
    again(stage, 20)
    assert jobs(stage) == [(2, "completed"), (2, "completed"), (3, "scheduled")]
    again(stage, 30)
    assert [status for _, status in jobs(stage)] == ["completed"] * 3
    assert tries(stage) == [(1, "failed"), (3, "failed"), (4, "failed"), (5, "success")]


def test_the_wait_grows_with_the_budget_and_not_with_polls(shipped: Stage) -> None:
    polls = [Wait(1, "not yet")] * 6
    stage = scene(shipped, *polls, Transient("x"), Wait(1, "y"), Transient("z"))
    for _ in range(5):
        again(stage, 2)
    for number in (0, 1):
        step = again(stage, 30)
        delay = (step.due_at - step.updated_at).total_seconds()
        assert 4 * 2**number - 1 < delay < 6 * 2**number + 1
        again(stage, 30)


def test_the_budget_counts_failed_tries_alone(shipped: Stage) -> None:
    """attempts - budget_from - lost - polls: twelve failed tries, however many claims."""
    answers: list[object] = []
    for number in range(12):
        answers += [Wait(1, "look"), Transient(f"trouble {number}")]
    stage = scene(shipped, *answers)
    while stage.step(KEY).status == "waiting":
        again(stage, 400)
    step = stage.step(KEY)
    assert (step.status, step.attempts, step.polls) == ("failed", 24, 12)
    assert step.message == "trouble 11 (tried 12 times)"
    assert stage.deployment().status == "failed"


def test_a_trouble_may_allow_fewer_tries(shipped: Stage) -> None:
    stage = scene(shipped, *[Transient("500 with a path", most_tries=3)] * 5)
    stage.finish()
    assert (stage.step(KEY).attempts, stage.step(KEY).status) == (3, "failed")


@pytest.mark.parametrize(("wish", "least", "most"), [(100.0, 99, 101), (1.0, 3.9, 6.1)])
def test_the_servers_wish_is_respected_where_it_is_longer(
    shipped: Stage, wish: float, least: float, most: float
) -> None:
    stage = scene(shipped, Transient("429", retry_after=wish))
    step = stage.step(KEY)
    delay = step.due_at - step.updated_at
    assert timedelta(seconds=least) < delay < timedelta(seconds=most)


@pytest.mark.parametrize("kind", ["service.wait_deploy", "domains.wait_propagation"])
def test_patience_ends_with_words(shipped: Stage, kind: str) -> None:
    stage = quiet(shipped, {kind: [Wait(5, "still nothing")] * 99}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.finish(seconds=100)
    key = kind.replace("service.", "service.web.")
    step = stage.step(key)
    assert step.status == "failed"
    assert step.message == "Gave up after 60 minutes. Last seen: still nothing"
    assert stage.deployment().status == "failed"


@pytest.mark.parametrize("kind", ["service.wait_deploy", "domains.wait_propagation"])
def test_patience_is_for_what_is_waited_for_not_for_those_who_should_look(
    shipped: Stage, kind: str
) -> None:
    """Nobody looked for five hours: the database, the broker or all workers were away."""
    stage = quiet(shipped, {kind: [Wait(5, "not yet")] * 99}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.play()
    key = kind.replace("service.", "service.web.")
    for _ in range(3):
        stage.pass_time(18_000)
        stage.play()
        assert stage.step(key).status == "waiting"
    for _ in range(30):
        stage.pass_time(120)
        stage.play()
    assert stage.step(key).message == "Gave up after 60 minutes. Last seen: not yet"


def test_an_outage_costs_no_patience(shipped: Stage) -> None:
    """More than an hour in which the target, and then its breaker, kept everybody away."""
    key = "service.web.wait_deploy"
    script = [Wait(5, "not yet"), *[TargetDown("away")] * 45, *[Wait(5, "it is back")] * 99]
    stage = quiet(shipped, {"service.wait_deploy": script}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.play()
    seconds = 0
    while stage.step(key).message != "it is back" and seconds < 20_000:
        seconds += 21
        stage.pass_time(21)
        message(stage, stage.step(key))
    assert seconds > 4_000
    assert stage.step(key).status == "waiting"
    for _ in range(35):
        stage.pass_time(120)
        message(stage, stage.step(key))
    assert stage.step(key).message == "Gave up after 60 minutes. Last seen: it is back"


def test_a_place_in_line_counts_in_its_own_epoch_alone() -> None:
    assert patience.seen({"seen": 3000.0, "seen_in": 2}, 2) == 3000.0
    assert patience.seen({"seen": 3000.0, "seen_in": 2}, 3) == 0.0
    assert patience.seen({"seen": 3000.0}, 0) == 3000.0
    assert patience.seen({}, 0) == 0.0


def test_lost_workers_cost_no_patience(shipped: Stage) -> None:
    """Of what blocks for minutes each takes its lease along, and the time to settle after it."""
    key = "service.web.wait_deploy"
    stage = quiet(shipped, {"service.wait_deploy": [Wait(5, "not yet")] * 99}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.play()
    for lost in range(1, 6):
        stage.pass_time(6)
        with pytest.raises(Killed):
            message(stage, stage.step(key), stage.runner("x", die_at("after_claim")), suspect=True)
        stage.pass_time(3700)
        assert stage.watchdog.repair()["reaped"] == 1
        message(stage, stage.step(key), suspect=True)
        step = stage.step(key)
        assert (step.status, step.lost) == ("waiting", lost)


def test_a_trouble_spends_a_try_and_no_patience(shipped: Stage) -> None:
    key = "service.web.wait_deploy"
    script = [Wait(5, "not yet"), Transient("a hiccup"), Done("there it is")]
    stage = quiet(shipped, {"service.wait_deploy": script}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.play()
    assert watched(stage, 4000, key).status == "waiting"
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_the_wait_for_the_next_try_costs_no_patience(shipped: Stage) -> None:
    """After each lost answer of db.deploy ten minutes pass before anybody may look."""
    key = "service.web.wait_deploy"
    lost = Transient("it broke off its answer", retry_after=1200, outcome_known=False)
    script = [lost, Wait(5, "not yet")] * 5 + [Done("there it is")]
    stage = quiet(shipped, {"service.wait_deploy": script}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.finish(seconds=100, rounds=200)
    assert (stage.step(key).status, stage.deployment().status) == ("success", "succeeded")


def test_a_resume_counts_all_of_its_own_wait(shipped: Stage) -> None:
    stage = quiet(shipped, {"domains.wait_propagation": [Wait(5, "not yet")] * 199})
    stage.ready(IMAGE_ONLY).deploy()
    stage.play()
    stage.pass_time(18_000)
    for _ in range(40):
        stage.play()
        stage.pass_time(120)
    assert stage.deployment().status == "failed"
    stage.desk.resume(ME, str(stage.deployment().public_id))
    began = stage.step("domains.wait_propagation").attempts
    for _ in range(40):
        stage.play()
        stage.pass_time(120)
    step = stage.step("domains.wait_propagation")
    assert (stage.deployment().status, began < step.attempts) == ("failed", True)


def test_what_a_last_poll_found_out_is_kept(shipped: Stage) -> None:
    trace = {"title": "mine", "before": []}
    last = Wait(5, "triggered again", {"build_trace": trace}, {"seen": 7})
    stage = scene(shipped, Wait(5, "first"), last, kind="service.wait_deploy")
    step = watched(stage, 4000, "service.web.wait_deploy")
    assert (step.status, step.details) == ("failed", {"seen": 7})
    assert stage.service_row("web").build_trace == trace


def test_patience_starts_again_with_a_resume(shipped: Stage) -> None:
    stage = scene(shipped, *[Wait(5, "nothing")] * 3, kind="service.wait_deploy")
    key = "service.web.wait_deploy"
    watched(stage, 4000, key)
    stage.desk.resume(ME, str(stage.deployment().public_id))
    assert message(stage, stage.step(key)) is False
    assert stage.step(key).status == "waiting"
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_a_short_wait_is_hinted_by_countdown_and_a_long_one_is_not(shipped: Stage) -> None:
    stage = quiet(shipped, {KEY: [Wait(60, "short"), Wait(61, "long")]}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.run_chain(stage.sent.pop())
    assert [chain.countdown for chain in stage.sent] == [60]
    assert stage.step(KEY).hinted_at == stage.step(KEY).due_at
    stage.sent.clear()
    again(stage, 61)
    assert stage.sent == []
    assert stage.step(KEY).hinted_at is None
    stage.pass_time(62)
    assert stage.watchdog.sweep() == 1


def test_few_countdowns_are_outstanding_at_a_time(shipped: Stage) -> None:
    stage = quiet(shipped, {KEY: [Wait(30, "x")], "health.check": [Transient("sick")]})
    stage.ready(IMAGE_ONLY).deploy()
    outstanding = {"due_at": db_now(30), "hinted_at": db_now(30), "status": "waiting"}
    first = stage.step(KEY)
    with stage.engine.begin() as conn:
        rows = [
            {
                "public_id": uuid7(),
                "deployment_id": first.deployment_id,
                "step_key": "email.notify_success",
                "order": 100_000 + number,
                "details": {},
            }
            for number in range(MOST_COUNTDOWNS)
        ]
        statement = insert(DeploymentStep).values(gates=False, epoch=9, message="", **outstanding)
        conn.execute(statement, rows)
    stage.run_chain(stage.sent.pop())
    assert stage.step(KEY).status == "waiting"
    stage.desk.step(ME, str(stage.step(KEY).public_id), "run_now")
    stage.run_chain(stage.sent.pop())
    assert stage.step("health.retry").status == "waiting"
    assert stage.sent == []
    assert stage.step("health.retry").hinted_at is None
    with stage.engine.begin() as conn:
        filler = DeploymentStep.__table__
        conn.execute(filler.delete().where(filler.c.order >= 100_000))


def test_a_step_with_nothing_to_do_is_skipped(shipped: Stage) -> None:
    stage = scene(shipped, Skip("nothing to do"))
    assert stage.step(KEY).status == "skipped"
    stage.finish()
    assert stage.deployment().status == "succeeded"


@pytest.mark.parametrize(
    "trouble",
    [
        SecretUnreadable("The secret x does not open"),
        Invalid("x", "must be"),
        Permanent("No."),
        Permanent("Unknown."),
    ],
)
def test_trouble_for_good_fails_at_the_first_try(shipped: Stage, trouble: Exception) -> None:
    stage = scene(shipped, trouble)
    step = stage.step(KEY)
    assert (step.status, step.attempts, step.message) == ("failed", 1, str(trouble))


def test_a_fault_of_ours_is_tried_three_times(shipped: Stage) -> None:
    stage = scene(shipped, *[ZeroDivisionError("secret detail")] * 5)
    stage.finish()
    step = stage.step(KEY)
    assert (step.status, step.attempts) == ("failed", 3)
    assert "secret detail" not in step.message
    assert "Unexpected ZeroDivisionError" in step.message


def test_facts_that_no_table_knows_are_a_fault_of_ours_and_write_nothing(shipped: Stage) -> None:
    stage = quiet(shipped, {KEY: [Done("made", tenant={"no_such": 1})]}).ready(IMAGE_ONLY)
    stage.deploy()
    with pytest.raises(KeyError, match="no_such"):
        message(stage, stage.step(KEY))
    assert stage.step(KEY).status == "running"
    stage.pass_time(60)
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_a_poll_that_sees_nothing_new_says_nothing_new(shipped: Stage) -> None:
    stage = scene(shipped, *[Wait(5, "the same")] * 3)
    again(stage, 6)
    again(stage, 6)
    with stage.desk.reading() as session:
        texts = list(session.scalars(select(LogEntry.text)))
    assert texts.count("project.create: the same") == 1


def test_log_lines_of_a_claim_are_kept_with_their_stream(shipped: Stage) -> None:
    def speak(ctx: Any) -> Done:
        ctx.say("one", "two", stream="stdout")
        ctx.log.append(LogText(["hidden"], hidden=True))
        return Done("ok")

    stage = scene(shipped, speak)
    with stage.desk.reading() as session:
        step_id = stage.step(KEY).id
        rows = session.scalars(select(LogEntry).where(LogEntry.step_id == step_id))
        seen = [(r.stream, r.hidden, r.text, r.attempt) for r in rows]
    assert seen == [
        ("stdout", False, "one", 1),
        ("stdout", False, "two", 1),
        ("system", True, "hidden", 1),
        ("system", False, "project.create: ok", 1),
    ]
