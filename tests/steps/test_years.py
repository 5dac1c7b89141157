"""Handlers of the years after, each in four ways: its goal, run twice, answer lost, refused."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tenantry.errors import Permanent, TargetDown
from tenantry.planning.limits import Limits
from tenantry.planning.sources import Volume
from tenantry.steps.outcomes import Done, ReplicasSeen, Skip, Wait
from tests.steps.scene import Scene

LOST = TargetDown("cut", outcome_known=False)


def running_scene() -> Scene:
    """Backend and database are there, deployed, with a domain and a schedule."""
    scene = Scene()
    backend = scene.blueprint.service("backend")
    assert backend is not None
    changed = replace(
        backend,
        replicas=2,
        limits=Limits(memory_mb=512),
        volumes=(),
        env=(),
    )
    services = tuple(changed if s.name == "backend" else s for s in scene.blueprint.services)
    scene.blueprint = replace(scene.blueprint, services=services)
    scene.with_database().with_app("backend")
    scene.target.looks_to_end = 1
    scene.claim("service.backend.deploy", "backend")
    play(scene, "service.backend.wait_deploy", "backend")
    scene.claim("domains.create", "backend")
    scene.target.schedule(scene.services["backend"].app_id or "")
    return scene


def play(scene: Scene, key: str, name: str | None, most: int = 20) -> Any:
    """Claims until it is done, as polls would."""
    for _ in range(most):
        outcome = scene.claim(key, name)
        if not isinstance(outcome, Wait):
            return outcome
        # A settle time has passed in which nothing stood.
        scene.step(key, name).waited += 5
    raise AssertionError(f"{key} is never done: {outcome.message}")


@dataclass(frozen=True)
class Case:
    """One handler: its key, the change it sends, and what it brings about."""

    key: str
    name: str | None
    change: str
    reached: Callable[[Scene], object]
    before: Callable[[Scene], object] = lambda scene: None


def backend(scene: Scene) -> Any:
    return scene.app("backend")


def stopped(scene: Scene) -> None:
    play(scene, "service.backend.schedules_off", "backend")
    play(scene, "domains.switch_off", "backend")
    play(scene, "service.backend.stop", "backend")


def scheduled(scene: Scene) -> list[bool]:
    return [row.seen.enabled for row in scene.target.schedule_rows.values() if row.listed]


def domains_of(scene: Scene) -> list[bool]:
    return [seen.enabled for _, seen in scene.target.domain_rows.values()]


def emptied(scene: Scene) -> None:
    stopped(scene)
    for key, name in (
        ("service.backend.schedules_remove", "backend"),
        ("domains.remove", "backend"),
        ("service.backend.remove", "backend"),
        ("db.remove", "db"),
    ):
        play(scene, key, name)


CASES = [
    Case(
        "service.backend.settings",
        "backend",
        "configure_application",
        lambda s: (backend(s).replicas, backend(s).memory) == (2, str(512 * 1024 * 1024)),
        lambda s: setattr(backend(s), "replicas", 9),
    ),
    Case(
        "service.backend.fresh_build",
        "backend",
        "set_fresh_build",
        lambda s: backend(s).fresh_build,
    ),
    Case(
        "service.backend.cached_build",
        "backend",
        "set_fresh_build",
        lambda s: not backend(s).fresh_build,
        lambda s: setattr(backend(s), "fresh_build", True),
    ),
    Case(
        "service.backend.reload",
        "backend",
        "reload_application",
        lambda s: backend(s).applied[0] == str(512 * 1024 * 1024),
    ),
    Case(
        "service.backend.schedules_off",
        "backend",
        "enable_schedule",
        lambda s: scheduled(s) == [False],
    ),
    Case(
        "service.backend.schedules_on",
        "backend",
        "enable_schedule",
        lambda s: scheduled(s) == [True],
        stopped,
    ),
    Case("domains.switch_off", "backend", "enable_domain", lambda s: domains_of(s) == [False]),
    Case(
        "domains.switch_on", "backend", "enable_domain", lambda s: domains_of(s) == [True], stopped
    ),
    Case(
        "service.backend.stop", "backend", "stop_application", lambda s: not backend(s).containers
    ),
    Case("db.stop", "db", "stop_database", lambda s: not s.app("db").containers),
    Case(
        "db.start",
        "db",
        "start_database",
        lambda s: s.app("db").containers,
        lambda s: play(s, "db.stop", "db"),
    ),
    Case(
        "service.backend.schedules_remove",
        "backend",
        "delete_schedule",
        lambda s: not s.target.schedule_rows,
    ),
    Case("domains.remove", "backend", "delete_domain", lambda s: not s.target.domain_rows),
    Case(
        "service.backend.remove",
        "backend",
        "delete_application",
        lambda s: not s.target.services("application"),
    ),
    Case("db.remove", "db", "remove_database", lambda s: not s.target.services("postgres")),
    Case(
        "service.backend.image_remove",
        "backend",
        "remove_image",
        lambda s: not s.target.image_rows,
        lambda s: play(s, "service.backend.remove", "backend"),
    ),
    Case("project.remove", None, "delete_project", lambda s: not s.target.project_rows, emptied),
]
every = pytest.mark.parametrize("case", CASES, ids=lambda case: case.key)


def staged(case: Case) -> Scene:
    scene = running_scene()
    case.before(scene)
    scene.target.calls.clear()
    return scene


@every
def test_it_reaches_its_goal(case: Case) -> None:
    scene = staged(case)
    assert isinstance(play(scene, case.key, case.name), Done)
    assert case.reached(scene)
    assert scene.target.calls[case.change] >= 1


@every
def test_run_twice_it_ends_the_same(case: Case) -> None:
    scene = staged(case)
    play(scene, case.key, case.name)
    assert isinstance(play(scene, case.key, case.name), Done | Skip)
    assert case.reached(scene)


@every
def test_after_a_lost_answer_it_ends_the_same(case: Case) -> None:
    scene = staged(case)
    scene.target.fail(case.change, LOST, "after")
    with pytest.raises(TargetDown):
        play(scene, case.key, case.name)
    assert scene.step(case.key, case.name).intent is not None
    assert isinstance(play(scene, case.key, case.name), Done)
    assert case.reached(scene)


@every
def test_a_refusal_fails_it_in_the_targets_words(case: Case) -> None:
    scene = staged(case)
    scene.target.fail(case.change, Permanent("Target main: it answered 403, not yours"))
    with pytest.raises(Permanent, match="not yours"):
        play(scene, case.key, case.name)


def test_replicas_are_counted_until_they_are_as_many_as_wanted() -> None:
    scene = running_scene()
    play(scene, "service.backend.settings", "backend")
    play(scene, "service.backend.reload", "backend")
    done = play(scene, "service.backend.observe", "backend")
    assert done.message == "2 wanted, 2 running"
    assert isinstance(done.records[0], ReplicasSeen)
    backend(scene).containers.pop(0)
    waiting = scene.claim("service.backend.observe", "backend")
    assert isinstance(waiting, Wait)
    assert waiting.message.startswith("2 wanted, 1 running")


def test_a_target_without_room_keeps_the_step_waiting_and_says_so() -> None:
    scene = running_scene()
    first = backend(scene).containers[0]
    backend(scene).containers[0] = replace(
        first, state="pending", error="no suitable node (insufficient resources on 1 node)"
    )
    waiting = scene.claim("service.backend.observe", "backend")
    assert isinstance(waiting, Wait)
    assert "no room" in waiting.message


def test_a_silent_engine_is_no_proof_that_something_is_gone() -> None:
    scene = running_scene()
    scene.target.engine_silent = True
    for key, name in (("service.backend.stop", "backend"), ("service.backend.remove", "backend")):
        waiting = scene.claim(key, name)
        assert isinstance(waiting, Wait)
        assert "does not answer" in waiting.message
    scene.target.engine_silent = False
    assert isinstance(play(scene, "service.backend.remove", "backend"), Done)


def test_a_running_build_is_waited_for_before_anything_is_removed() -> None:
    scene = running_scene()
    scene.target.looks_to_end = None
    scene.claim("service.backend.deploy", "backend")
    scene.target.start_builds()
    waiting = scene.claim("teardown.wait_builds")
    assert isinstance(waiting, Wait)
    assert waiting.message == "A build still runs: backend"
    scene.target.finish_builds()
    assert isinstance(scene.claim("teardown.wait_builds"), Done)


def test_what_waits_in_the_queue_is_dropped() -> None:
    scene = running_scene()
    scene.target.looks_to_end = None
    scene.claim("service.backend.deploy", "backend")
    assert isinstance(play(scene, "teardown.wait_builds", None), Done)
    assert scene.target.wanted == []


def test_a_project_that_holds_something_else_is_never_removed() -> None:
    scene = running_scene()
    emptied(scene)
    environment = scene.tenant.environment_id or ""
    scene.target.create_application(environment, "theirs", "theirs", "", None)
    with pytest.raises(Permanent, match="application theirs"):
        scene.claim("project.remove")
    assert scene.target.calls["delete_project"] == 0


def test_a_certificate_is_refused_while_one_thing_runs() -> None:
    scene = running_scene()
    with pytest.raises(Permanent, match="Incomplete"):
        scene.claim("teardown.certify")


def test_volumes_are_mounted_once_each() -> None:
    scene = running_scene()
    spec = scene.blueprint.service("backend")
    assert spec is not None
    volumed = replace(spec, volumes=(Volume("files", "/files"), Volume("cache", "/cache")))
    services = tuple(volumed if s.name == "backend" else s for s in scene.blueprint.services)
    scene.blueprint = replace(scene.blueprint, services=services)
    scene.target.fail("create_volume", LOST, "after")
    with pytest.raises(TargetDown):
        scene.claim("service.backend.mount", "backend")
    scene.claim("service.backend.mount", "backend")
    scene.claim("service.backend.mount", "backend")
    app_name = scene.services["backend"].app_name
    assert sorted((m.source, m.path) for m in backend(scene).mounts) == [
        (f"{app_name}-cache", "/cache"),
        (f"{app_name}-files", "/files"),
    ]


@pytest.mark.parametrize(
    "key",
    [
        "service.backend.schedules_off",
        "service.backend.schedules_on",
        "domains.switch_off",
        "domains.switch_on",
        "service.backend.stop",
        "service.backend.wake",
        "service.backend.wait_wake",
        "service.backend.schedules_remove",
        "domains.remove",
        "service.backend.remove",
    ],
)
def test_what_was_never_created_is_skipped(key: str) -> None:
    scene = Scene().with_project()
    assert scene.claim(key, "backend") == Skip("It was never created")


@pytest.mark.parametrize("method", ["schedule", "domain"])
def test_what_a_suspension_switches_off_is_known_before_the_first_is(method: str) -> None:
    scene = running_scene()
    off, on = (
        ("service.backend.schedules_off", "service.backend.schedules_on")
        if method == "schedule"
        else ("domains.switch_off", "domains.switch_on")
    )
    scene.blueprint = replace(scene.blueprint, action="unsuspend")
    scene.target.fail(f"enable_{method}", LOST, "after")
    with pytest.raises(TargetDown):
        play(scene, off, "backend")
    play(scene, off, "backend")
    play(scene, on, "backend")
    assert scheduled(scene) == domains_of(scene) == [True]


def test_a_stop_is_sent_once_and_again_only_after_a_long_while() -> None:
    scene = running_scene()
    task = backend(scene).containers[0]
    scene.target.__class__ = type(
        "Stubborn", (type(scene.target),), {"containers": lambda *_: [task]}
    )
    for _ in range(12):
        assert isinstance(scene.claim("service.backend.stop", "backend"), Wait)
    assert scene.target.calls["stop_application"] == 1
    scene.claim("service.backend.stop", "backend")
    assert scene.target.calls["stop_application"] == 2


@pytest.mark.parametrize(("state", "sent"), [("starting", 1), ("none", 2)])
def test_a_database_that_starts_slowly_is_left_to_it(state: str, sent: int) -> None:
    scene = running_scene()
    task = replace(scene.app("db").containers[0], state=state)
    play(scene, "db.stop", "db")
    seen = [] if state == "none" else [task]
    scene.target.__class__ = type("Slow", (type(scene.target),), {"containers": lambda *_: seen})
    for _ in range(20):
        assert isinstance(scene.claim("db.start", "db"), Wait)
    assert scene.target.calls["start_database"] == sent


def test_what_is_removed_is_known_to_be_gone() -> None:
    scene = running_scene()
    name = scene.services["backend"].app_name
    emptied(scene)
    own, database = scene.services["backend"], scene.services["db"]
    assert (own.app_id, own.app_name, own.applied) == (None, name, {})
    # The id of a database stays: an empty one must never come in its place.
    assert database.db_id is not None
    assert database.applied == {}
