"""`health.check` and `health.retry`."""

from dataclasses import replace

import pytest

from tenantry.errors import TargetDown
from tenantry.ports import BuildSeen, ContainerSeen, HttpAnswer
from tenantry.steps.outcomes import Done, Unhealthy
from tests.steps.scene import Scene

KEYS = pytest.mark.parametrize("key", ["health.check", "health.retry"])


def change(scene: Scene, name: str, **more) -> None:
    services = tuple(replace(s, **more) if s.name == name else s for s in scene.blueprint.services)
    scene.blueprint = replace(scene.blueprint, services=services)


def unhealthy(scene: Scene, name: str) -> Unhealthy:
    with pytest.raises(Unhealthy) as trouble:
        scene.claim("health.check", name)
    assert not trouble.value.seen.ok
    assert trouble.value.outcome_known
    return trouble.value


def run(id_: str, status: str) -> BuildSeen:
    return BuildSeen(id_, "nightly", "", status, "2026-01-01T00:00:00Z")  # type: ignore[arg-type]


@KEYS
def test_an_expected_answer_is_healthy(scene: Scene, key: str):
    change(scene, "backend", health_path="/healthz")
    done = scene.claim(key, "backend")
    assert isinstance(done, Done)
    assert done.message == "200 in 5 ms"
    assert done.health is not None
    assert (done.health.ok, done.health.status, done.health.latency_ms) == (True, 200, 5)
    assert scene.twins.web.seen[0].url == "https://acme-backend.example.com/healthz"


@KEYS
def test_looking_twice_changes_nothing(scene: Scene, key: str):
    assert scene.claim(key, "backend") == scene.claim(key, "backend")
    assert not scene.target.calls


def test_plain_http_is_asked_where_the_product_has_no_https(scene: Scene):
    scene.blueprint = replace(scene.blueprint, https=False)
    scene.claim("health.check", "frontend")
    assert scene.twins.web.seen[0].url == "http://acme.example.com/"


@pytest.mark.parametrize("status", [404, 500, 502])
def test_another_status_is_unhealthy_and_says_which(scene: Scene, status: int):
    scene.twins.web.answers("acme", status)
    trouble = unhealthy(scene, "backend")
    assert str(trouble) == f"https://acme-backend.example.com/ answered {status}, not 200-399"
    assert trouble.seen.status == status


def test_the_expected_status_of_the_service_decides(scene: Scene):
    change(scene, "backend", expected_status="401,403")
    scene.twins.web.answers("acme", 401, 200)
    assert isinstance(scene.claim("health.check", "backend"), Done)
    unhealthy(scene, "backend")


def test_no_answer_is_unhealthy_and_says_why(scene: Scene):
    scene.twins.web.answers("acme", HttpAnswer(None, 10_000, "timed out"))
    trouble = unhealthy(scene, "backend")
    assert str(trouble).endswith("did not answer: timed out")
    assert (trouble.seen.status, trouble.seen.latency_ms) == (None, 10_000)


def test_a_worker_is_judged_by_its_containers(scene: Scene):
    scene.with_app("jobs")
    scene.app("jobs").containers = [
        ContainerSeen("1", "running", "running", ""),
        ContainerSeen("0", "shutdown", "shutdown", ""),
    ]
    done = scene.claim("health.check", "jobs")
    assert isinstance(done, Done)
    assert done.message == "1 container running"
    assert not scene.twins.web.seen


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "lists no containers"),
        ([ContainerSeen("1", "failed", "running", "exit 1")], "No container runs: exit 1"),
        ([ContainerSeen("1", "running", "shutdown", "")], "No container runs"),
    ],
)
def test_a_worker_without_a_running_container_is_unhealthy(scene: Scene, rows, words: str):
    scene.with_app("jobs")
    scene.app("jobs").containers = rows
    assert words in str(unhealthy(scene, "jobs"))


def test_a_worker_that_was_never_created_is_unhealthy_not_an_error(scene: Scene):
    unhealthy(scene, "jobs")


@pytest.mark.parametrize(("status", "good"), [("done", True), ("running", True), ("error", False)])
def test_a_cron_is_judged_by_the_last_run_of_its_schedule(scene: Scene, status, good):
    change(scene, "jobs", service_type="cron")
    scene.with_app("jobs")
    scene.app("jobs").schedules = [run("new", status), run("old", "error" if good else "done")]
    if good:
        assert scene.claim("health.check", "jobs").message.endswith(status)
    else:
        assert "scheduled run is error" in str(unhealthy(scene, "jobs"))


def test_a_cron_without_a_run_is_judged_by_its_container(scene: Scene):
    change(scene, "jobs", service_type="cron")
    unhealthy(scene, "jobs")
    scene.with_app("jobs")
    scene.app("jobs").containers = [ContainerSeen("1", "running", "running", "")]
    assert isinstance(scene.claim("health.check", "jobs"), Done)


def test_a_target_that_is_away_says_nothing_about_health(scene: Scene):
    scene.with_app("jobs")
    scene.target.fail("containers", TargetDown("connection refused"))
    with pytest.raises(TargetDown):
        scene.claim("health.check", "jobs")


def test_a_step_without_its_service_is_a_fault_of_the_plan(scene: Scene):
    with pytest.raises(LookupError, match="has no service"):
        scene.claim("health.check", "nobody")
