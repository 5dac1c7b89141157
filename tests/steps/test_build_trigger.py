"""`service.<name>.deploy`, and a build that waits, is lost or is cancelled."""

from dataclasses import replace
from functools import partial

import pytest

from tenantry.errors import Permanent, Transient
from tenantry.steps.outcomes import Done, Wait
from tests.planning.blueprints import IMAGE, blueprint, service
from tests.steps.scene import Scene

DEPLOY, WAIT = "service.backend.deploy", "service.backend.wait_deploy"


def wait(scene: Scene, waited: float | None = None, name: str = "backend") -> Done | Wait:
    if waited is not None:
        scene.step(WAIT, name).waited = waited
    outcome = scene.claim(WAIT, name)
    assert isinstance(outcome, Done | Wait)
    return outcome


def triggers(scene: Scene) -> int:
    return int(scene.target.calls["trigger_build"])


def test_a_build_is_triggered_under_a_title_of_our_own(scene: Scene):
    scene.triggered()
    assert scene.target.wanted == [
        (scene.app().seen.id, "tenantry 0190-deployment e0 t1", "tenantry:acme backend")
    ]
    trace = scene.services["backend"].build_trace
    assert trace["before"] == []
    assert (scene.facts["deploy_triggered"], scene.facts["deployed"]) == (True, False)


def test_what_ran_before_is_remembered_with_the_intent(scene: Scene):
    scene.with_app()
    scene.target.trigger_build(scene.app().seen.id, "old", "")
    scene.target.finish_builds()
    scene.target.fail("trigger_build", Transient("refused"), "before")
    with pytest.raises(Transient):
        scene.claim(DEPLOY, "backend")
    scene.target.fail("trigger_build", Transient("reset", outcome_known=False), "before")
    with pytest.raises(Transient):
        scene.claim(DEPLOY, "backend")
    intent = scene.step(DEPLOY, "backend").intent
    assert intent is not None
    assert intent["before"] == [b.id for b in scene.app().history]
    assert intent["containers"] == [c.id for c in scene.app().containers]


@pytest.mark.parametrize("state", ["queued", "running", "done"])
def test_a_lost_answer_is_adopted_in_every_state_of_the_build(scene: Scene, state: str):
    scene.target.looks_to_end = None
    scene.with_app()
    scene.target.fail("trigger_build", Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        scene.claim(DEPLOY, "backend")
    if state == "running":
        scene.target.start_builds()
    if state == "done":
        scene.target.finish_builds()
    scene.claim(DEPLOY, "backend")
    assert triggers(scene) == 1
    assert "already" in scene.said("system")[-1]


def passing(scene: Scene, *looks: str) -> None:
    """The build starts and ends right after the first of these looks was answered."""
    target = scene.target
    plain = {name: getattr(target, name) for name in looks}

    def looked(name: str, *given: object) -> object:
        answer = plain[name](*given)
        target.finish_builds()
        return answer

    for name in looks:
        setattr(target, name, partial(looked, name))


def test_a_build_that_passes_between_two_looks_is_not_triggered_again(scene: Scene):
    scene.target.looks_to_end = None
    scene.with_app()
    scene.target.fail("trigger_build", Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        scene.claim(DEPLOY, "backend")
    passing(scene, "builds", "queue")
    scene.claim(DEPLOY, "backend")
    assert triggers(scene) == 1


def test_nor_is_one_that_passes_while_a_resume_looks_at_it(scene: Scene):
    scene.target.looks_to_end = None
    scene.triggered()
    scene.resume()
    passing(scene, "builds", "queue")
    wait(scene)
    assert triggers(scene) == 1


def test_a_trigger_that_never_arrived_is_sent_again(scene: Scene):
    scene.target.looks_to_end = None
    scene.with_app()
    scene.target.fail("trigger_build", Transient("reset", outcome_known=False), "before")
    with pytest.raises(Transient):
        scene.claim(DEPLOY, "backend")
    scene.claim(DEPLOY, "backend")
    assert len(scene.target.wanted) == 1


@pytest.mark.parametrize("key", [DEPLOY, WAIT])
def test_a_build_needs_an_application(scene: Scene, key: str):
    with pytest.raises(Permanent, match="was not created"):
        scene.claim(key, "backend")


def test_nothing_is_waited_for_that_was_not_triggered(scene: Scene):
    scene.with_app()
    with pytest.raises(Permanent, match="No build was triggered"):
        wait(scene)


def test_a_refused_trigger_fails_in_the_words_of_the_target(scene: Scene):
    scene.with_app()
    scene.target.fail("trigger_build", Permanent("It answered 404: no such application"))
    with pytest.raises(Permanent, match="404"):
        scene.claim(DEPLOY, "backend")


def test_the_place_in_the_queue_is_told(scene: Scene):
    scene.target.looks_to_end = None
    scene.with_app("frontend").with_app("jobs").with_app()
    for other in ("frontend", "jobs"):
        scene.target.trigger_build(scene.services[other].app_id, "theirs", "")
    scene.claim(DEPLOY, "backend")
    assert wait(scene).message == "Number 3 in its queue"
    scene.target.wanted.pop(0)
    assert wait(scene).message == "Number 2 in its queue"
    scene.target.wanted.pop(0)
    assert wait(scene).message == "Next in the target's queue"


def test_waiting_in_line_is_never_lost_however_long(scene: Scene):
    scene.triggered()
    for waited in (0, 121, 3000, 50_000):
        assert "queue" in wait(scene, waited).message
    assert triggers(scene) == 1


def test_a_lost_queue_is_triggered_again_after_two_minutes_and_eleven_times_at_most(scene: Scene):
    scene.triggered()
    clock = 0.0
    for number in range(2, 13):
        scene.target.restart()
        assert "Waiting for the target" in wait(scene, clock + 119).message
        assert "lost the build" in wait(scene, clock + 120).message
        clock += 120
        assert scene.target.wanted[0][1].endswith(f"t{number}")
    scene.target.restart()
    wait(scene, clock + 119)
    with pytest.raises(Permanent, match="never finished: triggered 12 times"):
        wait(scene, clock + 120)
    assert triggers(scene) == 12


def test_the_two_minutes_count_from_when_it_was_last_seen_in_line(scene: Scene):
    scene.triggered()
    wait(scene, 500)
    scene.target.restart()
    assert "Waiting" in wait(scene, 600).message
    assert "lost" in wait(scene, 620).message


def test_a_build_that_a_restart_cancelled_is_triggered_again(scene: Scene):
    scene.triggered()
    scene.target.start_builds()
    wait(scene)
    scene.target.restart()
    assert "restarted" in wait(scene).message
    assert triggers(scene) == 2
    scene.target.finish_builds()
    wait(scene)
    assert isinstance(wait(scene), Done)
    assert len(scene.app().containers) == 1


def test_cancelled_builds_are_triggered_three_times_at_most(scene: Scene):
    scene.triggered()
    for _ in range(3):
        scene.target.start_builds()
        scene.target.restart()
        wait(scene)
    scene.target.start_builds()
    scene.target.restart()
    with pytest.raises(Permanent, match="never finished: triggered 4 times"):
        wait(scene)


def test_builds_lost_in_line_do_not_count_as_builds_that_were_cancelled(scene: Scene):
    scene.triggered()
    clock = 0.0
    for _ in range(3):
        scene.target.restart()
        clock += 120
        wait(scene, clock)
        scene.target.start_builds()
        scene.target.restart()
        assert "restarted" in wait(scene, clock).message
    assert triggers(scene) == 7
    scene.target.start_builds()
    scene.target.restart()
    with pytest.raises(Permanent, match="never finished: triggered 7 times"):
        wait(scene, clock)


def test_a_second_trigger_whose_answer_was_lost_is_remembered_while_it_is_queued(scene: Scene):
    scene.triggered()
    scene.target.start_builds()
    wait(scene)
    scene.target.restart()
    scene.target.fail("trigger_build", Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        wait(scene)
    for _ in range(3):
        assert "queue" in wait(scene).message
    scene.target.finish_builds()
    wait(scene)
    assert isinstance(wait(scene), Done)
    assert triggers(scene) == 2


def test_a_second_trigger_that_never_arrived_is_lost_after_two_minutes(scene: Scene):
    scene.triggered()
    scene.target.start_builds()
    wait(scene)
    scene.target.restart()
    scene.target.fail("trigger_build", Transient("reset", outcome_known=False), "before")
    with pytest.raises(Transient):
        wait(scene, 50)
    assert "Waiting" in wait(scene, 100).message
    assert "Waiting" in wait(scene, 169).message
    assert "lost" in wait(scene, 171).message
    assert scene.target.wanted[0][1].endswith("t3")


def test_a_resume_builds_once_more_after_an_error(scene: Scene):
    scene.triggered()
    scene.target.finish_builds("error")
    with pytest.raises(Permanent):
        wait(scene)
    scene.resume()
    assert "building once more" in wait(scene).message
    assert scene.target.wanted[0][1] == "tenantry 0190-deployment e1 t1"
    scene.target.finish_builds()
    wait(scene)
    assert isinstance(wait(scene), Done)


def test_a_resume_does_not_trigger_beside_a_build_that_still_waits_in_line(scene: Scene):
    scene.triggered()
    wait(scene, 3600)
    scene.resume()
    assert "queue" in wait(scene).message
    assert triggers(scene) == 1


def test_a_resume_follows_a_build_that_still_runs(scene: Scene):
    scene.triggered()
    scene.target.start_builds()
    wait(scene)
    scene.resume()
    assert wait(scene).message.startswith("Building")
    assert triggers(scene) == 1


def test_a_resume_after_a_lost_queue_builds_once_more(scene: Scene):
    scene.triggered()
    scene.target.restart()
    scene.resume()
    assert "building once more" in wait(scene).message


def others_build(scene: Scene) -> str:
    """An older deployment was resumed meanwhile: its build is done and stands with the service."""
    title = "tenantry 0180-deployment e1 t1"
    scene.target.trigger_build(scene.app().seen.id, title, "")
    scene.target.finish_builds()
    build = scene.app().history[-1]
    trace = {"title": title, "before": [], "build_id": build.id, "epoch": 1, "number": 1}
    trace["deployment"] = "0180-deployment"
    own = scene.services["backend"]
    scene.services["backend"] = replace(own, build_trace=trace)
    return build.id


def test_the_build_of_another_deployment_is_never_taken_for_ours(scene: Scene):
    """Ours never arrived; when it is resumed, the only new build is one of an older deployment."""
    scene.target.looks_to_end = None
    scene.with_app()
    scene.target.fail("trigger_build", Transient("reset", outcome_known=False), "before")
    with pytest.raises(Transient):
        scene.claim(DEPLOY, "backend")
    theirs = others_build(scene)
    scene.claim(DEPLOY, "backend")
    assert scene.target.wanted[-1][1] == "tenantry 0190-deployment e0 t1"
    assert theirs in scene.services["backend"].build_trace["before"]


def test_our_own_build_is_known_by_its_title_though_another_came_after(scene: Scene):
    """A build of an image keeps its title; one from a repository would be built once more."""
    scene.blueprint = blueprint(service("backend", git=None, image=IMAGE))
    scene.target.looks_to_end = None
    scene.with_app()
    scene.target.fail("trigger_build", Transient("reset", outcome_known=False), "after")
    with pytest.raises(Transient):
        scene.claim(DEPLOY, "backend")
    others_build(scene)
    before = triggers(scene)
    scene.claim(DEPLOY, "backend")
    assert triggers(scene) == before


def test_a_wait_builds_anew_where_another_deployment_has_built_since(scene: Scene):
    scene.triggered()
    scene.target.finish_builds()
    others_build(scene)
    outcome = wait(scene)
    assert isinstance(outcome, Wait)
    assert "Another deployment has built" in outcome.message
    assert scene.target.wanted[-1][1] == "tenantry 0190-deployment e0 t1"
