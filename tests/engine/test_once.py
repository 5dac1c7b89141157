"""What has a volume never runs twice: swept over plans, settings, and what the target is told."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import Invalid
from tenantry.planning import limits
from tenantry.planning.blueprint import DatabaseSpec, ServiceSpec
from tenantry.planning.databases import IMAGE_KINDS, facts
from tenantry.planning.image_databases import as_service
from tenantry.planning.limits import Limits
from tenantry.planning.sources import Volume
from tenantry.steps.application import running_of
from tests.planning.blueprints import GIT, IMAGE, blueprint, service
from tests.products import of_kind
from tests.stage import Stage
from tests.steps.scene import Scene

VOLUMES = (Volume("data", "/data"),)
DEEDS = ("create", "mount", "settings", "deploy", "wait_deploy", "reload", "wake")


@st.composite
def stateful(draw: st.DrawFn) -> ServiceSpec:
    """Any service that may not run twice, whatever somebody had stored for it."""
    volumes = draw(st.sampled_from([VOLUMES, ()]))
    git = draw(st.sampled_from([GIT, None]))
    return service(
        "box",
        git=git,
        image=None if git else IMAGE,
        replicas=draw(st.integers(-3, 60)),
        volumes=volumes,
        stop_first=draw(st.booleans()) if volumes else True,
        limits=draw(st.sampled_from([Limits(), Limits(0.5, 512)])),
    )


@given(stateful())
def test_however_many_are_asked_for_one_runs_and_stops_before_it_starts(spec: ServiceSpec):
    running = running_of(spec)
    assert running.replicas <= 1
    assert running.stop_first


@given(st.integers(2, 50))
def test_more_than_one_is_refused_where_it_is_typed(replicas: int):
    with pytest.raises(Invalid, match="never share one volume"):
        limits.replicas(replicas, stateful=True)


@pytest.mark.parametrize("spec", [
    service("box", git=None, image=IMAGE, volumes=VOLUMES, replicas=5),
    service("box", git=None, image=IMAGE, stop_first=True, replicas=5),
    service("box", volumes=VOLUMES, replicas=3),
], ids=["volume", "stop first", "from git"])  # fmt: skip
def test_every_step_that_tells_the_target_how_it_runs_says_once(spec: ServiceSpec):
    scene = Scene(blueprint=blueprint(spec)).with_project()
    for deed in DEEDS:
        for _ in range(3):
            scene.claim(f"service.box.{deed}", "box")
        row = scene.app("box")
        assert (row.replicas, row.stop_first) == (1, True), deed
        assert len([c for c in row.containers if c.wanted == "running"]) <= 1, deed


@pytest.mark.parametrize("kind", IMAGE_KINDS)
@given(cpu=st.sampled_from([None, 0.5, 8.0]), memory=st.sampled_from([None, 512, 65536]))
def test_a_database_that_is_an_image_is_one_whatever_its_limits(
    kind: str, cpu: float | None, memory: int | None
):
    spec = DatabaseSpec("db", kind, facts(kind).image, "d", "u", Limits(cpu, memory))
    running = running_of(replace(as_service(spec), replicas=9))
    assert (running.replicas, running.stop_first) == (1, True)


@pytest.mark.parametrize("kind", IMAGE_KINDS)
def test_it_stays_so_through_a_whole_deployment(stage: Stage, kind: str):
    stage.ready(of_kind(kind)).deploy()
    stage.finish()
    row = stage.twins.target.app("db")
    assert (row.replicas, row.stop_first, len(row.mounts)) == (1, True, 1)
