"""`db.settings` and `db.restart`: new limits, and exactly one restart."""

from dataclasses import replace

import pytest

from tenantry.errors import Permanent, Transient
from tenantry.planning.databases import FACTS, IMAGE_KINDS, facts
from tenantry.planning.differences import database_fingerprint
from tenantry.planning.limits import Limits
from tenantry.steps.outcomes import Done, Wait
from tests.steps.scene import Scene
from tests.steps.test_database_image import LOST, deployed, of_kind, play

LIMITS = Limits(cpu_cores=0.5, memory_mb=1024)
BYTES = ("1073741824", "500000000")
KINDS = pytest.mark.parametrize("kind", sorted(FACTS))
BOTH = pytest.mark.parametrize("kind", ["postgres", "keydb"])


def running(scene: Scene, kind: str) -> Scene:
    """A database of any kind that runs, and new limits for it."""
    if kind in IMAGE_KINDS:
        deployed(scene, kind)
    else:
        of_kind(scene, kind).with_database()
    wanted = replace(scene.blueprint.database, limits=LIMITS)  # type: ignore[type-var]
    scene.blueprint = replace(scene.blueprint, database=wanted)
    return scene


def live(scene: Scene) -> set[str]:
    return {c.id for c in scene.app("db").containers if c.wanted == "running"}


def restarts(scene: Scene, kind: str) -> int:
    if kind in IMAGE_KINDS:
        return int(scene.target.calls["reload_application"])
    return int(scene.target.calls["deploy_database"]) - 1


@KINDS
def test_new_limits_are_stored_and_come_with_one_restart(scene: Scene, kind: str):
    running(scene, kind)
    before = live(scene)
    assert "1024 MB" in scene.claim("db.settings", "db").message
    row = scene.app("db")
    assert (row.memory, row.cpu) == BYTES
    assert row.applied == (None, None)
    done = play(scene, "db.restart")
    assert row.applied == BYTES
    assert live(scene)
    assert live(scene).isdisjoint(before)
    assert restarts(scene, kind) == 1
    mark = database_fingerprint(scene.blueprint.database)  # type: ignore[arg-type]
    assert done.service["applied"]["running"] == mark
    assert (row.replicas, row.stop_first) == (1, kind in IMAGE_KINDS)


@KINDS
def test_settings_run_twice_come_to_the_same_end(scene: Scene, kind: str):
    running(scene, kind)
    first = scene.claim("db.settings", "db")
    assert scene.claim("db.settings", "db").message == first.message
    assert (scene.app("db").memory, scene.app("db").cpu) == BYTES


@KINDS
def test_a_restart_whose_answer_is_lost_is_seen_by_its_containers(scene: Scene, kind: str):
    running(scene, kind)
    scene.claim("db.settings", "db")
    method = "reload_application" if kind in IMAGE_KINDS else "deploy_database"
    scene.target.fail(method, LOST, "after")
    with pytest.raises(Transient):
        play(scene, "db.restart")
    play(scene, "db.restart")
    assert restarts(scene, kind) == 1
    assert scene.app("db").applied == BYTES


@BOTH
def test_a_restart_that_was_never_sent_is_sent(scene: Scene, kind: str):
    """The status says done, as it did before: that is no proof."""
    running(scene, kind)
    scene.claim("db.settings", "db")
    method = "reload_application" if kind in IMAGE_KINDS else "deploy_database"
    scene.target.fail(method, LOST, "before")
    with pytest.raises(Transient):
        play(scene, "db.restart")
    play(scene, "db.restart")
    assert scene.app("db").applied == BYTES


@BOTH
def test_limits_that_somebody_changed_meanwhile_are_set_again(scene: Scene, kind: str):
    running(scene, kind)
    scene.claim("db.settings", "db")
    scene.app("db").memory = "512"
    play(scene, "db.restart")
    assert scene.app("db").applied == BYTES


@BOTH
@pytest.mark.parametrize("key", ["db.settings", "db.restart"])
def test_a_refusal_is_told_in_the_words_of_the_target(scene: Scene, kind: str, key: str):
    running(scene, kind)
    method = "configure_application" if kind in IMAGE_KINDS else "configure_database"
    scene.target.fail(method, Permanent("It answered 400: no"))
    with pytest.raises(Permanent, match="400: no"):
        scene.claim(key, "db")


@BOTH
@pytest.mark.parametrize("key", ["db.settings", "db.restart"])
def test_one_that_is_gone_is_said_to_be_gone(scene: Scene, kind: str, key: str):
    running(scene, kind)
    scene.target.apps.clear()
    with pytest.raises(Permanent, match="gone"):
        scene.claim(key, "db")


@BOTH
def test_what_was_never_created_cannot_be_restarted(scene: Scene, kind: str):
    of_kind(scene, kind).with_project()
    for key in ("db.settings", "db.restart"):
        with pytest.raises(Permanent, match=r"was not created|never deployed"):
            scene.claim(key, "db")


@BOTH
def test_a_new_version_of_the_image_comes_with_the_restart(scene: Scene, kind: str):
    running(scene, kind)
    newer = facts(kind).image + "9"
    wanted = replace(scene.blueprint.database, image=newer)  # type: ignore[type-var]
    scene.blueprint = replace(scene.blueprint, database=wanted)
    scene.claim("db.settings", "db")
    play(scene, "db.restart")
    row = scene.app("db")
    assert newer == (row.wish.image if row.wish else row.image.image)  # type: ignore[union-attr]


def test_a_resumed_restart_restarts_again(scene: Scene):
    running(scene, "keydb")
    assert isinstance(scene.claim("db.restart", "db"), Wait)
    scene.resume()
    scene.app("db").containers.clear()
    play(scene, "db.restart")
    assert restarts(scene, "keydb") == 2


def test_a_database_that_does_not_come_up_is_waited_for_with_its_error(scene: Scene):
    running(scene, "keydb")
    scene.app("db").crashes = True
    scene.claim("db.restart", "db")
    waiting = scene.claim("db.restart", "db")
    assert isinstance(waiting, Wait)
    assert "non-zero exit" in waiting.message
    scene.target.engine_silent = True
    assert "lists no containers" in scene.claim("db.restart", "db").message


def test_a_failed_restart_of_a_native_kind_is_tried_again(scene: Scene, monkeypatch):
    running(scene, "postgres")
    row = scene.app("db")

    def broken(kind: str, key: str, *, deadline: float) -> None:
        row.seen = replace(row.seen, status="error")

    monkeypatch.setattr(scene.target, "deploy_database", broken)
    with pytest.raises(Transient, match="status error") as trouble:
        scene.claim("db.restart", "db")
    assert trouble.value.most_tries == 3
    monkeypatch.undo()
    assert isinstance(scene.claim("db.restart", "db"), Done)


def test_a_target_that_is_still_at_it_is_waited_for(scene: Scene, monkeypatch):
    running(scene, "postgres")
    row = scene.app("db")

    def slow(kind: str, key: str, *, deadline: float) -> None:
        row.seen = replace(row.seen, status="running")

    monkeypatch.setattr(scene.target, "deploy_database", slow)
    for _ in range(2):
        assert isinstance(scene.claim("db.restart", "db"), Wait)
    row.seen = replace(row.seen, status="done")
    assert isinstance(scene.claim("db.restart", "db"), Done)
