"""Leaving with a time of grace, and the housekeeping that ends it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from tenantry.clock import utcnow
from tenantry.errors import Conflict, Invalid
from tenantry.models import AuditEntry, BackupRecord, LetterOutbox, Tenant
from tenantry.operations import leaving, tenants
from tenantry.operations.housekeeping import Housekeeper
from tenantry.operations.nights import Nights
from tenantry.ports import BackupFile
from tests.engine.test_backups import S3, policy
from tests.stage import ME, Stage


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
