"""Leaving with a time of grace, and the housekeeping that ends it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tenantry.clock import utcnow
from tenantry.errors import Conflict, Invalid, SecretUnreadable, TargetDown
from tenantry.models import AuditEntry, BackupRecord, EnvVersion, LetterOutbox, Tenant
from tenantry.operations import environments, leaving, tenants
from tenantry.operations.housekeeping import Housekeeper
from tenantry.operations.nights import Nights
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import TEARDOWN
from tenantry.ports import BackupFile
from tests.engine.test_backups import S3, policy
from tests.products import of_kind
from tests.stage import BACKEND, FRONTEND, ME, PRODUCT, Stage


@pytest.fixture
def running(stage: Stage) -> Stage:
    stage.ready()
    policy(stage)
    stage.deploy()
    stage.finish()
    return stage


def leaves(stage: Stage, days: int = 14) -> None:
    def note(session: Any) -> Any:
        return leaving.leave(
            session, ME, tenants.find(session, "acme"), days=days, reason="contract ended"
        )

    wish = stage.desk.do(note)
    if wish:
        stage.desk.deploy(ME, "acme", wish=wish)
        stage.finish()


def time_is_up(stage: Stage) -> None:
    with stage.engine.begin() as conn:
        conn.execute(update(Tenant).values(teardown_at=utcnow() - timedelta(minutes=1)))


def test_until_the_time_has_come_it_only_rests_and_can_be_kept(running: Stage) -> None:
    leaves(running)
    keeper = Housekeeper(running.desk, running.ports)
    assert running.tenant_row().status == "suspended"
    assert keeper.depart() == 0
    wish = running.desk.do(lambda s: leaving.keep(s, ME, tenants.find(s, "acme")))
    running.desk.deploy(ME, "acme", wish=wish)
    running.finish()
    assert (running.tenant_row().status, running.tenant_row().teardown_at) == ("running", None)


def test_when_the_time_has_come_it_is_torn_down_once(running: Stage) -> None:
    leaves(running)
    time_is_up(running)
    keeper = Housekeeper(running.desk, running.ports)
    assert keeper.depart() == 1
    assert keeper.depart() == 0
    running.finish()
    assert running.deployment().status == "succeeded", running.deployment().summary
    with running.desk.reading() as session:
        gone = tenants.find(session, "acme", away=True)
        made = leaving.certificate(session, gone)
    assert gone.status == "archived"
    assert made is not None
    assert "project" in made.removed
    assert made.backups
    assert made.volumes
    assert keeper.depart() == 0


def test_a_teardown_that_failed_waits_for_people(running: Stage) -> None:
    leaves(running)
    time_is_up(running)
    target = running.twins.target
    environment = target.projects()[0].environment_id
    target.create_application(environment, "theirs", "theirs", "", None)
    keeper = Housekeeper(running.desk, running.ports)
    keeper.depart()
    running.finish()
    assert running.deployment().status == "failed"
    assert keeper.depart() == 0


def test_leaving_twice_or_without_a_reason_is_refused(running: Stage) -> None:
    leaves(running)
    with pytest.raises(Conflict, match="leaving already"):
        leaves(running)
    with pytest.raises(Invalid, match="days"):
        running.desk.do(
            lambda s: leaving.leave(s, ME, tenants.find(s, "acme"), days=366, reason="a reason")
        )
    with pytest.raises(Invalid, match="type acme"):
        running.desk.do(lambda s: leaving.teardown(tenants.find(s, "acme"), "acm", "a reason"))


def nightly_file(stage: Stage, hours_ago: float, size: int) -> str:
    at = utcnow() - timedelta(hours=hours_ago)
    name = stage.service_row("db").app_name
    path = f"{name}/tenantry-nightly/{at:%Y-%m-%dT%H-%M-%S}-000Z.sql.gz"
    stage.twins.target.files.setdefault(S3.id, []).append(BackupFile(path, size))
    return path


def test_the_files_of_the_nights_become_records_once(running: Stage) -> None:
    path = nightly_file(running, 3, 4096)
    nights = Nights(running.engine, running.ports, "https://panel.example.com")
    assert nights.look() == {"backups": 1, "overdue": 0}
    assert nights.look() == {"backups": 0, "overdue": 0}
    with running.desk.reading() as session:
        (kept,) = session.scalars(select(BackupRecord)).all()
    assert (kept.kind, kept.outcome, kept.path, kept.size_bytes) == (
        "nightly",
        "done",
        path,
        4096,
    )


def test_an_overdue_backup_is_told_once(running: Stage) -> None:
    with running.engine.begin() as conn:
        conn.execute(update(Tenant).values(completed_at=utcnow() - timedelta(days=4)))
    nightly_file(running, 2, 3)
    nights = Nights(running.engine, running.ports, "https://panel.example.com")
    # A file of three bytes is none.
    assert nights.look()["overdue"] == 1
    assert nights.look()["overdue"] == 0
    assert "overdue" in running.tenant_row().attention
    with running.desk.reading() as session:
        told = session.scalars(select(AuditEntry).where(AuditEntry.action == "backup.overdue"))
        assert len(told.all()) == 1
        (letter,) = session.scalars(select(LetterOutbox)).all()
    assert letter.subject == "Acme: its nightly backup is overdue"
    assert letter.recipients == ["staff@example.com"]


NIGHTS = "https://panel.example.com"


def copied(stage: Stage, service: str, volume: str, hours_ago: float) -> str:
    at = utcnow() - timedelta(hours=hours_ago)
    app_name = stage.service_row(service).app_name
    path = f"{app_name}/tenantry-nightly/{volume}-{at:%Y-%m-%dT%H-%M-%S}-000Z.tar"
    stage.twins.target.files.setdefault(S3.id, []).append(BackupFile(path, 4096))
    return path


def long_ago(stage: Stage) -> None:
    with stage.engine.begin() as conn:
        conn.execute(update(Tenant).values(completed_at=utcnow() - timedelta(days=9)))


def test_copies_of_a_databases_volume_are_found(stage: Stage) -> None:
    stage.ready(of_kind("redis"))
    policy(stage)
    stage.deploy()
    stage.finish()
    long_ago(stage)
    (stored,) = stage.twins.target.volume_backup_rows.values()
    path = copied(stage, "db", stored.seen.wish.volume, 3)
    nights = Nights(stage.engine, stage.ports, NIGHTS)
    assert nights.look() == {"backups": 1, "overdue": 0}
    assert nights.look() == {"backups": 0, "overdue": 0}
    with stage.desk.reading() as session:
        (kept,) = session.scalars(select(BackupRecord)).all()
    assert (kept.kind, kept.path, kept.crash_consistent) == ("nightly", path, True)


def test_each_volume_is_missed_by_itself(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    volumes = [{"name": "up", "path": "/up"}, {"name": "mail", "path": "/mail"}]
    stage.ready(PRODUCT | {"services": [BACKEND | {"volumes": volumes}, FRONTEND]})
    policy(stage)
    stage.deploy()
    stage.finish()
    app_name = stage.service_row("backend").app_name
    nightly_file(stage, 3, 4096)
    copied(stage, "backend", f"{app_name}-up", 3)
    nights = Nights(stage.engine, stage.ports, NIGHTS)
    # Stored a moment ago: nothing of them can be overdue.
    long_ago(stage)
    assert nights.look() == {"backups": 2, "overdue": 0}
    later = utcnow() + timedelta(hours=50)
    nightly_file(stage, -47, 4096)
    copied(stage, "backend", f"{app_name}-up", -47)
    monkeypatch.setattr("tenantry.operations.nights.utcnow", lambda: later)
    assert nights.look() == {"backups": 2, "overdue": 1}
    assert "nightly copy of backend" in stage.tenant_row().attention


def test_a_target_that_is_away_is_asked_once_in_a_round(stage: Stage) -> None:
    with_volume = BACKEND | {"volumes": [{"name": "up", "path": "/up"}]}
    stage.ready(PRODUCT | {"services": [with_volume, FRONTEND]})
    policy(stage)
    stage.deploy()
    stage.finish()
    target = stage.twins.target
    target.fail("backup_files", TargetDown("away"), times=9)
    before = target.calls["backup_files"]
    Nights(stage.engine, stage.ports, NIGHTS).look()
    assert target.calls["backup_files"] - before == 1


def test_a_teardown_wipes_the_values_and_keeps_their_history(running: Stage) -> None:
    store = running.desk.secrets

    def act(session: Any) -> None:
        place = environments.place_of(tenants.find(session, "acme"))
        environments.set_value(session, ME, store, place, "API_TOKEN", "hunter2-hunter2")
        environments.set_value(session, ME, store, place, "API_TOKEN", "hunter3-hunter3")

    running.desk.do(act)
    running.desk.deploy(ME, "acme", wish=Wish(action=TEARDOWN))
    running.finish()
    assert running.deployment().status == "succeeded", running.deployment().summary
    with running.desk.reading() as session:
        versions = session.scalars(select(EnvVersion)).all()
        assert [(v.encrypted_value, v.key_id) for v in versions] == [(b"", "")] * 2
        with pytest.raises(SecretUnreadable, match="wiped when its tenant was torn down"):
            environments.open_version(store, versions[0])
        place = environments.place_of(tenants.find(session, "acme", away=True))
        assert [v.number for v in environments.history(session, place, "API_TOKEN")] == [2, 1]
