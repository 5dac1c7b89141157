"""`db.create` and `db.deploy` of the kinds that are an image with a volume."""

from dataclasses import replace

import pytest

from tenantry.errors import Permanent, Transient
from tenantry.planning.blueprint import DatabaseSpec, to_json
from tenantry.planning.databases import IMAGE_KINDS, facts
from tenantry.planning.differences import database_fingerprint
from tenantry.ports import Running
from tenantry.steps.outcomes import Done, Wait
from tests.steps.scene import PASSWORD, Scene

KINDS = pytest.mark.parametrize("kind", IMAGE_KINDS)
LOST = Transient("reset", outcome_known=False)


def of_kind(scene: Scene, kind: str) -> Scene:
    database = DatabaseSpec("db", kind, facts(kind).image, "t_acme", "t_acme")
    scene.blueprint = replace(scene.blueprint, database=database)
    return scene


def play(scene: Scene, key: str, most: int = 12) -> Done:
    """Claims the step until it is done."""
    for _ in range(most):
        outcome = scene.claim(key, "db")
        if isinstance(outcome, Done):
            return outcome
    raise AssertionError("it never ends")


def deployed(scene: Scene, kind: str = "keydb") -> Scene:
    of_kind(scene, kind).with_project()
    scene.claim("db.create", "db")
    play(scene, "db.deploy")
    return scene


@KINDS
def test_it_is_an_application_with_its_image_volume_and_password(scene: Scene, kind: str):
    of_kind(scene, kind).with_project()
    assert scene.claim("db.create", "db").details["how"] == "created"
    row = scene.app("db")
    assert row.seen.kind == "application"
    assert row.image is not None
    assert row.image.image == facts(kind).image
    assert [(m.source, m.path) for m in row.mounts] == [
        (f"{row.seen.app_name}-data", facts(kind).path)
    ]
    assert (row.replicas, row.stop_first, row.auto_deploy) == (1, True, False)
    assert PASSWORD in f"{row.args} {row.dotenv}"
    assert not any("${" in arg for arg in row.args)
    own = scene.services["db"]
    assert (own.app_id, own.db_id, own.app_name) == (row.seen.id, None, row.seen.app_name)
    assert (own.db_name, own.db_user) == ("t_acme", "t_acme")


@KINDS
def test_run_twice_it_is_found_and_nothing_is_doubled(scene: Scene, kind: str):
    of_kind(scene, kind).with_project()
    scene.claim("db.create", "db")
    assert scene.claim("db.create", "db").details["how"] == "found"
    assert len(scene.target.services()) == 1
    assert len(scene.app("db").mounts) == 1


@KINDS
@pytest.mark.parametrize("method", ["create_application", "settle_application", "create_volume"])
def test_a_lost_answer_leads_to_adoption(scene: Scene, kind: str, method: str):
    of_kind(scene, kind).with_project()
    scene.target.fail(method, LOST, "after")
    with pytest.raises(Transient):
        scene.claim("db.create", "db")
    scene.claim("db.create", "db")
    assert len(scene.target.services()) == 1
    assert len(scene.app("db").mounts) == 1


@KINDS
def test_a_refusal_is_told_in_the_words_of_the_target(scene: Scene, kind: str):
    of_kind(scene, kind).with_project()
    scene.target.fail("create_application", Permanent("It answered 400: no"))
    with pytest.raises(Permanent, match="400: no"):
        scene.claim("db.create", "db")


@KINDS
def test_the_password_is_in_nothing_that_is_kept_or_shown(scene: Scene, kind: str):
    deployed(scene, kind)
    kept = [
        to_json(scene.blueprint),
        scene.facts,
        scene.lines,
        [memory.details for memory in scene.steps.values()],
        repr(Running(args=scene.app("db").args)),
        repr(scene.target.application(scene.app("db").seen.id)),
    ]
    assert PASSWORD not in str(kept)


def test_intents_hold_no_password_either(scene: Scene):
    of_kind(scene, "keydb").with_project()
    seen: list[object] = []
    context = scene.context("db.create", "db")
    context.begin_change = lambda what: seen.append(dict(what))
    from tenantry.steps import database  # noqa: PLC0415 — the handler as it is

    database.create(context)
    assert seen
    assert PASSWORD not in str(seen)


def test_one_that_is_gone_is_never_replaced_by_an_empty_one(scene: Scene):
    deployed(scene)
    scene.target.delete_application(scene.app("db").seen.id)
    with pytest.raises(Permanent, match="gone"):
        scene.claim("db.create", "db")
    assert scene.target.services() == []


@KINDS
def test_it_is_built_once_and_waited_for(scene: Scene, kind: str):
    of_kind(scene, kind).with_project()
    scene.claim("db.create", "db")
    assert isinstance(scene.claim("db.deploy", "db"), Wait)
    done = play(scene, "db.deploy")
    row = scene.app("db")
    assert len(row.history) == 1
    assert [c.state for c in row.containers] == ["running"]
    assert done.service["applied"]["running"] == database_fingerprint(scene.blueprint.database)
    assert scene.services["db"].applied.keys() == {"running"}


def test_what_was_waited_before_the_build_was_asked_for_costs_no_patience(scene: Scene):
    """A target that was away for half an hour has had no time to pull anything yet."""
    of_kind(scene, "keydb").with_project()
    scene.claim("db.create", "db")
    scene.step("db.deploy", "db").waited = 1_900.0
    asked = scene.claim("db.deploy", "db")
    assert isinstance(asked, Wait)
    assert asked.details["seen"] == 1_900.0


def test_a_running_one_is_never_deployed_twice(scene: Scene):
    deployed(scene)
    scene.steps.clear()
    scene.claim("db.create", "db")
    assert scene.claim("db.deploy", "db").message == "The database runs"
    assert scene.target.calls["trigger_build"] == 1


def test_an_engine_that_does_not_answer_is_no_reason_to_restart_it(scene: Scene):
    deployed(scene)
    scene.steps.clear()
    scene.target.engine_silent = True
    assert isinstance(scene.claim("db.deploy", "db"), Wait)
    scene.target.engine_silent = False
    assert scene.claim("db.deploy", "db").message == "The database runs"
    assert scene.target.calls["trigger_build"] == 1


def test_one_that_was_stopped_is_brought_up_again(scene: Scene):
    deployed(scene)
    scene.steps.clear()
    scene.target.stop_application(scene.app("db").seen.id)
    play(scene, "db.deploy")
    assert scene.target.calls["trigger_build"] == 2
    assert any(c.state == "running" for c in scene.app("db").containers)


def test_a_trigger_whose_answer_is_lost_is_adopted(scene: Scene):
    of_kind(scene, "keydb").with_project()
    scene.claim("db.create", "db")
    scene.target.fail("trigger_build", LOST, "after")
    with pytest.raises(Transient):
        scene.claim("db.deploy", "db")
    play(scene, "db.deploy")
    assert scene.target.calls["trigger_build"] == 1
    assert len(scene.app("db").history) == 1


def test_a_pull_that_fails_fails_the_step_and_a_resume_pulls_again(scene: Scene):
    of_kind(scene, "keydb").with_project()
    scene.claim("db.create", "db")
    scene.target.plan_builds(scene.app("db").seen.id, "error", log="manifest unknown\n")
    with pytest.raises(Permanent, match="manifest unknown"):
        play(scene, "db.deploy")
    scene.resume()
    play(scene, "db.deploy")
    assert [b.status for b in scene.app("db").history] == ["done", "error"]


def test_it_must_be_created_before_it_is_deployed(scene: Scene):
    of_kind(scene, "clickhouse").with_project()
    with pytest.raises(Permanent, match="was not created"):
        scene.claim("db.deploy", "db")
