"""A worker that stands still beyond its lease: what it wakes up to say or send is refused."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from tenantry.adapters.streams import now
from tenantry.clock import monotonic
from tenantry.engine import runner as runner_module
from tenantry.errors import Transient
from tenantry.ports import HealthSeen
from tenantry.steps.outcomes import Done, Unhealthy
from tests.engine.scenes import elsewhere, message, quiet, then_freeze
from tests.stage import IMAGE_ONLY, Stage

LONG = 700.0


def taken_over(stage: Stage, rounds: int = 1) -> Callable[[], None]:
    """The lease runs out, the watchdog notices, another worker does the step."""

    def act() -> None:
        stage.sent.clear()
        for _ in range(rounds):
            stage.pass_time(LONG)
            stage.watchdog.repair()
        stage.watchdog.sweep()
        chain = stage.sent.pop(0)
        stage.run_chain(replace(chain, links=chain.links[:1]), stage.runner("other"))

    return lambda: elsewhere(act)  # type: ignore[return-value]


@pytest.mark.parametrize("point", ["after_claim", "before_intent", "after_call", "before_settle"])
def test_its_outcome_is_refused(shipped: Stage, point: str) -> None:
    stage = shipped.ready()
    stage.deploy()
    chain = stage.sent.pop(0)
    assert stage.run_chain(chain, stage.runner("old", then_freeze(point, taken_over(stage)))) == 1
    step = stage.step("project.create")
    assert (step.status, step.attempts, step.fence, step.lost) == ("success", 2, 2, 1)
    assert len(stage.twins.target.project_rows) == 1
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert len(stage.twins.mailer.outbox) == 1


@pytest.mark.parametrize("point", ["after_claim", "before_intent"])
def test_a_mail_that_another_worker_has_sent_is_not_sent_again(shipped: Stage, point: str) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    stage.deploy()
    while stage.deployment().status == "running":
        open_ones = (s for s in stage.steps() if s.status in {"pending", "waiting"} and s.gates)
        message(stage, next(open_ones))
        stage.pass_time(60)
    mail = stage.step("email.notify_success")
    assert mail.status == "pending"
    message(stage, mail, stage.runner("old", then_freeze(point, taken_over(stage))))
    mail = stage.step("email.notify_success")
    assert (mail.status, mail.attempts, mail.lost) == ("success", 2, 1)
    assert len(stage.twins.mailer.outbox) == 1


CHANGES = {
    "project.create": "create_project",
    "db.create": "create_database",
    "db.deploy": "deploy_database",
    "service.backend.create": "create_application",
    "service.backend.deploy": "trigger_build",
    "domains.create": "create_domain",
}


def test_nothing_is_sent_after_the_last_instant(shipped: Stage) -> None:
    """Frozen between its committed intent and the send: the transport itself refuses."""
    stage = shipped.ready()
    stage.deploy()
    refused: set[str] = set()

    def hook(name: str) -> None:
        if name != "before_call":
            return
        key = next(s.step_key for s in stage.steps() if s.status == "running")
        if key in CHANGES and key not in refused:
            refused.add(key)
            taken_over(stage)()
            stage.ports.send_until(monotonic())

    for _ in range(60):
        stage.play(stage.runner("old", hook))
        if not stage._open():
            break
        stage.pass_time(60)
    assert refused == set(CHANGES)
    assert stage.deployment().status == "succeeded"
    target = stage.twins.target
    # The refused sends were counted as calls, and did nothing.
    assert all(target.calls[method] >= 2 for method in CHANGES.values())
    assert len(target.project_rows) == 1
    assert len(target.services("postgres")) == 1
    assert len(target.services()) == len(target.domain_rows) == 2
    assert all(len(target.app(name).history) == 1 for name in ("backend", "frontend"))


def test_the_last_instant_leaves_the_whole_call_before_the_lease_ends(shipped: Stage) -> None:
    stage = shipped.ready(IMAGE_ONLY)
    stage.deploy()
    seen: list[tuple[float, Any]] = []

    def hook(name: str) -> None:
        if name == "before_call":
            assert now.send_until is not None
            seen.append((now.send_until - monotonic(), stage.step("project.create").lease_until))

    stage.run_chain(stage.sent.pop(0), stage.runner(at=hook))
    left, lease = seen[0]
    assert 20 < left <= stage.settings.times.lease_margin
    assert lease is not None
    assert now.send_until is None


def test_a_lease_that_ran_out_is_not_renewed_even_if_nobody_took_over(shipped: Stage) -> None:
    stage = shipped.ready()
    stage.deploy()
    late = then_freeze("before_intent", lambda: stage.pass_time(LONG))
    assert not message(stage, stage.step("project.create"), stage.runner("old", late))
    step = stage.step("project.create")
    assert (step.status, step.intent_at) == ("running", None)
    assert stage.twins.target.calls["create_project"] == 0


def test_an_outcome_in_time_counts_although_the_lease_ran_out(shipped: Stage) -> None:
    """The fence decides, not the clock: nobody has taken the step yet."""
    stage = shipped.ready()
    stage.deploy()
    late = then_freeze("before_settle", lambda: stage.pass_time(LONG))
    assert message(stage, stage.step("project.create"), stage.runner("old", late))
    assert stage.step("project.create").status == "success"


def test_a_failed_check_that_another_worker_repeated_adds_no_second_retry(shipped: Stage) -> None:
    stage = quiet(shipped, {"health.check": [Transient("sick"), Transient("sick")]})
    stage.ready(IMAGE_ONLY).deploy()
    while stage.step("health.check").status == "pending":
        head = next(s for s in stage.steps() if s.status == "pending")
        old = None
        if head.step_key == "health.check":
            old = stage.runner("old", then_freeze("before_settle", taken_over(stage)))
        message(stage, head, old)
    keys = [s.step_key for s in stage.steps()]
    assert keys.count("health.retry") == 1
    stage.finish()
    assert stage.deployment().status == "succeeded"


@contextmanager
def one_commit_without_answer(engine: Engine) -> Iterator[Callable[[], None]]:
    """The next commit after the call lands, and its answer is lost."""
    dialect: Any = engine.dialect
    real, at_once, cut = dialect.do_commit, runner_module.settle_at_once, False

    def arm() -> None:
        nonlocal cut
        cut = True

    def commit(connection: Any) -> None:
        nonlocal cut
        real(connection)
        if cut:
            cut = False
            raise OperationalError("COMMIT", {}, RuntimeError("connection reset"))

    def settle(*args: Any) -> bool:
        """The settle in one statement commits by itself, past the dialect."""
        nonlocal cut
        done = at_once(*args)
        if done and cut:
            cut = False
            raise OperationalError("UPDATE", {}, RuntimeError("connection reset"))
        return done

    dialect.do_commit, runner_module.settle_at_once = commit, settle
    try:
        yield arm
    finally:
        dialect.do_commit, runner_module.settle_at_once = real, at_once


@pytest.mark.parametrize("key", ["project.create", "health.check"])
def test_a_commit_whose_answer_was_lost_is_not_made_twice(shipped: Stage, key: str) -> None:
    sick = Unhealthy(HealthSeen(ok=False, status=500, latency_ms=1, problem="sick"))
    stage = quiet(shipped, {"health.check": [sick]})
    stage.ready(IMAGE_ONLY).deploy()
    with one_commit_without_answer(stage.engine) as arm:

        def at(name: str) -> None:
            if name == "before_commit" and stage_key == key:
                arm()

        while stage.step(key).status == "pending":
            head = next(s for s in stage.steps() if s.status == "pending" and s.gates)
            stage_key = head.step_key
            goes_on = message(stage, head, stage.runner(at=at))
        assert not goes_on
    stage.finish()
    assert stage.deployment().status == "succeeded"
    assert stage.step(key).attempts == 1


def test_a_settle_that_the_database_refused_is_repeated(stage: Stage) -> None:
    def refuse() -> None:
        raise OperationalError("UPDATE", {}, RuntimeError("deadlock detected"))

    quiet(stage, {"project.create": [Done("made")]}).ready(IMAGE_ONLY).deploy()
    runner = stage.runner(at=then_freeze("before_commit", refuse))
    assert message(stage, stage.step("project.create"), runner)
    assert stage.step("project.create").status == "success"


def test_a_database_that_stays_away_is_told_to_the_door_and_repaired(stage: Stage) -> None:
    def at(name: str) -> None:
        if name == "before_commit":
            raise OperationalError("UPDATE", {}, RuntimeError("gone"))

    quiet(stage).ready(IMAGE_ONLY).deploy()
    with pytest.raises(OperationalError):
        message(stage, stage.step("project.create"), stage.runner(at=at))
    assert stage.step("project.create").status == "running"
    stage.finish()
    assert stage.deployment().status == "succeeded"
