"""Plans of the years after: their order, and that each is made of known steps."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.planning.actions import (
    ACTIONS,
    BACKUP,
    REMOVE_VOLUMES,
    RESTART,
    RESTORE,
    SCALE,
    SUSPEND,
    TEARDOWN,
    UNSUSPEND,
)
from tenantry.planning.blueprint import BackupPlan, Blueprint, RestorePlan
from tenantry.planning.catalogue import kind_of
from tenantry.planning.planner import PLANS, changes, plan
from tenantry.planning.sources import ComposeSource, Volume
from tests.planning.blueprints import DATABASE, blueprint, blueprints, service

POLICY = BackupPlan("dest", "0 2 * * *", 7, gate=True)
BOTH = blueprint(service("api"), service("web", 2), database=DATABASE, backup=POLICY)


def keys(made: Blueprint, action: str, **more: object) -> list[str]:
    shaped = replace(made, action=action, **more)  # type: ignore[arg-type]
    return [step.key for step in plan(shaped) if step.gates]


@given(blueprints(), st.sampled_from(sorted(ACTIONS)), st.booleans())
def test_every_action_has_a_plan_of_known_steps_with_its_mail(made, action, policy):
    shaped = replace(made, action=action, backup=POLICY if policy else None, gate=policy)
    steps = plan(shaped)
    assert all(kind_of(step.key) for step in steps)
    assert [s.key for s in steps][-2:] == ["email.notify_success", "email.notify_failure"]
    assert [s.order for s in steps] == [100 * (n + 1) for n in range(len(steps))]
    assert plan(shaped) == steps


def test_every_action_is_planned():
    assert set(PLANS) == set(ACTIONS)


def test_a_teardown_goes_from_the_outside_in():
    assert keys(BOTH, TEARDOWN, gate=True) == [
        "teardown.wait_builds",
        "db.start",
        "backup.final",
        "service.api.schedules_remove",
        "service.web.schedules_remove",
        "domains.remove",
        "domains.remove",
        "service.web.remove",
        "service.api.remove",
        "db.remove",
        "service.api.image_remove",
        "service.web.image_remove",
        "project.remove",
        "teardown.certify",
    ]


def test_a_suspension_takes_the_routers_before_the_containers_and_leaves_the_database():
    without = keys(BOTH, SUSPEND)
    assert without.index("domains.switch_off") < without.index("service.web.stop")
    assert "db.stop" not in without
    assert keys(BOTH, SUSPEND, with_database=True)[-1] == "db.stop"


def test_waking_starts_the_database_first_and_the_routers_last():
    woken = keys(BOTH, UNSUSPEND)
    assert woken[0] == "db.start"
    assert woken.index("service.web.wait_wake") < woken.index("domains.switch_on")


def test_a_restore_backs_up_what_is_before_it_overwrites_it():
    restored = keys(BOTH, RESTORE, restore=RestorePlan("dest", "a/b.gz", 10))
    assert restored[:4] == ["restore.check", "backup.gate", "restore.run", "restore.verify"]
    assert keys(replace(BOTH, database=None), RESTORE) == []


def test_scaling_takes_only_what_was_chosen():
    chosen = replace(
        BOTH,
        services=tuple(replace(s, deeds=() if s.name == "web" else None) for s in BOTH.services),
        database=replace(DATABASE, deeds=()),
    )
    assert keys(chosen, SCALE) == [
        "service.api.settings",
        "service.api.reload",
        "service.api.observe",
        "health.check",
    ]


def test_nothing_is_probed_where_nothing_is_wanted():
    made = blueprint(service("api", replicas=0))
    assert "health.check" not in keys(made, SCALE)
    assert keys(made, RESTART) == ["service.api.reload", "service.api.observe"]


def test_a_stack_restarts_by_a_stop_and_a_deploy():
    stack = service("web", git=None, compose=ComposeSource("services: {}", "web"))
    assert keys(blueprint(stack), RESTART)[:3] == [
        "service.web.stop",
        "service.web.deploy",
        "service.web.wait_deploy",
    ]


def test_a_backup_covers_the_database_and_every_volume():
    made = blueprint(
        service("api"), service("files", volumes=(Volume("f", "/f"),)), database=DATABASE
    )
    shaped = replace(made, action=BACKUP)
    assert [(s.key, s.service) for s in plan(shaped) if s.gates] == [
        ("backup.run", "db"),
        ("backup.run", "files"),
    ]


@pytest.mark.parametrize("action", [BACKUP, RESTORE, REMOVE_VOLUMES])
def test_a_plan_without_a_step_changes_nothing(action):
    assert not changes(replace(blueprint(), action=action))
