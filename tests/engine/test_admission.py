"""Who may start: as many as the target takes, the oldest first, and the next one at once."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, select, update

from tenantry.config import load
from tenantry.engine.progress import admit, lock_deployment
from tenantry.errors import Permanent
from tenantry.models import Deployment, StatusChange, TargetRow
from tenantry.operations import deployments
from tests.conftest import environment
from tests.engine.scenes import at_once, broken_rules, quiet
from tests.stage import IMAGE_ONLY, ME, Stage


@pytest.fixture
def two_places(engine: Engine, database_url: str) -> Iterator[Stage]:
    """A target that takes two at a time; handlers that only say Done."""
    settings = load(environment(database_url, TARGET_MAIN_LIMIT="2", TIME_DIVISOR="15"))
    scene = quiet(Stage(engine, settings))
    yield scene
    assert broken_rules(engine) == []


def tenants(stage: Stage, number: int) -> list[str]:
    slug = stage.product(IMAGE_ONLY)
    names = [f"t{n:02d}" for n in range(number)]
    for name in names:
        stage.tenant(name, slug)
    return names


def statuses(stage: Stage, ids: list[str]) -> list[str]:
    return [stage.deployment(key).status for key in ids]


def most_at_once(stage: Stage) -> int:
    """The most that ran together, by the history of moves."""
    running = most = 0
    for old, new in stage.changes("deployment"):
        running += (new == "running") - (old == "running")
        most = max(most, running)
    return most


def place(stage: Stage, public_id: str) -> int | None:
    with stage.desk.reading() as session:
        return deployments.place_in_line(session, deployments.find(session, public_id))


def test_the_limit_holds_the_oldest_go_first_and_the_rest_see_their_place(
    two_places: Stage,
) -> None:
    stage = two_places
    ids = [stage.deploy(name) for name in tenants(stage, 5)]
    assert statuses(stage, ids) == ["running", "running", "pending", "pending", "pending"]
    assert [place(stage, key) for key in ids] == [None, None, 1, 2, 3]
    assert stage.watchdog.repair()["admitted"] == 0
    stage.desk.cancel(ME, ids[2])
    assert [place(stage, key) for key in ids[3:]] == [1, 2]
    stage.finish()
    assert statuses(stage, ids) == ["succeeded"] * 2 + ["cancelled"] + ["succeeded"] * 2
    assert most_at_once(stage) == 2
    with stage.desk.reading() as session:
        started = session.scalars(
            select(Deployment.id)
            .where(Deployment.started_at.is_not(None))
            .order_by(Deployment.started_at, Deployment.id)
        )
        assert list(started) == sorted(stage.deployment(k).id for k in (*ids[:2], *ids[3:]))


@pytest.mark.parametrize("how", ["success", "failure", "cancel", "skip"])
def test_each_end_lets_the_next_one_in_at_once(two_places: Stage, how: str) -> None:
    stage = two_places
    ids = [stage.deploy(name) for name in tenants(stage, 3)]
    chain, stage.sent[:] = stage.sent[0], []
    if how == "cancel":
        stage.desk.cancel(ME, ids[0])
    elif how == "skip":
        for step in stage.steps(ids[0]):
            if step.gates:
                stage.desk.step(ME, str(step.public_id), "skip", "not needed")
    else:
        if how == "failure":
            quiet(stage, {"service.create": [Permanent("no")]})
        stage.run_chain(chain)
    assert statuses(stage, ids[1:]) == ["running", "running"]
    third = stage.deployment(ids[2]).id
    assert third in [chain.deployment_id for chain in stage.sent]


def test_a_resumed_one_keeps_its_place_in_line(two_places: Stage) -> None:
    stage = two_places
    names = tenants(stage, 5)
    quiet(stage, {"project.create": [Permanent("no")]})
    first = stage.deploy(names[0])
    stage.play()
    ids = [stage.deploy(name) for name in names[1:]]
    stage.desk.resume(ME, first)
    assert stage.deployment(first).status == "pending"
    assert place(stage, first) == 1
    assert [place(stage, key) for key in ids[2:]] == [2, 3]
    stage.desk.cancel(ME, ids[0])
    assert statuses(stage, [first, ids[2]]) == ["running", "pending"]


def test_eight_at_the_same_moment_never_pass_the_limit(two_places: Stage) -> None:
    stage = two_places
    results = at_once(*[lambda n=name: stage.deploy(n) for name in tenants(stage, 8)])
    assert all(isinstance(r, str) for r in results)
    admissions = at_once(*[lambda: stage.dispatcher.admit(1)] * 4, stage.watchdog.repair)
    assert not [r for r in admissions if isinstance(r, BaseException)]
    assert sorted(statuses(stage, [str(r) for r in results])) == ["pending"] * 6 + ["running"] * 2
    ended = at_once(*[lambda: stage.play(most=2000)] * 3)
    assert not [r for r in ended if isinstance(r, BaseException)]
    stage.finish()
    assert most_at_once(stage) == 2
    assert set(statuses(stage, [str(r) for r in results])) == {"succeeded"}


def test_a_candidate_that_somebody_holds_is_left_to_them(two_places: Stage) -> None:
    stage = two_places
    if stage.engine.dialect.name == "sqlite":
        pytest.skip("one writer at a time: nobody can hold a row meanwhile")
    names = tenants(stage, 4)
    with stage.engine.begin() as conn:
        conn.execute(update(TargetRow).values(draining=True))
    ids = [stage.deploy(name) for name in names]
    rows = [stage.deployment(key).id for key in ids]
    with stage.engine.begin() as conn:
        conn.execute(update(TargetRow).values(draining=False))
    with stage.engine.begin() as holder:
        lock_deployment(holder, rows[0])
        with stage.engine.begin() as conn:
            hints = admit(conn, 1)
    assert [hint.deployment_id for hint in hints] == rows[1:3]


def test_a_target_that_does_not_exist_admits_nothing(two_places: Stage) -> None:
    with two_places.engine.begin() as conn:
        assert admit(conn, 999) == []


def test_admission_tells_why(two_places: Stage) -> None:
    stage = two_places
    tenants(stage, 1)
    stage.deploy("t00")
    with stage.desk.reading() as session:
        reasons = session.scalars(
            select(StatusChange.reason).where(StatusChange.thing == "deployment")
        )
        assert list(reasons) == ["created", "admitted"]
