"""Resting and leaving with all that was ever made of a tenant, whatever its release holds now."""

from dataclasses import replace
from typing import Any

import pytest

from tenantry.errors import Permanent, TargetDown
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import RESTART, SUSPEND, TEARDOWN, UNSUSPEND
from tests.engine.test_backups import policy
from tests.engine.test_life import done, ran
from tests.stage import BACKEND, FRONTEND, ME, PRODUCT, Stage

WORKER: dict[str, Any] = {
    "name": "worker",
    "service_type": "worker",
    "order": 3,
    "repo_url": "https://github.com/acme/worker",
    "repo_branch": "main",
}
THREE = PRODUCT | {"services": [BACKEND, FRONTEND, WORKER]}
NEXT = PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "v2"}]}
WITHOUT = PRODUCT | {"db_required": False, "services": [BACKEND | {"env": {}}, FRONTEND]}
LOST = TargetDown("cut", outcome_known=False)


def begun(stage: Stage, document: Any = PRODUCT) -> Stage:
    stage.ready(document).deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    return stage


def nothing_left(stage: Stage) -> None:
    target = stage.twins.target
    assert not target.apps
    assert target.project_rows == {}


def attempted(stage: Stage, wish: Wish) -> str:
    stage.desk.deploy(ME, "acme", wish=wish)
    stage.finish()
    return str(stage.deployment().status)


def test_a_service_that_the_product_dropped_is_told_stopped_and_removed(stage: Stage) -> None:
    target = begun(stage, THREE).twins.target
    stage.product(NEXT)
    said = [words for words in stage.desk.preview(ME, "acme").warnings if "worker" in words]
    assert said
    assert "until the tenant is torn down" in said[0]
    done(stage, Wish())
    assert target.app("worker").containers
    done(stage, Wish(action=SUSPEND))
    assert not target.app("worker").containers
    done(stage, Wish(action=UNSUSPEND))
    assert target.app("backend").containers
    # Nobody wants it any more: it rests on.
    assert not target.app("worker").containers
    done(stage, Wish(action=TEARDOWN))
    nothing_left(stage)


def test_what_a_newer_release_made_before_it_failed_leaves_too(stage: Stage) -> None:
    target = begun(stage).twins.target
    stage.product(THREE)
    target.fail("attach_git", Permanent("400 no such repository"))
    assert attempted(stage, Wish()) == "failed"
    assert stage.service_row("worker").app_id
    done(stage, Wish(action=SUSPEND))
    done(stage, Wish(action=UNSUSPEND))
    done(stage, Wish(action=TEARDOWN))
    nothing_left(stage)


def test_a_database_that_is_no_longer_required_is_backed_up_and_removed(stage: Stage) -> None:
    stage.ready()
    policy(stage)
    stage.deploy()
    stage.finish()
    stage.product(WITHOUT)
    done(stage, Wish())
    assert "db" in {row.seen.name for row in stage.twins.target.apps.values()}
    done(stage, Wish(action=TEARDOWN))
    assert ran(stage)[1:3] == ["db.start", "backup.final"]
    nothing_left(stage)


def test_a_stopped_database_is_no_longer_required_and_stops_with_the_rest(stage: Stage) -> None:
    begun(stage).product(WITHOUT)
    done(stage, Wish())
    done(stage, Wish(action=SUSPEND, with_database=True))
    assert not stage.twins.target.app("db").containers


def test_an_application_whose_id_was_never_learned_is_found_by_its_marker(stage: Stage) -> None:
    stage.ready()
    stage.twins.target.fail("settle_application", Permanent("400 refused"))
    stage.deploy()
    stage.finish()
    assert stage.service_row("backend").app_id is None
    assert stage.twins.target.app("backend")
    done(stage, Wish(action=TEARDOWN))
    nothing_left(stage)


@pytest.mark.parametrize("call", ["create_project", "create_database", "create_application"])
def test_what_was_made_with_a_lost_answer_and_then_cancelled_leaves(
    stage: Stage, call: str
) -> None:
    stage.ready()
    stage.twins.target.fail(call, LOST, "after")
    stage.deploy()
    stage.play()
    stage.desk.cancel(ME, str(stage.deployment().public_id))
    stage.finish()
    assert stage.deployment().status == "cancelled"
    assert stage.twins.target.project_rows
    done(stage, Wish(action=TEARDOWN))
    nothing_left(stage)


def test_what_was_never_created_is_neither_suspended_woken_nor_restarted(stage: Stage) -> None:
    begun(stage)
    stage.product(PRODUCT | {"services": [BACKEND, FRONTEND | {"repo_branch": "v2"}, WORKER]})
    done(stage, Wish(services=("frontend",)))
    for action in (SUSPEND, UNSUSPEND, RESTART):
        done(stage, Wish(action=action))
        assert not [key for key in ran(stage) if "worker" in key]
    done(stage, Wish(action=TEARDOWN))
    nothing_left(stage)


def test_an_old_task_that_is_being_shut_down_does_not_keep_a_tenant_asleep(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = begun(stage).twins.target
    name = target.app("backend").seen.app_name
    old = replace(target.app("backend").containers[0], wanted="shutdown")
    done(stage, Wish(action=SUSPEND))
    real, looks = type(target).containers, iter([old])

    def draining(self: Any, app_name: str, server_id: str | None = None) -> Any:
        there = list(real(self, app_name, server_id))
        return there or (list(looks) if app_name == name else [])

    monkeypatch.setattr(type(target), "containers", draining)
    done(stage, Wish(action=UNSUSPEND))
    assert [c.wanted for c in target.app("backend").containers] == ["running"]


def test_a_hostname_that_somebody_had_switched_off_stays_off(stage: Stage) -> None:
    target = begun(stage).twins.target
    first, *others = target.domain_rows
    target.enable_domain(first, enabled=False)
    done(stage, Wish(action=SUSPEND))
    assert not any(seen.enabled for _, seen in target.domain_rows.values())
    done(stage, Wish(action=UNSUSPEND))
    assert not target.domain_rows[first][1].enabled
    assert all(target.domain_rows[other][1].enabled for other in others)
    assert stage.service_row("backend").paused == stage.service_row("frontend").paused == []


def test_after_a_teardown_that_failed_what_is_gone_is_planned_again(stage: Stage) -> None:
    target = begun(stage).twins.target
    target.fail("remove_database", Permanent("400 busy"))
    assert attempted(stage, Wish(action=TEARDOWN)) == "failed"
    assert set(stage.desk.preview(ME, "acme").differing) == {"backend", "frontend"}
    row = stage.service_row("backend")
    assert (row.app_id, row.deployed, bool(row.app_name)) == (None, False, True)
    done(stage, Wish())
    assert target.app("backend").containers
    assert all(seen.enabled for _, seen in target.domain_rows.values())
    done(stage, Wish(action=TEARDOWN))
    nothing_left(stage)


def test_a_database_that_a_teardown_removed_is_never_replaced_by_an_empty_one(
    stage: Stage,
) -> None:
    target = begun(stage).twins.target
    target.fail("delete_project", Permanent("400 busy"))
    assert attempted(stage, Wish(action=TEARDOWN)) == "failed"
    assert not stage.desk.preview(ME, "acme").nothing
    assert attempted(stage, Wish()) == "failed"
    assert "is gone from the target" in stage.deployment().summary
    assert target.calls["create_database"] == 1
    # Its backup stands before it was removed; a second teardown wants none of what is gone.
    done(stage, Wish(action=TEARDOWN))
    nothing_left(stage)
