"""The hub: each line and each change is told once, whoever comes and goes."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, update
from sqlalchemy.exc import OperationalError

from tenantry.config import Settings
from tenantry.journal import Redactor, logged
from tenantry.models import Deployment, DeploymentStep
from tenantry.models.dbtime import db_now
from tenantry.steps.outcomes import LogText
from tenantry.web.events.hub import Hub, Watch
from tenantry.web.events.standing import standings
from tenantry.web.events.stream import last_told, stream_of
from tenantry.web.events.topic import MOST_LINES
from tests.stage import IMAGE_ONLY, Stage

SOON = 20.0


@pytest.fixture
def stage(engine: Engine, settings: Settings) -> Stage:
    """A deployment that was played to its end."""
    found = Stage(engine, settings).ready(IMAGE_ONLY)
    found.deploy()
    found.finish()
    return found


@pytest.fixture
def make_hub(stage: Stage) -> Iterator[Callable[..., Hub]]:
    """Hubs that ask often; none may outlive its test."""
    hubs = []

    def make(**more: Any) -> Hub:
        hubs.append(Hub(stage.desk.reading, **{"period": 0.02, "most": 200, **more}))
        return hubs[-1]

    yield make
    assert all(hub.watchers == 0 for hub in hubs)
    for hub in hubs:
        thread = hub._thread
        if thread is not None:
            thread.join(SOON)
        assert not hub.running


def write(stage: Stage, *texts: str, step_id: int | None = None) -> None:
    with stage.engine.begin() as conn:
        made = stage.deployment()
        logged(conn, Redactor(), made.id, step_id, 1, [LogText(texts)])


def touch(stage: Stage) -> None:
    with stage.engine.begin() as conn:
        conn.execute(update(Deployment).values(cancel_requested=True, updated_at=db_now()))


def texts(watch: Watch, number: int) -> list[str]:
    """So many lines, and all that comes at once behind them."""
    found: list[str] = []
    while len(found) < number:
        news = watch.next(SOON)
        assert news is not None, f"only {found} came"
        found += [line["text"] for line in news.lines]
    more = watch.next(0.2)
    return found + [line["text"] for line in more.lines] if more else found


def test_who_watches_from_now_is_told_the_mark_and_then_each_line_once(
    stage: Stage, make_hub: Callable[..., Hub]
) -> None:
    watch = make_hub().watch(stage.deployment().id)
    assert watch is not None
    first = watch.next(SOON)
    assert first is not None
    assert first.mark
    assert first.lines == []
    write(stage, "one", "two")
    write(stage, "three")
    assert texts(watch, 3) == ["one", "two", "three"]
    watch.leave()


def test_coming_back_goes_on_where_it_stopped(stage: Stage, make_hub: Callable[..., Hub]) -> None:
    hub = make_hub()
    deployment = stage.deployment()
    last = deployment.next_seq - 1
    seen: list[str] = []
    for number in range(6):
        watch = hub.watch(deployment.id, last, "")
        assert watch is not None
        write(stage, f"during {number}")
        seen += texts(watch, 2 if number else 1)
        last = watch.cursor or 0
        watch.leave()
        # Nobody watches now: the thread may end, and must find this line again.
        write(stage, f"between {number}")
    watch = hub.watch(deployment.id, last, "")
    assert watch is not None
    seen += texts(watch, 1)
    watch.leave()
    assert seen == [f"{when} {n}" for n in range(6) for when in ("during", "between")]


def test_one_who_comes_from_further_back_disturbs_nobody(
    stage: Stage, make_hub: Callable[..., Hub]
) -> None:
    hub = make_hub()
    deployment = stage.deployment()
    here = hub.watch(deployment.id, deployment.next_seq - 1)
    assert here is not None
    write(stage, "new")
    assert texts(here, 1) == ["new"]
    back = hub.watch(deployment.id, 2)
    assert back is not None
    write(stage, "newer")
    assert texts(here, 1) == ["newer"]
    told = texts(back, deployment.next_seq - 3 + 2)
    assert len(told) == deployment.next_seq - 3 + 2
    assert told[-2:] == ["new", "newer"]
    here.leave()
    back.leave()


def test_each_change_is_told_to_each_watcher(stage: Stage, make_hub: Callable[..., Hub]) -> None:
    hub = make_hub()
    deployment = stage.deployment()
    with stage.desk.reading() as session:
        mark = standings(session, [deployment.id])[deployment.id].mark
    two = [hub.watch(deployment.id, deployment.next_seq - 1, mark) for _ in range(2)]
    for watch in two:
        assert watch is not None
        assert watch.next(0.2) is None, "nothing has changed yet"
    touch(stage)
    for watch in two:
        assert watch is not None
        news = watch.next(SOON)
        assert news is not None
        assert news.mark not in {"", mark}
        watch.leave()


def test_a_step_alone_changes_the_mark(stage: Stage) -> None:
    with stage.desk.reading() as session:
        deployment = stage.deployment()
        before = standings(session, [deployment.id])[deployment.id].mark
    with stage.engine.begin() as conn:
        step = stage.steps()[0]
        conn.execute(
            update(DeploymentStep).where(DeploymentStep.id == step.id).values(hints=step.hints + 1)
        )
    with stage.desk.reading() as session:
        assert standings(session, [deployment.id])[deployment.id].mark != before


def test_who_is_too_far_behind_is_told_so(stage: Stage, make_hub: Callable[..., Hub]) -> None:
    deployment = stage.deployment()
    write(stage, *[f"line {n}" for n in range(MOST_LINES + 50)])
    watch = make_hub().watch(deployment.id, 1)
    assert watch is not None
    news = watch.next(SOON)
    assert news is not None
    assert news.gap
    assert len(news.lines) == MOST_LINES
    assert news.lines[-1]["text"] == f"line {MOST_LINES + 49}"
    assert watch.next(0.2) is None, "the gap is told once"
    watch.leave()


def test_strange_ids_are_no_place(stage: Stage, make_hub: Callable[..., Hub]) -> None:
    assert last_told("12-0123456789ab") == (12, "0123456789ab")
    assert last_told("12-") == (12, "")
    for text in ("", "x", "12", "-1-0123456789ab", "12-0123456789abc", "1" * 30 + "-"):
        assert last_told(text) == (None, "")
    watch = make_hub().watch(stage.deployment().id, 999_999_999)
    assert watch is not None
    assert watch.next(SOON) is not None
    write(stage, "after all")
    assert texts(watch, 1) == ["after all"]
    watch.leave()


def test_a_full_hub_takes_nobody_until_one_leaves(
    stage: Stage, make_hub: Callable[..., Hub]
) -> None:
    hub = make_hub(most=2)
    one, two = hub.watch(1), hub.watch(2)
    assert one is not None
    assert two is not None
    assert hub.watch(1) is None
    one.leave()
    one.leave()
    three = hub.watch(1)
    assert three is not None
    two.leave()
    three.leave()


def test_a_deployment_that_is_gone_ends_its_streams(
    stage: Stage, make_hub: Callable[..., Hub]
) -> None:
    watch = make_hub().watch(999_999)
    assert watch is not None
    assert watch.next(SOON) is None
    assert watch.over
    watch.leave()


def test_a_database_that_is_away_ends_streams_and_the_next_one_works(stage: Stage) -> None:
    broken = True

    def reading() -> Any:
        if broken:
            raise OperationalError("", {}, Exception("away"))
        return stage.desk.reading()

    hub = Hub(reading, most=200, period=0.02)
    watch = hub.watch(stage.deployment().id)
    assert watch is not None
    assert list(stream_of(watch, SOON))[-1].startswith("event: bye")
    broken = False
    again = hub.watch(stage.deployment().id)
    assert again is not None
    assert again.next(SOON) is not None
    again.leave()


def test_all_who_are_watched_are_one_question(stage: Stage) -> None:
    for number in range(5):
        stage.tenant(f"more{number}", "tools")
        stage.deploy(f"more{number}")
    with stage.engine.begin() as conn:
        conn.execute(
            update(Deployment).where(Deployment.subdomain > "more0").values(status="pending")
        )
    statements: list[str] = []
    with stage.desk.reading() as session:
        ids = list(session.scalars(select(Deployment.id)))
        event.listen(
            stage.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
        )
        found = standings(session, ids)
    assert len(found) == 6
    assert len([text for text in statements if text.startswith("SELECT")]) == 3
    assert sorted(one.place for one in found.values() if one.place) == [1, 2, 3, 4]
