"""
Databases of every kind, a database outside and a stack: deployed by the real engine through the
real adapter to the stand-in, whose applications say whether their URL leads to the right database.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine

from dokploy_simulator import Simulator
from tenantry.adapters.dokploy import DokployTargets
from tenantry.config import Settings, TargetSettings, load
from tenantry.engine.store import open_engine
from tenantry.operations import scaling, secrets, templates
from tenantry.operations.scaling import Scale
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import SUSPEND, TEARDOWN, UNSUSPEND
from tenantry.planning.databases import DATABASE_KINDS, facts
from tenantry.planning.limits import Capabilities
from tests.conftest import environment
from tests.products import KINDS, OUTSIDE, STACK, STACKED, of_kind
from tests.stage import ME, Stage

ROUTERS = {"mongodb": "mongo"}


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough here: what is looked at is the target."""
    return sqlite_url


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(speed=0) as running:
        yield running


@pytest.fixture
def settings(database_url: str) -> Settings:
    return load(environment(database_url, TIME_DIVISOR="15"))


@pytest.fixture
def stage(engine: Engine, settings: Settings, simulator: Simulator) -> Iterator[Stage]:
    targets = DokployTargets([TargetSettings("main", simulator.url, simulator.api_key)])
    scene = Stage(engine, settings)
    scene.ports = replace(scene.ports, target=targets)
    yield scene
    targets.close()


def finish(stage: Stage) -> None:
    """Plays on while the stand-in works in its own thread; waits pass quicker than by the clock."""
    for _ in range(400):
        stage.play()
        if not stage._open():
            break
        time.sleep(0.01)
        stage.pass_time(1)
    assert stage.deployment().status == "succeeded", stage.deployment().summary


def done(stage: Stage, wish: Any) -> None:
    stage.desk.deploy(ME, "acme", wish=wish)
    finish(stage)


def asked(simulator: Simulator, host: str, door: str = "/_db") -> dict[str, Any]:
    """What the application behind a hostname says of its DATABASE_URL."""
    answer = httpx.get(
        f"{simulator.apps_url}{door}?name=DATABASE_URL", headers={"Host": host}, timeout=10
    )
    return dict(json.loads(answer.text))


def service(simulator: Simulator, name: str) -> dict[str, Any]:
    rows = httpx.get(f"{simulator.url}/_sim/state", timeout=10).json()["services"]
    (found,) = [row for row in rows if row["name"] == name]
    return dict(found)


@pytest.mark.parametrize("kind", KINDS)
def test_a_product_reaches_its_database(stage: Stage, simulator: Simulator, kind: str):
    stage.ready(of_kind(kind)).deploy()
    finish(stage)
    host = "acme.stored.example.com"
    assert asked(simulator, host) == {"ok": True, "kind": ROUTERS.get(kind, kind)}
    own = stage.service_row("db")
    running = service(simulator, own.app_name)
    assert (running["replicas"], running["order"]) == (1, "stop-first")
    assert running["volumes"] == [f"{own.app_name}-data"]
    assert running["image"] == facts(kind).image
    assert running["command"] is None
    assert stage.desk.preview(ME, "acme").nothing


@pytest.mark.parametrize("kind", KINDS)
def test_it_keeps_its_url_through_new_limits_and_a_rest(
    stage: Stage, simulator: Simulator, kind: str
):
    stage.ready(of_kind(kind)).deploy()
    finish(stage)
    name = stage.service_row("db").app_name
    before = service(simulator, name)["version"]
    wanted = Scale("db", None, {"memory_mb": 1024})
    done(stage, lambda s, tenant: scaling.store(s, ME, tenant, wanted, Capabilities()))
    newest = service(simulator, name)
    assert newest["limits"]["memoryLimit"] == 1024**3
    assert newest["version"] == before + 1
    done(stage, Wish(action=SUSPEND, with_database=True))
    assert service(simulator, name)["replicas"] == 0
    done(stage, Wish(action=UNSUSPEND))
    assert asked(simulator, "acme.stored.example.com")["ok"] is True
    volume = f"{name}-data"
    done(stage, Wish(action=TEARDOWN))
    assert stage.step_of_latest("teardown.certify").details["volumes"] == [volume]
    rows = httpx.get(f"{simulator.url}/_sim/state", timeout=10).json()["services"]
    assert rows == []


@pytest.mark.parametrize("kind", ["postgres", "keydb"])
def test_a_database_that_does_not_run_is_noticed(stage: Stage, simulator: Simulator, kind: str):
    """The proof above proves something."""
    stage.ready(of_kind(kind)).deploy()
    finish(stage)
    own, target = stage.service_row("db"), stage.ports.target("main")
    if kind in DATABASE_KINDS:
        target.stop_database("postgres", own.db_id)
    else:
        target.stop_application(own.app_id)
    answer = asked(simulator, "acme.stored.example.com")
    assert (answer["ok"], "does not run" in answer["reason"]) == (False, True)


def test_a_stack_reaches_its_database_and_serves(stage: Stage, simulator: Simulator):
    stage.ready(STACKED).deploy()
    finish(stage)
    host = "acme.stacked.example.com"
    assert asked(simulator, host) == {"ok": True, "kind": "postgres"}
    own = stage.service_row("shop")
    assert service(simulator, f"{own.app_name}_web")["image"] == "acme/shop:1.0"
    changed = STACK | {"compose_file": STACK["compose_file"].replace("1.0}", "2.0}")}
    stage.product(STACKED | {"services": [changed]})
    done(stage, Wish())
    assert service(simulator, f"{own.app_name}_web")["image"] == "acme/shop:2.0"
    done(stage, Wish(action=SUSPEND))
    done(stage, Wish(action=UNSUSPEND))
    assert asked(simulator, host)["ok"] is True
    done(stage, Wish(action=TEARDOWN))
    rows = httpx.get(f"{simulator.url}/_sim/state", timeout=10).json()["services"]
    assert rows == []


def test_a_stack_that_lingers_is_waited_for(stage: Stage, simulator: Simulator):
    stage.ready(STACKED).deploy()
    finish(stage)
    own = stage.service_row("shop")
    httpx.post(f"{simulator.url}/_sim/settings", json={"stack_lingers": 0.3}, timeout=10)
    done(stage, Wish(action=TEARDOWN))
    assert stage.step_of_latest("service.shop.remove").polls > 0
    rows = httpx.get(f"{simulator.url}/_sim/state", timeout=10).json()["services"]
    assert not [row for row in rows if row["name"].startswith(own.app_name)]


def test_a_database_outside_arrives_as_its_secret(stage: Stage, simulator: Simulator):
    url = "postgresql://u:Passw0rdOutside@db.supabase.example:5432/postgres"
    stage.ready(OUTSIDE)

    def act(session: Any) -> None:
        product = templates.find(session, "stacked")
        secrets.put(session, ME, stage.desk.secrets, "database_url", url, project_id=product.id)

    stage.desk.do(act)
    stage.deploy()
    finish(stage)
    told = asked(simulator, "acme.stacked.example.com", "/_env")
    assert told["value"] == url
