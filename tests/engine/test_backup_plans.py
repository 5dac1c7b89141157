"""A backup plan that is changed, switched off or dropped reaches what is stored on the target."""

from typing import Any

from sqlalchemy import select

from tenantry.models import TenantService
from tenantry.operations import backups, tenants
from tenantry.operations.wishes import Wish
from tests.engine.test_backups import policy, running, start
from tests.products import of_kind
from tests.stage import BACKEND, FRONTEND, ME, PRODUCT, Stage

__all__ = ["running"]


def nights_of(stage: Stage) -> list[Any]:
    rows = stage.twins.target.volume_backup_rows.values()
    return [r.seen.wish for r in rows if r.seen.wish.prefix == "tenantry-nightly"]


def test_a_changed_plan_reaches_the_stored_backup_of_a_volume(stage: Stage) -> None:
    stage.ready(of_kind("redis"))
    policy(stage)
    stage.deploy()
    stage.finish()
    policy(stage, schedule="0 5 * * *", retention_days=30)
    assert start(stage, Wish(force=True)).status == "succeeded"
    assert [(w.cron, w.keep, w.enabled) for w in nights_of(stage)] == [("0 5 * * *", 31, True)]
    policy(stage, enabled=False)
    assert start(stage, Wish()).status == "succeeded"
    assert [w.enabled for w in nights_of(stage)] == [False]


def dropped(stage: Stage) -> Any:
    stage.desk.do(lambda s: backups.drop_policy(s, ME, tenants.find(s, "acme")))
    return start(stage, Wish())


def test_a_plan_that_is_switched_off_or_dropped_fires_no_more(running: Stage) -> None:
    policy(running, enabled=False)
    assert start(running, Wish()).status == "succeeded"
    rows = running.twins.target.backup_rows
    nightly = [b.seen.wish for b in rows.values() if "nightly" in b.seen.wish.prefix]
    assert [w.enabled for w in nightly] == [False]
    assert dropped(running).status == "succeeded"
    assert not [b for b in rows.values() if "nightly" in b.seen.wish.prefix]


def test_volumes_of_services_are_copied_at_night(stage: Stage) -> None:
    with_volume = BACKEND | {"volumes": [{"name": "uploads", "path": "/data"}]}
    stage.ready(PRODUCT | {"services": [with_volume, FRONTEND]})
    policy(stage)
    stage.deploy()
    stage.finish()
    app = stage.service_row("backend").app_name
    assert [w.volume for w in nights_of(stage)] == [f"{app}-uploads"]
    assert start(stage, Wish(force=True)).status == "succeeded"
    assert len(nights_of(stage)) == 1
    assert dropped(stage).status == "succeeded"
    assert nights_of(stage) == []
    with stage.desk.reading() as session:
        kept = session.scalars(select(TenantService)).all()
    assert not any("backup" in row.applied for row in kept)
