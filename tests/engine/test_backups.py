"""Backups on the small stage: a run counts only when its file was seen."""

from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import select

from tenantry.errors import Conflict, Invalid, Permanent, TargetDown
from tenantry.models import BackupRecord
from tenantry.operations import backups, tenants
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import BACKUP, TEARDOWN
from tenantry.ports import BackupFile, DestinationSeen
from tests.stage import BACKEND, FRONTEND, ME, PRODUCT, Stage

S3 = DestinationSeen("dst-1", "nightly store", "bucket")


def policy(stage: Stage, **given: Any) -> None:
    stage.twins.target.destination_rows[:] = [S3]

    def act(session: Any) -> None:
        tenant = tenants.find(session, "acme")
        wanted = {"destination": "nightly store", **given}
        backups.set_policy(session, ME, tenant, wanted, {S3.id: S3})

    stage.desk.do(act)


def records(stage: Stage) -> list[BackupRecord]:
    with stage.desk.reading() as session:
        return list(session.scalars(select(BackupRecord).order_by(BackupRecord.id)))


def start(stage: Stage, wish: Any) -> Any:
    stage.desk.deploy(ME, "acme", wish=wish)
    stage.finish()
    return stage.deployment()


@pytest.fixture
def running(stage: Stage) -> Stage:
    stage.ready()
    policy(stage)
    stage.deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded", stage.deployment().summary
    return stage


def test_the_first_deployment_stores_the_nightly_plan_once(running: Stage) -> None:
    target = running.twins.target
    stored = [row.seen.wish for row in target.backup_rows.values()]
    assert [(w.prefix, w.schedule, w.enabled) for w in stored] == [
        ("tenantry-nightly", "0 2 * * *", True)
    ]
    # Seven days of one run a day, and one more: what is kept covers the days.
    assert stored[0].keep == 8


def test_a_backup_now_leaves_a_record_with_its_file_and_size(running: Stage) -> None:
    assert start(running, backups.now).status == "succeeded"
    (made,) = records(running)
    assert (made.kind, made.outcome) == ("manual", "done")
    assert "/tenantry-manual/" in (made.path or "")
    assert (made.size_bytes or 0) > 20


def test_a_redeploy_is_gated_and_without_a_backup_nothing_changes(running: Stage) -> None:
    changed = PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "v2"}]}
    running.product(changed)
    assert start(running, Wish()).status == "succeeded"
    (gate,) = records(running)
    assert (gate.kind, gate.outcome) == ("gate", "done")
    target = running.twins.target
    stored = next(b for b in target.backup_rows.values() if "gate" in b.seen.wish.prefix)
    assert not stored.seen.wish.enabled
    target.plan_runs(stored.seen.id, "error")
    running.product(PRODUCT)
    ended = start(running, Wish())
    assert ended.status == "failed"
    assert "backup.gate" in ended.summary
    assert target.app("frontend").git.branch == "v2"
    assert records(running)[-1].outcome == "failed"
    # Left out, with a reason.
    assert start(running, Wish(ungated="the store is being moved")).status == "succeeded"
    assert target.app("frontend").git.branch == "main"


def test_a_file_that_is_implausibly_small_does_not_count(running: Stage, monkeypatch: Any) -> None:
    target = running.twins.target
    start(running, backups.now)
    real = type(target).backup_files

    def shrunk(self: Any, destination_id: str, folder: str) -> list[BackupFile]:
        found = list(real(self, destination_id, folder))
        new = {r.path for r in records(running)}
        return [f if f.path in new else BackupFile(f.path, 5) for f in found]

    monkeypatch.setattr(type(target), "backup_files", shrunk)
    ended = start(running, backups.now)
    assert ended.status == "failed"
    assert "does not count" in ended.summary


def test_a_run_whose_answer_was_lost_is_found_by_its_file_and_not_repeated(running: Stage) -> None:
    target = running.twins.target
    target.fail("run_backup", TargetDown("cut", outcome_known=False), "after")
    assert start(running, backups.now).status == "succeeded"
    assert len(target.files[S3.id]) == 1
    assert target.calls["run_backup"] == 1


def stored_id(stage: Stage, kind: str) -> str:
    rows = stage.twins.target.backup_rows.values()
    return str(next(b.seen.id for b in rows if kind in b.seen.wish.prefix))


def resume(stage: Stage) -> Any:
    stage.desk.resume(ME, str(stage.deployment().public_id))
    stage.finish()
    return stage.deployment()


def test_a_failed_run_whose_answer_was_lost_is_followed_by_a_fresh_one_on_resume(
    running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = running.twins.target
    start(running, backups.now)
    target.plan_runs(stored_id(running, "manual"), "error")
    real = type(target).run_backup

    def lost(self: Any, *args: Any, **more: Any) -> None:
        with suppress(Permanent):
            real(self, *args, **more)
        raise TargetDown("cut", outcome_known=False)

    with monkeypatch.context() as patch:
        patch.setattr(type(target), "run_backup", lost)
        assert start(running, backups.now).status == "failed"
    before = target.calls["run_backup"]
    assert resume(running).status == "succeeded"
    assert target.calls["run_backup"] == before + 1
    assert [r.outcome for r in records(running)] == ["done", "failed", "done"]


def test_a_file_that_does_not_count_is_no_answer_after_a_resume(
    running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = running.twins.target
    real = type(target).backup_files

    def empty(self: Any, destination_id: str, folder: str) -> list[BackupFile]:
        return [BackupFile(f.path, 3) for f in real(self, destination_id, folder)]

    target.fail("run_backup", TargetDown("cut", outcome_known=False), "after")
    with monkeypatch.context() as patch:
        patch.setattr(type(target), "backup_files", empty)
        assert start(running, backups.now).status == "failed"
    assert resume(running).status == "succeeded"
    assert len(target.files[S3.id]) == 2


def test_a_gate_that_failed_half_way_starts_afresh_on_resume(
    running: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = running.twins.target
    running.product(PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "v2"}]})
    real = type(target).backup_files
    with monkeypatch.context() as patch:
        patch.setattr(type(target), "backup_files", lambda *_: [])
        assert start(running, Wish()).status == "failed"
    assert len(target.files[S3.id]) == 1
    assert resume(running).status == "succeeded"
    assert [r.path for r in records(running) if r.outcome == "done"] == [
        real(target, S3.id, "")[-1].path
    ]
    assert len(target.files[S3.id]) == 2


@pytest.mark.parametrize("looks", [1, 2, 3])
def test_a_file_that_is_listed_late_is_waited_for(
    running: Stage, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    target = running.twins.target
    real, seen = type(target).backup_files, {"claims": 0}
    runs_seen = type(target).backups

    def claimed(self: Any, *args: Any) -> Any:
        seen["claims"] += 1
        return runs_seen(self, *args)

    def late(self: Any, destination_id: str, folder: str) -> Any:
        return real(self, destination_id, folder) if seen["claims"] > looks + 1 else []

    monkeypatch.setattr(type(target), "backups", claimed)
    monkeypatch.setattr(type(target), "backup_files", late)
    ended = start(running, backups.now)
    assert ended.status == "succeeded", ended.summary
    assert target.calls["run_backup"] == 1
    assert len(records(running)) == 1


def test_a_destination_that_refuses_fails_the_step_in_plain_words(running: Stage) -> None:
    target = running.twins.target
    target.destination_rows.clear()
    ended = start(running, backups.now)
    assert ended.status == "failed"
    assert not target.files.get(S3.id)


def test_without_a_policy_there_is_nothing_to_run(stage: Stage) -> None:
    stage.ready().deploy()
    stage.finish()
    with pytest.raises(Conflict, match="no backup policy"):
        stage.desk.deploy(ME, "acme", wish=backups.now)
    with pytest.raises(Invalid, match="destination"):
        policy(stage, destination="elsewhere")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"schedule": "every day"}, "schedule"),
        ({"schedule": "61 * * * *"}, "schedule (minute)"),
        ({"retention_days": 0}, "retention_days"),
        ({"gate": "yes"}, "gate"),
    ],
)
def test_bad_policies_are_refused_by_field(stage: Stage, given: Any, field: str) -> None:
    stage.ready()
    with pytest.raises(Invalid) as caught:
        policy(stage, **given)
    assert caught.value.field == field


def test_a_teardown_makes_a_last_backup_that_stays(running: Stage) -> None:
    assert start(running, Wish(action=TEARDOWN)).status == "succeeded"
    (last,) = records(running)
    assert (last.kind, last.outcome) == ("final", "done")
    assert [f.path for f in running.twins.target.files[S3.id]] == [last.path]


def restored(stage: Stage, typed: str = "acme") -> Any:
    with stage.desk.reading() as session:
        tenant = tenants.find(session, "acme")
        newest = backups.records(session, tenant)[0]
        return backups.restore(session, tenant, str(newest.public_id), typed, "data was lost")


def test_a_restore_is_refused_where_it_is_not_switched_on(running: Stage) -> None:
    start(running, backups.now)
    with pytest.raises(Invalid, match="type acme"):
        restored(running, "other")
    ended = start(running, restored(running))
    assert ended.status == "failed"
    assert "not switched on" in ended.summary
    assert running.twins.target.calls["restore"] == 0


def test_a_restore_backs_up_first_and_is_never_sent_twice(running: Stage) -> None:
    target = running.twins.target
    start(running, backups.now)
    target.able = type(target.able)(restore=True)
    assert start(running, restored(running)).status == "succeeded"
    assert target.calls["restore"] == 1
    assert [r.kind for r in records(running)] == ["manual", "gate"]
    target.fail("restore", TargetDown("cut", outcome_known=False), "after")
    ended = start(running, restored(running))
    assert ended.status == "failed"
    running.desk.resume(ME, str(ended.public_id))
    running.finish()
    assert running.deployment().status == "failed"
    assert "answer was lost" in running.deployment().summary
    assert target.calls["restore"] == 2


def test_the_actions_backup_covers_stand_in_the_history(running: Stage) -> None:
    ended = start(running, backups.now)
    assert (ended.action, ended.trigger_reason) == (BACKUP, "backup")
