"""`service.<name>.wait_deploy`: phases, end, containers, commit."""

from dataclasses import replace

import pytest

from tenantry.errors import Permanent
from tenantry.ports import BuildSeen, ContainerSeen
from tenantry.steps.build import CONTAINER_PATIENCE_POLLS, UNKNOWN_POLLS
from tenantry.steps.outcomes import Done, Wait
from tests.planning.blueprints import IMAGE, blueprint, service
from tests.steps.scene import Scene
from tests.steps.test_build_trigger import triggers, wait


def log(scene: Scene, text: str) -> None:
    scene.target.logs[scene.app().history[0].id] += text


def finish(scene: Scene, *, containers: bool = True) -> None:
    before = list(scene.app().containers)
    scene.target.finish_builds()
    if not containers:
        scene.app().containers = before


def test_a_build_is_followed_to_its_new_container(scene: Scene):
    scene.triggered()
    scene.target.start_builds()
    assert wait(scene).message == "Building: cloning"
    log(scene, "Receiving objects: 100%\nStep 1/2 : RUN npm ci\n")
    assert wait(scene).message == "Building: installing"
    assert scene.step("service.backend.wait_deploy", "backend").details["phase"] == "installing"
    finish(scene)
    done = wait(scene)
    assert isinstance(done, Done)
    assert done.message.startswith("A new container runs (commit 00000")
    assert scene.facts["deployed"]
    assert scene.facts["last_build_id"] == scene.app().history[0].id
    assert len(scene.facts["commit_hash"]) == 40


def test_a_build_without_a_phase_is_just_building(scene: Scene):
    scene.triggered()
    scene.target.start_builds()
    scene.target.logs[scene.app().history[0].id] = "Initializing deployment\n"
    assert wait(scene).message == "Building"


def test_every_line_of_the_log_arrives_once(scene: Scene):
    scene.triggered()
    scene.target.start_builds()
    wait(scene)
    wait(scene)
    log(scene, "one\ntw")
    wait(scene)
    log(scene, "o\n")
    finish(scene)
    wait(scene)
    text = scene.target.logs[scene.app().history[0].id]
    assert "\n".join(scene.said()) + "\n" == text
    assert "two" in scene.said()


def test_a_failed_build_fails_with_the_last_line_that_speaks_of_trouble(scene: Scene):
    scene.triggered()
    app_id = scene.services["backend"].app_id
    scene.target.plan_builds(
        app_id, "error", log="npm ERR! fatal: no such module\n\nsee the docs\n  \n"
    )
    scene.target.finish_builds()
    with pytest.raises(Permanent, match=r"The build failed: npm ERR! fatal: no such module"):
        wait(scene)
    assert "see the docs" in scene.said()


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("only words\n", None, "only words"),
        ("", "exit code 1", "exit code 1"),
        ("", None, "see its log"),
        ("x" * 900 + " failed\n", None, "x" * 300),
    ],
)
def test_the_words_of_a_failed_build(scene: Scene, text: str, error: str | None, words: str):
    scene.triggered()
    scene.target.finish_builds("error")
    row = scene.app()
    scene.target.logs[row.history[0].id] = text
    row.history[0] = replace(row.history[0], error=error)
    with pytest.raises(Permanent) as refused:
        wait(scene)
    assert str(refused.value) == f"The build failed: {words}"


def test_done_without_a_new_container_waits_and_then_fails(scene: Scene):
    scene.triggered()
    scene.app().crashes = True
    scene.target.finish_builds()
    for _ in range(CONTAINER_PATIENCE_POLLS - 1):
        waiting = wait(scene)
        assert isinstance(waiting, Wait)
        assert "non-zero exit" in waiting.message
    with pytest.raises(Permanent, match="no new container runs: task: non-zero exit"):
        wait(scene)


def test_the_container_of_the_last_version_does_not_count_as_new(scene: Scene):
    scene.target.looks_to_end = None
    scene.with_app()
    old = ContainerSeen("old", "running", "running", "")
    scene.app().containers = [old]
    scene.claim("service.backend.deploy", "backend")
    finish(scene, containers=False)
    for _ in range(CONTAINER_PATIENCE_POLLS - 1):
        assert isinstance(wait(scene), Wait)
    with pytest.raises(Permanent, match="it does not start"):
        wait(scene)


@pytest.mark.parametrize(("state", "wanted"), [("starting", "running"), ("running", "shutdown")])
def test_a_new_container_must_run_and_be_meant_to(scene: Scene, state: str, wanted: str):
    scene.triggered()
    finish(scene, containers=False)
    scene.app().containers = [ContainerSeen("new", state, wanted, "")]
    wait(scene)
    assert isinstance(wait(scene), Wait)
    scene.app().containers = [ContainerSeen("new", "running", "running", "")]
    assert isinstance(wait(scene), Done)


def test_no_containers_at_all_means_unknown_and_is_accepted_after_some_looks(scene: Scene):
    scene.triggered()
    finish(scene, containers=False)
    for _ in range(UNKNOWN_POLLS - 1):
        assert isinstance(wait(scene), Wait)
    done = wait(scene)
    assert isinstance(done, Done)
    assert "could not list" in done.message


def test_without_an_internal_name_no_container_can_be_asked_for(scene: Scene):
    scene.triggered()
    scene.services["backend"] = replace(scene.services["backend"], app_name=None)
    finish(scene)
    for _ in range(UNKNOWN_POLLS - 1):
        assert isinstance(wait(scene), Wait)
    assert isinstance(wait(scene), Done)


def test_a_container_that_came_up_late_is_taken_when_resumed(scene: Scene):
    test_done_without_a_new_container_waits_and_then_fails(scene)
    scene.app().containers = [ContainerSeen("late", "running", "running", "")]
    scene.resume()
    assert isinstance(wait(scene), Done)
    assert triggers(scene) == 1


def test_a_resume_after_a_container_that_never_came_up_builds_and_waits_afresh(scene: Scene):
    test_done_without_a_new_container_waits_and_then_fails(scene)
    scene.resume()
    assert "building once more" in wait(scene).message
    scene.target.finish_builds()
    for _ in range(CONTAINER_PATIENCE_POLLS - 1):
        assert isinstance(wait(scene), Wait)
    scene.app().containers = [ContainerSeen("new", "running", "running", "")]
    assert isinstance(wait(scene), Done)


def test_the_commit_is_read_once_more_when_it_is_late(scene: Scene):
    scene.triggered()
    finish(scene)
    row = scene.app()
    row.history[0] = replace(row.history[0], description="tenantry:acme backend")
    waiting = wait(scene)
    assert isinstance(waiting, Wait)
    assert "commit" in waiting.message
    row.history[0] = replace(row.history[0], description=f"Commit: {'a' * 40}")
    assert isinstance(wait(scene), Done)
    assert scene.facts["commit_hash"] == "a" * 40


def test_a_build_without_any_commit_is_accepted_at_the_second_look(scene: Scene):
    scene.triggered()
    finish(scene)
    row = scene.app()
    row.history[0] = replace(row.history[0], description="")
    wait(scene)
    assert wait(scene).message == "A new container runs"
    assert "commit_hash" not in scene.facts


def test_an_image_has_no_commit_to_wait_for(scene: Scene):
    scene.blueprint = blueprint(service("backend", git=None, image=IMAGE))
    scene.triggered()
    finish(scene)
    assert isinstance(wait(scene), Done)


def test_a_title_that_was_overwritten_before_the_first_look_is_recognised(scene: Scene):
    scene.triggered()
    finish(scene)
    assert "tenantry" not in scene.app().history[0].title
    assert isinstance(wait(scene), Done)


def test_an_old_build_is_never_taken_for_ours(scene: Scene):
    scene.target.looks_to_end = None
    scene.with_app()
    scene.target.trigger_build(scene.app().seen.id, "tenantry 0190-deployment e0 t1", "")
    scene.target.finish_builds("error")
    scene.claim("service.backend.deploy", "backend")
    scene.target.restart()
    assert "Waiting for the target" in wait(scene).message


def test_of_several_new_builds_ours_has_our_title_else_it_is_the_oldest(scene: Scene):
    scene.triggered()
    title = scene.services["backend"].build_trace["title"]
    rows = [
        BuildSeen("new", "by hand", "", "running", "2026-01-01T00:00:03Z"),
        BuildSeen("ours", title, "", "running", "2026-01-01T00:00:02Z"),
        BuildSeen("old", "by hand", "", "running", "2026-01-01T00:00:01Z"),
    ]
    scene.target.wanted.clear()
    scene.app().history = [replace(row, title="x") for row in rows]
    wait(scene)
    assert scene.facts["build_trace"]["build_id"] == "old"
    scene.services["backend"] = replace(
        scene.services["backend"],
        build_trace={**scene.services["backend"].build_trace, "build_id": None},
    )
    scene.app().history = rows
    wait(scene)
    assert scene.facts["build_trace"]["build_id"] == "ours"


def test_once_seen_a_build_is_known_by_its_id_alone(scene: Scene):
    scene.triggered()
    scene.target.start_builds()
    wait(scene)
    ours = scene.app().history[0].id
    scene.target.trigger_build(scene.app().seen.id, "by hand", "")
    scene.target.start_builds()
    finish(scene)
    wait(scene)
    wait(scene)
    assert scene.facts["last_build_id"] == ours
