"""Later changes after things went half right: nothing is forgotten, and nothing is claimed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from tenantry.clock import utcnow
from tenantry.errors import NothingToDo, Permanent
from tenantry.models import Tenant
from tenantry.operations import backups, leaving, rollbacks, scaling, tenants
from tenantry.operations.housekeeping import Housekeeper
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import RESTART
from tenantry.planning.limits import Capabilities
from tests.engine.test_backups import policy
from tests.stage import BACKEND, FRONTEND, ME, PRODUCT, Stage


def scaled(service: str, replicas: int | None = None, **limits: Any) -> Any:
    wanted = Scale(service, replicas, limits or None)
    return lambda session, tenant: scaling.store(session, ME, tenant, wanted, Capabilities())


def ended(stage: Stage, wish: Any) -> str:
    stage.desk.deploy(ME, "acme", wish=wish)
    stage.finish()
    return str(stage.deployment().status)


@pytest.fixture
def running(stage: Stage) -> Stage:
    stage.ready().deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    return stage


def nightly(stage: Stage) -> list[tuple[bool, str]]:
    rows = stage.twins.target.backup_rows.values()
    return [
        (r.seen.wish.enabled, r.seen.wish.schedule) for r in rows if "nightly" in r.seen.wish.prefix
    ]


def test_a_policy_that_comes_later_is_stored_changed_and_taken_back(running: Stage) -> None:
    policy(running)
    assert running.desk.preview(ME, "acme").differing == {"db": ("backup plan",)}
    assert ended(running, Wish()) == "succeeded", running.deployment().summary
    assert nightly(running) == [(True, "0 2 * * *")]
    assert running.desk.preview(ME, "acme").nothing
    policy(running, schedule="0 4 * * *")
    assert ended(running, Wish()) == "succeeded"
    assert nightly(running) == [(True, "0 4 * * *")]
    running.desk.do(lambda s: backups.drop_policy(s, ME, tenants.find(s, "acme")))
    assert ended(running, Wish()) == "succeeded"
    assert not [enabled for enabled, _ in nightly(running) if enabled]
    assert running.desk.preview(ME, "acme").nothing


def test_a_restart_claims_neither_a_scale_that_failed_nor_a_volume(running: Stage) -> None:
    target = running.twins.target
    target.fail("configure_application", Permanent("no"))
    assert ended(running, scaled("backend", 3)) == "failed"
    volumed = BACKEND | {"volumes": [{"name": "files", "path": "/files"}]}
    assert ended(running, Wish(action=RESTART, services=("frontend",))) == "succeeded"
    running.product(PRODUCT | {"services": [BACKEND, FRONTEND]})
    assert ended(running, scaled("backend", 3)) == "succeeded", running.deployment().summary
    assert len([c for c in target.app("backend").containers if c.wanted == "running"]) == 3
    with pytest.raises(NothingToDo):
        running.desk.deploy(ME, "acme", wish=scaled("backend", 3))
    running.desk.deploy(ME, "acme", wish=scaled("backend", 1))
    running.finish()
    running.product(PRODUCT | {"services": [volumed, FRONTEND | {"repo_branch": "v2"}]})
    assert ended(running, Wish(services=("frontend",))) == "succeeded"
    assert ended(running, Wish(action=RESTART, services=("backend",))) == "succeeded"
    assert "backend" in running.desk.preview(ME, "acme").differing
    assert ended(running, Wish()) == "succeeded", running.deployment().summary
    assert [m.path for m in target.app("backend").mounts] == ["/files"]


def test_a_rollback_touches_neither_the_database_nor_what_was_scaled(running: Stage) -> None:
    first = str(running.deployment().public_id)
    assert ended(running, scaled("db", None, memory_mb=4096)) == "succeeded"
    assert ended(running, scaled("backend", 3)) == "succeeded"
    running.product(PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "v2"}]})
    assert ended(running, Wish()) == "succeeded"

    def back(session: Any, tenant: Any) -> Wish:
        return rollbacks.prepare(session, tenant, first).wish

    assert ended(running, back) == "succeeded"
    keys = [s.step_key for s in running.steps(str(running.deployment().public_id))]
    assert not {"db.settings", "db.restart"} & set(keys)
    target = running.twins.target
    assert target.app("db").applied[0] == str(4096 * 1024 * 1024)
    assert target.app("backend").replicas == 3
    assert target.app("frontend").git.branch == "main"


def test_after_the_targets_own_rollback_the_way_forward_is_planned(running: Stage) -> None:
    target = running.twins.target
    target.app("frontend").rollback = True
    kept = running.deploy(services=("frontend",))
    running.finish()
    running.deploy(services=("frontend",))
    running.finish()
    with running.desk.reading() as session:
        wish = rollbacks.prepare(session, tenants.find(session, "acme"), kept).wish
    then = next(s for s in wish.rolled.services if s.name == "frontend")
    assert ended(running, wish) == "succeeded", running.deployment().summary
    assert running.service_row("frontend").commit_hash == then.roll_back_commit
    assert running.desk.preview(ME, "acme").differing == {"frontend": ("source",)}


def test_a_teardown_that_somebody_stopped_is_not_begun_again(running: Stage) -> None:
    def leave(session: Any) -> Any:
        tenant = tenants.find(session, "acme")
        return leaving.leave(session, ME, tenant, days=1, reason="contract ended")

    assert ended(running, running.desk.do(leave)) == "succeeded"
    with running.engine.begin() as conn:
        conn.execute(update(Tenant).values(teardown_at=utcnow() - timedelta(minutes=1)))
    keeper = Housekeeper(running.desk, running.ports)
    assert keeper.depart() == 1
    running.desk.cancel(ME, str(running.deployment().public_id))
    running.finish()
    assert running.deployment().status == "cancelled"
    assert keeper.depart() == 0


def test_a_blueprint_with_an_own_rollback_survives_its_json(running: Stage) -> None:
    spec = replace(
        rollbacks.from_json(running.deployment().blueprint).services[0],
        roll_back="rbk",
        roll_back_commit="abc",
    )
    assert (spec.roll_back, spec.roll_back_commit) == ("rbk", "abc")
