"""How long it still takes, by what earlier runs took."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from tenantry.config import Settings
from tenantry.models import Deployment, DeploymentStep
from tenantry.web.timeline.forecast import (
    RUNS,
    Forecast,
    Medians,
    forecast,
    medians,
    medians_of,
    reckoned,
)
from tenantry.web.timeline.rows import rows_of
from tenantry.web.words import roughly
from tests.stage import IMAGE_ONLY, Stage

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@dataclass
class Step:
    id: int
    step_key: str
    status: str
    service_name: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    due_at: datetime | None = None
    retried_by_id: int | None = None
    deployment_id: int = 1


@dataclass(frozen=True)
class Line:
    step: Step
    status: str
    seconds: float | None

    @property
    def shown(self) -> Step:
        return self.step


def line(key: str, status: str, seconds: float | None = None, due: float | None = None) -> Any:
    step = Step(1, key, status, due_at=NOON + timedelta(seconds=due) if due else None)
    return Line(step, status, seconds)


def usual(**seconds: float) -> Medians:
    by_step = {(key.replace("_", "."), None): value for key, value in seconds.items()}
    return Medians(runs=7, by_step=by_step, by_kind={})


def test_what_is_done_counts_no_more_and_what_runs_counts_by_its_rest() -> None:
    rows = [line("a.x", "success", 50), line("b.x", "running", 4), line("c.x", "pending")]
    found = reckoned(usual(a_x=10, b_x=30, c_x=60), rows, NOON)
    assert found.whole == 100
    assert found.left == 26 + 60
    assert found.slow is None
    assert found.runs == 7


def test_what_takes_longer_than_usual_is_said_and_never_counts_below_nothing() -> None:
    found = reckoned(
        usual(a_x=10, b_x=5), [line("a.x", "running", 90), line("b.x", "pending")], NOON
    )
    assert found.left == 5
    assert found.slow == 10


def test_a_wait_counts_at_least_until_its_time() -> None:
    found = reckoned(usual(a_x=10), [line("a.x", "waiting", 9, due=40)], NOON)
    assert found.left == 40


def test_skipped_steps_are_no_part_of_it() -> None:
    found = reckoned(usual(a_x=10, b_x=20), [line("a.x", "skipped"), line("b.x", "pending")], NOON)
    assert found.whole == 20


def test_little_that_is_known_is_no_forecast() -> None:
    rows = [line(f"{c}.x", "pending") for c in "abc"]
    assert reckoned(usual(a_x=10), rows, NOON) == Forecast()
    assert reckoned(usual(), rows, NOON) == Forecast()


def test_its_error_in_words() -> None:
    whole = Forecast(runs=3, whole=200.0)
    assert whole.error(220.0) == "10 % longer"
    assert whole.error(175.0) == "12 % sooner"
    assert whole.error(200.4) == "as forecast"
    assert Forecast().error(10.0) == ""


def run(number: int, *steps: tuple[str, str | None, float]) -> list[Any]:
    return [
        Step(number * 100 + i, key, "success", service, NOON, NOON + timedelta(seconds=s),
             deployment_id=number)
        for i, (key, service, s) in enumerate(steps)
    ]  # fmt: skip


def test_medians_are_of_each_step_and_of_each_kind() -> None:
    rows = [
        step
        for number, seconds in enumerate((10, 20, 900), start=1)
        for step in run(number, ("service.web.deploy", "web", seconds), ("project.create", None, 1))
    ]
    found = medians_of(rows)
    assert found.runs == 3
    assert found.of(Step(0, "service.web.deploy", "pending", "web")) == 20
    assert found.of(Step(0, "service.api.deploy", "pending", "api")) == 20, "of its kind"
    assert found.of(Step(0, "db.create", "pending")) is None


def test_a_check_that_was_repeated_took_all_its_tries() -> None:
    first = Step(1, "health.check", "failed", "web", NOON, NOON + timedelta(seconds=2), None, 2)
    last = Step(2, "health.retry", "success", "web", NOON, NOON + timedelta(seconds=30))
    found = medians_of([first, last])
    assert found.of(first) == 30
    assert medians_of([replace(last, status="failed")]).by_step == {}


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3, "a few seconds"),
        (42, "about 40 s"),
        (58, "about 1 m"),
        (130, "about 2 m"),
        (3590, "about 1 h 0 m"),
        (7190, "about 2 h 0 m"),
        (5000, "about 1 h 20 m"),
        (None, "–"),
    ],
)
def test_guesses_are_told_roughly(seconds: float | None, words: str) -> None:
    assert roughly(seconds) == words


@pytest.fixture
def stage(engine: Engine, settings: Settings) -> Stage:
    return Stage(engine, settings).ready(IMAGE_ONLY)


def took(stage: Stage, seconds: float) -> None:
    """Each step of the newest deployment took so long."""
    with stage.engine.begin() as conn:
        newest = stage.deployment().id
        conn.execute(
            update(DeploymentStep)
            .where(DeploymentStep.deployment_id == newest, DeploymentStep.gates)
            .values(started_at=NOON, ended_at=NOON + timedelta(seconds=seconds))
        )


def asked_of(stage: Stage, deployment: Deployment) -> Medians:
    with stage.desk.reading() as session:
        return medians(session, deployment)


def test_only_earlier_runs_of_the_same_product_and_action_count(stage: Stage) -> None:
    for seconds in (10, 20, 30):
        stage.deploy()
        stage.finish()
        took(stage, seconds)
    step = stage.steps()[0]
    third = stage.deployment()
    assert asked_of(stage, third).of(step) == 15
    assert asked_of(stage, third).runs == 2
    with stage.engine.begin() as conn:
        conn.execute(
            update(Deployment).where(Deployment.id < third.id).values(template_name="Another")
        )
    assert asked_of(stage, third).runs == 0
    with stage.engine.begin() as conn:
        same = {"template_name": third.template_name, "action": "scale"}
        conn.execute(update(Deployment).where(Deployment.id < third.id).values(**same))
    assert asked_of(stage, third).runs == 0


def test_the_last_ones_count_and_one_query_finds_them(stage: Stage) -> None:
    for number in range(RUNS + 2):
        stage.deploy()
        stage.finish()
        took(stage, 1000 if number < 2 else 5)
    stage.deploy()
    now = stage.deployment()
    statements: list[str] = []
    with stage.desk.reading() as session:
        steps = [s for s in stage.steps(str(now.public_id)) if s.gates]
        rows = tuple(rows_of(now, steps, NOON))
        event.listen(
            stage.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
        )
        found = forecast(session, now, rows, NOON)
    assert found.runs == RUNS
    assert found.whole == 5 * len(rows)
    assert found.left == found.whole
    assert len(statements) == 1


@pytest.mark.parametrize(("status", "epoch"), [("failed", 0), ("cancelled", 0), ("succeeded", 1)])
def test_nothing_is_said_where_its_time_tells_nothing(
    stage: Stage, status: str, epoch: int
) -> None:
    stage.deploy()
    stage.finish()
    stage.deploy()
    now = stage.deployment()
    now.status, now.epoch = status, epoch
    with stage.desk.reading() as session:
        steps = [s for s in stage.steps(str(now.public_id)) if s.gates]
        assert forecast(session, now, tuple(rows_of(now, steps, NOON)), NOON) == Forecast()
