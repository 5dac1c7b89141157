"""Targets: rows for what the configuration names."""

import threading

import pytest
from sqlalchemy import select

from tenantry.config import TargetSettings
from tenantry.errors import Invalid, NotFound
from tenantry.models import TargetRow
from tenantry.operations import targets
from tests.operations.ledger import audit
from tests.stage import ME, Stage


def named(*names: str, limit: int = 10) -> list[TargetSettings]:
    return [TargetSettings(name, f"https://{name}.example.com", "key", limit) for name in names]


def sync(stage: Stage, *names: str, limit: int = 10) -> list[tuple[str, int]]:
    return stage.desk.do(
        lambda s: [(r.name, r.max_in_flight) for r in targets.sync(s, named(*names, limit=limit))]
    )


def rows(stage: Stage) -> dict[str, TargetRow]:
    with stage.desk.reading() as session:
        return {row.name: row for row in session.scalars(select(TargetRow))}


def test_syncing_twice_changes_nothing(stage: Stage):
    assert sync(stage, "eu", "us") == sync(stage, "eu", "us") == [("eu", 10), ("us", 10)]
    assert len(rows(stage)) == 2


def test_a_limit_follows_the_configuration_and_rows_of_the_past_stay(stage: Stage):
    sync(stage, "eu", "us")
    known = rows(stage)["eu"].public_id
    assert sync(stage, "eu", limit=3) == [("eu", 3)]
    assert set(rows(stage)) == {"eu", "us"}
    assert rows(stage)["eu"].public_id == known


def test_nothing_of_a_targets_state_is_lost_by_a_sync(stage: Stage):
    sync(stage, "eu")
    stage.desk.do(lambda s: targets.drain(s, ME, targets.find(s, "eu"), draining=True))
    sync(stage, "eu", limit=4)
    assert rows(stage)["eu"].draining


def test_several_processes_may_sync_at_once(stage: Stage):
    start, troubles = threading.Barrier(4), []

    def run() -> None:
        start.wait()
        try:
            sync(stage, "eu", "us")
        except BaseException as trouble:  # noqa: BLE001 — shown below
            troubles.append(trouble)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    assert len(rows(stage)) == 2


def test_a_target_is_found_by_name_or_the_error_says_what_to_do(stage: Stage):
    sync(stage, "eu")
    with stage.desk.reading() as session:
        assert targets.find(session, "eu").name == "eu"
        assert targets.usable(session, "eu").name == "eu"
        with pytest.raises(NotFound, match="TARGET_MARS_URL"):
            targets.find(session, "mars")
        with pytest.raises(Invalid, match=r"target: must be a configured target \(eu\)"):
            targets.usable(session, "mars")


def test_without_any_target_the_error_says_so(stage: Stage):
    with stage.desk.reading() as session, pytest.raises(Invalid, match="none is configured"):
        targets.usable(session, "main", "field")


def test_draining_is_audited(stage: Stage):
    sync(stage, "eu")
    stage.desk.do(lambda s: targets.drain(s, ME, targets.find(s, "eu"), draining=True))
    stage.desk.do(lambda s: targets.drain(s, ME, targets.find(s, "eu"), draining=False))
    first, second = audit(stage, "target.drain")
    assert (first.before, first.after) == ({"draining": False}, {"draining": True})
    assert second.after == {"draining": False}
    assert not rows(stage)["eu"].draining
