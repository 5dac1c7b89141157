"""A target that refuses our key, or is away, is left in peace; nothing fails for it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from tenantry.errors import KeyRefused, Permanent, TargetDown, Transient
from tenantry.models import DeploymentStep, TargetRow
from tenantry.models.dbtime import db_now
from tenantry.operations import secrets, targets, templates
from tenantry.steps.outcomes import Done
from tests.engine.scenes import at_once, message, quiet
from tests.stage import IMAGE_ONLY, ME, Stage

KEY = "project.create"
REFUSED = KeyRefused("401 Unauthorized")
DOWN = TargetDown("it was not reached")


def target(stage: Stage) -> Any:
    with stage.desk.reading() as session:
        return session.scalars(select(TargetRow)).one()


def write(stage: Stage, **values: Any) -> None:
    with stage.engine.begin() as conn:
        conn.execute(update(TargetRow).values(**values))


def test_a_refused_key_pauses_the_target_and_fails_nothing(shipped: Stage) -> None:
    stage = quiet(shipped, {KEY: [REFUSED] * 20}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.play()
    step, row = stage.step(KEY), target(stage)
    assert (step.status, step.polls, step.intent_at) == ("waiting", 1, None)
    assert row.breaker_until > row.updated_at
    assert row.breaker_reason == "401 Unauthorized"
    for _ in range(30):
        stage.pass_time(200)
        stage.play()
    step = stage.step(KEY)
    # More claims than a budget has, and none of them was a failed try.
    assert (step.status, step.attempts - step.polls) == ("success", 1)
    assert step.attempts > 12
    row = target(stage)
    assert (row.breaker_until, row.breaker_count, row.breaker_reason) == (None, 0, "")
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_five_outages_open_it(shipped: Stage) -> None:
    stage = quiet(shipped, {KEY: [DOWN] * 5}).ready(IMAGE_ONLY)
    stage.deploy()
    for number in range(1, 6):
        stage.play()
        row = target(stage)
        assert row.breaker_count == number
        assert (row.breaker_until is not None) == (number == 5)
        stage.pass_time(200)
    stage.finish()
    assert target(stage).breaker_count == 0
    assert stage.deployment().status == "succeeded"


def test_workers_that_meet_an_outage_together_open_it_together(stage: Stage) -> None:
    quiet(stage, {KEY: [DOWN] * 5})
    slug = stage.product(IMAGE_ONLY)
    for name in "abcde":
        stage.tenant(f"t-{name}", slug)
        stage.deploy(f"t-{name}")
    chains, stage.sent[:] = list(stage.sent), []
    at_once(*[lambda c=c: stage.run_chain(c) for c in chains])
    assert target(stage).breaker_count == 5
    assert target(stage).breaker_until is not None
    stage.finish()


def test_an_answer_in_between_counts_from_nothing(shipped: Stage) -> None:
    stage = quiet(shipped, {KEY: [DOWN] * 4, "service.create": [DOWN] * 4}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    with stage.desk.reading() as session:
        assert session.scalars(select(TargetRow.breaker_until)).one() is None


@pytest.mark.parametrize("kind", ["domains.wait_propagation", "health.check"])
def test_an_answer_from_elsewhere_says_nothing_of_the_target(shipped: Stage, kind: str) -> None:
    stage = quiet(shipped).ready(IMAGE_ONLY)
    stage.deploy()
    while stage.step(kind).status == "pending":
        head = next(s for s in stage.steps() if s.status == "pending")
        if head.step_key == kind:
            write(stage, breaker_count=3)
        message(stage, head)
    assert stage.step(kind).status == "success"
    assert target(stage).breaker_count == 3


def test_an_answer_asked_for_before_it_opened_does_not_close_it(shipped: Stage) -> None:
    def slow(_ctx: Any) -> Done:
        write(stage, breaker_until=db_now(60), breaker_reason="401", breaker_count=4)
        return Done("an old answer")

    stage = quiet(shipped, {KEY: [slow]}).ready(IMAGE_ONLY)
    stage.deploy()
    write(stage, breaker_count=1)
    message(stage, stage.step(KEY))
    assert stage.step(KEY).status == "success"
    assert target(stage).breaker_reason == "401"


def test_steps_are_postponed_while_it_is_open_and_spend_nothing(shipped: Stage) -> None:
    stage = quiet(shipped, {KEY: [Transient("a hiccup")]}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.play()
    write(stage, breaker_until=db_now(300), breaker_reason="away")
    stage.pass_time(10)
    stage.watchdog.sweep()
    stage.pass_time(30)
    stage.play()
    step, row = stage.step(KEY), target(stage)
    assert (step.status, step.attempts) == ("waiting", 1)
    assert step.due_at == row.breaker_until
    assert stage.jobs()[-1].next_run_at == row.breaker_until
    assert step.due_at - step.updated_at > timedelta(seconds=200)
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_an_open_breaker_lets_nothing_in(shipped: Stage) -> None:
    stage = quiet(shipped).ready(IMAGE_ONLY)
    write(stage, breaker_until=db_now(60))
    stage.deploy()
    assert stage.deployment().status == "pending"
    assert stage.watchdog.repair()["admitted"] == 0
    stage.pass_time(61)
    assert stage.watchdog.repair()["admitted"] == 1
    stage.finish()


def test_a_draining_target_finishes_what_runs_and_lets_nothing_in(shipped: Stage) -> None:
    stage = quiet(shipped)
    slug = stage.product(IMAGE_ONLY)
    for name in ("one", "two"):
        stage.tenant(name, slug)
    running = stage.deploy("one")
    stage.desk.do(lambda s: targets.drain(s, ME, targets.find(s, "main"), draining=True))
    waiting = stage.deploy("two")
    stage.play()
    stage.pass_time(300)
    stage.play()
    assert stage.deployment(running).status == "succeeded"
    assert stage.deployment(waiting).status == "pending"
    stage.desk.do(lambda s: targets.drain(s, ME, targets.find(s, "main"), draining=False))
    stage.finish()
    assert stage.deployment(waiting).status == "succeeded"


def test_a_permission_that_is_missing_fails_its_step_alone(shipped: Stage) -> None:
    stage = quiet(shipped, {KEY: [Permanent("401: you may not create projects")]})
    stage.ready(IMAGE_ONLY).deploy()
    stage.finish()
    assert stage.deployment().status == "failed"
    assert target(stage).breaker_count == 0


def test_mail_goes_out_while_the_target_is_away(shipped: Stage) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    stage.twins.target.fail("projects_marked", Permanent("no"))
    stage.deploy()
    stage.run_chain(stage.sent.pop(0))
    write(stage, breaker_until=db_now(600))
    stage.play()
    assert len(stage.twins.mailer.outbox) == 1


def test_an_outage_costs_time_and_no_tries(shipped: Stage) -> None:
    """More outages than a step has tries, or a check has retries."""
    stage = quiet(shipped, {KEY: [DOWN] * 14, "health.check": [DOWN] * 14}).ready(IMAGE_ONLY)
    stage.deploy()
    for _ in range(40):
        stage.play()
        stage.pass_time(200)
    stage.finish()
    assert stage.deployment().status == "succeeded"
    for key in (KEY, "health.check"):
        step = stage.step(key)
        assert (step.status, step.polls, step.attempts) == ("success", 14, 15)
    assert "health.retry" not in [s.step_key for s in stage.steps()]


def test_an_outage_without_end_fails_the_step_after_all(shipped: Stage) -> None:
    away = TargetDown("away", retry_after=100, outcome_known=False)
    stage = quiet(shipped, {KEY: [away] * 20}).ready(IMAGE_ONLY)
    stage.deploy()
    stage.play()
    step = stage.step(KEY)
    assert step.due_at - step.updated_at > timedelta(seconds=98)
    with stage.engine.begin() as conn:
        conn.execute(update(DeploymentStep).values(polls=400, attempts=400))
    for _ in range(15):
        stage.pass_time(400)
        stage.play()
    assert (stage.step(KEY).status, stage.deployment().status) == ("failed", "failed")
    stage.finish()


def test_a_products_own_key_that_is_refused_pauses_that_product_alone(shipped: Stage) -> None:
    stage = quiet(shipped, {KEY: [REFUSED]}).ready(IMAGE_ONLY)

    def own_key(session: Session) -> None:
        scope = {"project_id": templates.find(session, "tools").id}
        secrets.put(session, ME, stage.desk.secrets, "dokploy_api_key", "its-own", **scope)

    stage.desk.do(own_key)
    stage.deploy()
    stage.play()
    assert stage.step(KEY).status == "waiting"
    assert target(stage).breaker_until is None
    stage.finish()
    assert stage.deployment().status == "succeeded"
