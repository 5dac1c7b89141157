"""A check that fails is followed by rows of its own, exactly as in KERNEL §2.5."""

from typing import Any

from sqlalchemy import select, update

from tenantry.errors import Permanent
from tenantry.models import DeploymentStep, HealthCheck, StepAttempt
from tests.engine.scenes import message, quiet
from tests.stage import ME, PRODUCT, Stage

ONE = {**PRODUCT, "db_required": False, "services": [PRODUCT["services"][0] | {"env": {}}]}


def sick(stage: Stage, *answers: int | str) -> Stage:
    """The backend answers so, up to its health check."""
    stage.ready(ONE).deploy()
    stage.twins.web.answers("acme", *answers)
    while stage.step("health.check").status == "pending":
        head = next(s for s in stage.steps() if s.status in {"pending", "waiting"} and s.gates)
        if head.step_key == "health.check":
            break
        if head.status == "waiting":
            stage.pass_time(6)
        message(stage, head)
    stage.sent.clear()
    return stage


def checks(stage: Stage) -> list[Any]:
    return [s for s in stage.steps() if s.step_key.startswith("health.")]


def jobs(stage: Stage) -> list[tuple[int, str]]:
    return [(j.attempt, j.status) for j in stage.jobs() if j.job_type == "health"]


def rows(stage: Stage, table: Any) -> list[Any]:
    with stage.desk.reading() as session:
        return list(session.scalars(select(table).order_by(table.id)))


def test_a_check_that_fails_twice_and_then_passes(shipped: Stage) -> None:
    stage = sick(shipped, 503, "no answer")
    check = stage.step("health.check")
    order = check.order
    # 1 and 2: claimed, failed, followed.
    assert not message(stage, check)
    check, first = checks(stage)
    assert (check.status, check.retried_by_id, check.attempts) == ("failed", first.id, 1)
    assert (first.step_key, first.order, first.status) == ("health.retry", order + 1, "waiting")
    assert (first.gates, first.attempts) == (True, 0)
    assert jobs(stage) == [(1, "scheduled")]
    service = stage.service_row("backend")
    assert (service.health_tries, service.health_status) == (1, "unhealthy")
    wait = (first.due_at - check.ended_at).total_seconds()
    assert 7.9 < wait < 12.1
    assert service.next_wait_seconds == round(wait)
    (chain,) = stage.sent
    assert chain.links[0].step_id == first.id
    assert abs((chain.countdown or 0) - wait) < 0.1
    assert chain.task_id == next(j.job_id for j in stage.jobs() if j.step_id == first.id)
    # Too early: nothing happens.
    assert not message(stage, first)
    assert jobs(stage) == [(1, "scheduled")]
    # 3 and 4: the retry fails as well.
    stage.pass_time(13)
    seen: list[Any] = []
    hook = lambda name: seen.append(jobs(stage)) if name == "after_claim" else None  # noqa: E731
    assert not message(stage, first, stage.runner(at=hook))
    assert seen == [[(1, "running")]]
    _, first, second = checks(stage)
    assert (first.status, first.retried_by_id) == ("failed", second.id)
    assert (second.order, second.status) == (order + 2, "waiting")
    assert jobs(stage) == [(1, "completed"), (2, "scheduled")]
    assert stage.service_row("backend").health_tries == 2
    assert 15.9 < (second.due_at - first.ended_at).total_seconds() < 24.1
    # 5 and 6: it passes, and the chain goes on.
    stage.pass_time(25)
    assert message(stage, second)
    second = checks(stage)[2]
    assert (second.status, second.retried_by_id) == ("success", None)
    assert jobs(stage) == [(1, "completed"), (2, "completed")]
    service = stage.service_row("backend")
    assert (service.health_status, service.next_wait_seconds) == ("ok", 0)
    assert [(c.ok, c.http_status, c.latency_ms) for c in rows(stage, HealthCheck)] == [
        (False, 503, 5),
        (False, None, 5),
        (True, 200, 5),
    ]
    ids = [s.id for s in checks(stage)]
    tries = [a for a in rows(stage, StepAttempt) if a.step_id in ids]
    assert [(a.number, a.outcome) for a in tries] == [(1, "failed"), (1, "failed"), (1, "success")]
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_when_the_last_retry_fails_the_deployment_fails_with_it(shipped: Stage) -> None:
    stage = sick(shipped, *[500] * 30)
    stage.finish()
    steps = checks(stage)
    assert [s.step_key for s in steps] == ["health.check"] + ["health.retry"] * 8
    assert {s.status for s in steps} == {"failed"}
    assert [s.retried_by_id for s in steps] == [*(s.id for s in steps[1:]), None]
    assert {s.attempts for s in steps} == {1}
    deployment = stage.deployment()
    assert deployment.status == "failed"
    assert deployment.summary.startswith("Failed at health.retry: ")
    assert jobs(stage) == [(n, "completed") for n in range(1, 9)]
    assert stage.step("internal.provision").status == "pending"
    assert stage.service_row("backend").health_tries == 9
    assert "failed" in stage.twins.mailer.outbox[0].subject


def test_after_a_resume_the_retries_are_counted_afresh(shipped: Stage) -> None:
    stage = sick(shipped, *[500] * 30)
    stage.finish()
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.finish()
    steps = checks(stage)
    # The last row of the first epoch was tried once more, and eight new ones followed it.
    assert len(steps) == 17
    assert [s.epoch for s in steps] == [0] * 9 + [1] * 8
    assert steps[8].attempts == 2
    assert [s.order for s in steps] == [steps[0].order + n for n in range(17)]
    assert stage.deployment().status == "failed"
    stage.twins.web._given.clear()
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert len(checks(stage)) == 17


def test_a_full_hundred_fails_instead_of_running_into_the_next_step(shipped: Stage) -> None:
    stage = sick(shipped, *[500] * 30)
    check = stage.step("health.check")
    last = check.order + 98
    with stage.engine.begin() as conn:
        conn.execute(update(DeploymentStep).where(DeploymentStep.id == check.id).values(order=last))
    stage.finish()
    assert [(s.order, s.status) for s in checks(stage)] == [(last, "failed"), (last + 1, "failed")]
    assert stage.deployment().status == "failed"


def test_a_check_that_can_never_pass_fails_at_once(shipped: Stage) -> None:
    stage = quiet(shipped, {"health.check": [Permanent("there is no such address")]})
    stage.ready(ONE).deploy()
    stage.finish()
    assert len(checks(stage)) == 1
    assert stage.deployment().status == "failed"


def test_a_later_deployment_counts_its_tries_from_nothing(shipped: Stage) -> None:
    stage = sick(shipped, 503)
    stage.finish()
    assert stage.service_row("backend").health_tries == 1
    stage.deploy()
    stage.finish()
    assert stage.service_row("backend").health_tries == 0


def test_a_cancel_ends_the_retry_that_waits(shipped: Stage) -> None:
    stage = sick(shipped, *[500] * 5)
    message(stage, stage.step("health.check"))
    stage.desk.cancel(ME, str(stage.deployment().public_id))
    assert [s.status for s in checks(stage)] == ["failed", "cancelled"]
    assert jobs(stage) == [(1, "cancelled")]
    assert stage.deployment().status == "cancelled"
