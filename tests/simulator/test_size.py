"""A thousand tenants of three services are read as quickly as one."""

import json
import time

import pytest

from dokploy_simulator.options import SimulatorOptions
from dokploy_simulator.routes import ROUTES
from dokploy_simulator.specs import ServiceSpec
from dokploy_simulator.state import remains
from dokploy_simulator.world import World

TENANTS = 1000


@pytest.fixture(scope="module")
def world():
    world = World(SimulatorOptions(speed=0))
    for number in range(TENANTS):
        made = call(world, "project.create", name=f"tenant-{number}")
        place = made["environment"]["environmentId"]
        for name in ("web", "worker"):
            row = call(world, "application.create", name=name, environmentId=place)
            world.engine.apply(ServiceSpec(row["appName"], "nginx:1"))
        asked = {"databaseName": "d", "databaseUser": "u", "databasePassword": "p"}
        row = call(world, "postgres.create", name="db", environmentId=place, **asked)
        world.engine.apply(ServiceSpec(row["appName"], "postgres:16", kind="postgres"))
    yield world
    world.store.close()


def call(world, path, **asked):
    return ROUTES[path].handler(world, asked)


def taken(world, path, **asked):
    """The answer and the seconds it took, its text included."""
    began = time.perf_counter()
    answer = call(world, path, **asked)
    json.dumps(answer)
    return answer, time.perf_counter() - began


def test_one_project_is_read_in_a_moment(world):
    project = world.store.every("project")[500]

    answer, seconds = taken(world, "project.one", projectId=project["projectId"])

    assert len(answer["environments"][0]["applications"]) == 2
    assert seconds < 0.05


@pytest.mark.parametrize(
    ("path", "count"), [("overview.services", 3 * TENANTS), ("swarm.getNodeApps", 3 * TENANTS)]
)
def test_lists_of_everything_are_read_in_time(world, path, count):
    answer, seconds = taken(world, path)

    assert len(answer) == count
    assert seconds < 2


def test_a_container_someone_was_told_of_is_found_at_once(world):
    name = world.store.every("application")[900]["appName"]
    (row,) = call(world, "docker.getContainersByAppLabel", appName=name, type="swarm")

    answer, seconds = taken(world, "docker.getConfig", containerId=row["containerId"])

    assert answer["Name"].startswith(f"/{name}.1.")
    assert seconds < 0.05


def test_what_remains_of_one_tenant_is_found_among_all(world):
    name = world.store.every("application")[0]["appName"]

    assert set(remains(world, name)) == {"applications", "services"}
