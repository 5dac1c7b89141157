"""The twin and the stand-in server, one after the other, with a tenant's things on them."""

import pytest

from dokploy_simulator import Simulator
from tenantry.planning.sources import GitSource
from tenantry.ports import DatabaseWish, Running
from tests.adapters.lives.levers import FILE, SimulatorLevers, TwinLevers


@pytest.fixture(params=["twin", "simulator"])
def levers(request):
    if request.param == "twin":
        yield TwinLevers()
        return
    with Simulator(speed=0) as simulator:
        found = SimulatorLevers(simulator)
        yield found
        found.close()


@pytest.fixture
def target(levers):
    return levers.target


@pytest.fixture
def project(target):
    return target.create_project("tenant-acme", "tenantry:t1 Acme")


@pytest.fixture
def app(target, project):
    made = target.create_application(
        project.environment_id, "web", "acme-web", "tenantry:s1 web", None
    )
    target.settle_application(made.id, Running())
    target.attach_git(made.id, GitSource("https://git.example.test/ok.git", "main"))
    return made


@pytest.fixture
def database(target, project):
    wish = DatabaseWish(
        "postgres", "db", "acme-db", "tenantry:s2 db", "acme", "bob", "Passw0rd", "postgres:17.2"
    )
    made = target.create_database(project.environment_id, wish, None)
    target.deploy_database("postgres", made.id, deadline=20)
    return made


@pytest.fixture
def stack(target, project):
    made = target.create_compose(
        project.environment_id, "stack", "acme-stk", "tenantry:s3 stack", None
    )
    target.set_compose_file(made.id, FILE)
    return made
