"""Workers, cancels and watchdogs at the same moment: the deployment's lock and the fence decide."""

import threading
from collections import Counter
from typing import Any, Self

import pytest
from sqlalchemy import Engine, select

from tenantry.errors import Conflict, Permanent
from tenantry.models import Deployment, StatusChange
from tenantry.operations import deployments, tenants
from tenantry.steps.outcomes import Done
from tests.engine.scenes import at_once, broken_rules, message, quiet
from tests.stage import IMAGE_ONLY, ME, Stage, die_at

KEY = "project.create"
NO = Permanent("no")


def outcomes(results: list[object]) -> tuple[list[object], list[Conflict]]:
    """Winners and losers; any other error is a failure of the test."""
    lost = [r for r in results if isinstance(r, Conflict)]
    other = [r for r in results if isinstance(r, BaseException) and not isinstance(r, Conflict)]
    assert other == []
    return [r for r in results if not isinstance(r, Conflict)], lost


class Working:
    """A worker in a thread of its own that stands inside a handler until it is let go."""

    def __init__(self, stage: Stage, answer: Any = None) -> None:
        self.inside, self.go = threading.Event(), threading.Event()
        self.stage, self.answer = stage, answer or Done("made", tenant={"dokploy_project_id": "p"})
        stage.handlers[KEY] = self._handler
        self.thread = threading.Thread(target=self._run)

    def _handler(self, _ctx: Any) -> Any:
        self.inside.set()
        assert self.go.wait(10)
        return self.answer

    def _run(self) -> None:
        message(self.stage, self.stage.step(KEY))

    def __enter__(self) -> Self:
        self.thread.start()
        assert self.inside.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self.go.set()
        self.thread.join(10)


def test_a_new_deployment_beside_a_running_one_names_it(stage: Stage) -> None:
    quiet(stage).ready(IMAGE_ONLY)
    running = stage.deploy()
    with Working(stage), pytest.raises(Conflict, match="already running") as caught:
        stage.deploy()
    assert caught.value.winner == running


def test_a_cancel_lets_the_running_step_finish_and_keeps_what_it_wrote(stage: Stage) -> None:
    quiet(stage).ready(IMAGE_ONLY)
    public_id = stage.deploy()
    with Working(stage):
        stage.desk.cancel(ME, public_id)
        assert stage.deployment().status == "running"
        assert stage.watchdog.repair()["cancelled"] == 0
        with pytest.raises(Conflict, match="cancelled already"):
            stage.desk.cancel(ME, public_id)
    assert stage.deployment().status == "cancelled"
    assert stage.step(KEY).status == "success"
    assert stage.tenant_row().dokploy_project_id == "p"
    assert stage.step("service.web.create").status == "cancelled"


def test_a_cancel_and_an_end_of_a_step_never_leave_it_running(stage: Stage) -> None:
    """The deployment's lock decides; without it, write skew cancels beside a running step."""
    quiet(stage).ready(IMAGE_ONLY)
    seen: Counter[str] = Counter()
    for number in range(8):
        public_id = stage.deploy() if number == 0 else _once_more(stage)
        chain = stage.sent.pop()
        outcomes(
            at_once(
                lambda c=chain: stage.run_chain(c),
                lambda p=public_id: stage.desk.cancel(ME, p),
                stage.watchdog.repair,
            )
        )
        stage.watchdog.repair()
        seen[stage.deployment().status] += 1
        assert broken_rules(stage.engine) == []
        stage.sent.clear()
    assert set(seen) <= {"cancelled", "succeeded"}


def _once_more(stage: Stage) -> str:
    public_id = str(stage.deployment().public_id)
    if stage.deployment().status == "succeeded":
        return stage.deploy()
    stage.desk.resume(ME, public_id)
    return public_id


def test_a_message_that_comes_many_times_at_once_runs_its_step_once(stage: Stage) -> None:
    stage.ready(IMAGE_ONLY).deploy()
    chain = stage.sent.pop()
    results = at_once(*[lambda: stage.run_chain(chain)] * 6)
    assert not [r for r in results if isinstance(r, BaseException)]
    stage.finish()
    assert stage.deployment().status == "succeeded"
    polls = {"service.web.wait_deploy"}
    assert {s.attempts for s in stage.steps() if s.gates and s.step_key not in polls} == {1}
    assert len(stage.twins.target.app("web").history) == 1


def test_many_watchdogs_notice_a_death_once(stage: Stage) -> None:
    quiet(stage).ready(IMAGE_ONLY).deploy()
    with pytest.raises(BaseException, match="after_claim"):
        message(stage, stage.step(KEY), stage.runner(at=die_at("after_claim")))
    stage.sent.clear()
    stage.pass_time(60)
    results: list[Any] = at_once(*[stage.watchdog.repair] * 5)
    assert sum(done["reaped"] for done in results) == 1
    assert (stage.step(KEY).lost, stage.step(KEY).status) == (1, "pending")
    stage.finish()


def test_many_watchdogs_end_a_deployment_once(stage: Stage) -> None:
    quiet(stage, {KEY: []}).ready(IMAGE_ONLY).deploy()
    with pytest.raises(BaseException, match="after_claim"):
        message(stage, stage.step(KEY), stage.runner(at=die_at("after_claim")))
    stage.desk.cancel(ME, str(stage.deployment().public_id))
    stage.pass_time(60)
    at_once(*[stage.watchdog.repair] * 5)
    assert stage.changes("deployment")[-2:] == [("pending", "running"), ("running", "cancelled")]
    assert len([j for j in stage.jobs() if j.job_type == "email"]) == 1
    stage.finish()


def test_a_claim_that_waited_for_the_settle_before_it_sees_what_that_wrote(stage: Stage) -> None:
    """
    A stray message of the second step waits for the first one's commit, and must then see the
    project that it made: read in the locking statement, PostgreSQL shows the tenant of before.
    """
    stage.ready(IMAGE_ONLY).deploy()
    stage.sent.clear()
    stray = stage.step("service.web.create")
    early = threading.Thread(target=lambda: message(stage, stray))

    def at(name: str) -> None:
        if name == "before_commit":
            early.start()
            early.join(0.4)

    message(stage, stage.step(KEY), stage.runner(at=at))
    early.join(10)
    assert stage.step("service.web.create").status in {"success", "pending"}
    stage.finish()
    assert stage.deployment().status == "succeeded"


def test_a_deployment_while_its_tenant_is_read_never_meets_a_locked_database(
    stage: Stage, engine: Engine
) -> None:
    quiet(stage)
    slug = stage.product(IMAGE_ONLY)

    def client(number: int) -> None:
        for turn in range(3):
            name = f"c{number}-{turn}"
            stage.tenant(name, slug)
            public_id = stage.deploy(name)
            if turn % 2:
                stage.desk.cancel(ME, public_id)
            with stage.desk.reading() as session:
                tenants.find(session, name)
                deployments.find(session, public_id)

    workers = [lambda: stage.play(most=2000)] * 2
    results = at_once(*[lambda n=n: client(n) for n in range(3)], *workers)
    assert [r for r in results if isinstance(r, BaseException)] == []
    stage.finish()
    with stage.desk.reading() as session:
        ended = Counter(session.scalars(select(Deployment.status)))
        moves = session.scalars(select(StatusChange.new).where(StatusChange.thing == "deployment"))
        assert "failed" not in set(moves)
    assert ended["succeeded"] >= 6
    assert ended.total() == 9


def test_readers_neither_wait_for_a_writer_nor_hold_one_up(stage: Stage) -> None:
    quiet(stage).ready(IMAGE_ONLY)
    with stage.desk.reading() as outer:
        assert tenants.find(outer, "acme").status == "pending"
        stage.deploy()
        with stage.desk.reading() as inner:
            assert tenants.find(inner, "acme").status == "provisioning"
        with stage.engine.begin() as conn:
            conn.execute(select(Deployment.id).with_for_update())
            with stage.desk.reading() as inner:
                assert tenants.find(inner, "acme").status == "provisioning"
    stage.finish()
