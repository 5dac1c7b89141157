"""Whose turn it is: nothing twice at a time, no bursts, two probers beside each other."""

import threading
from itertools import pairwise

import pytest
from sqlalchemy import select, update

from tenantry.errors import TargetDown
from tenantry.models import ServiceWatch, TargetRow, Tenant, TenantService
from tenantry.models.dbtime import db_now
from tenantry.ports import HttpAnswer
from tenantry.watching import reading
from tenantry.watching.probing import ContainerRound, by_http
from tests.stage import IMAGE_ONLY, PRODUCT
from tests.watching.scenes import Scene

MANY = IMAGE_ONLY | {
    "services": [
        {"name": f"s{n}", "service_type": "backend", "image": "acme/tools:1.0"} for n in range(12)
    ]
}


def test_only_what_a_deployment_has_brought_about_is_watched(scene: Scene):
    slug = scene.stage.product(IMAGE_ONLY)
    scene.stage.tenant("acme", slug)
    assert scene.prober.enrol() == 0
    scene.stage.deploy("acme")
    scene.stage.finish()
    assert scene.prober.enrol() == 1
    assert scene.prober.enrol() == 0
    assert scene.watch.kind == "http"


def test_a_new_deployment_is_watched_in_the_place_of_the_old(scene: Scene):
    scene.deployed().minutes(200)
    changed = IMAGE_ONLY["services"][0] | {"health_path": "/live", "expected_status": "204"}
    scene.stage.product(IMAGE_ONLY | {"services": [changed]})
    scene.stage.deploy()
    scene.stage.twins.web.answers("/live", 204)
    scene.stage.finish()
    before = scene.watch
    assert before.url.endswith(".com/")
    assert scene.prober.enrol() == 1
    after = scene.watch
    assert after.url.endswith("/live")
    assert after.expected_status == "204"
    assert (after.state, after.next_due_at) == (before.state, before.next_due_at)


def test_what_is_being_probed_is_not_probed_again(scene: Scene):
    scene.deployed()
    (one,) = scene.prober.claim(5).assignments
    scene.write(ServiceWatch, next_due_at=db_now())
    assert scene.prober.claim(5).assignments == ()
    assert scene.another().claim(5).assignments == ()
    scene.prober.keep([scene.prober.ask(one)])
    scene.write(ServiceWatch, next_due_at=db_now())
    assert len(scene.prober.claim(5).assignments) == 1


def test_the_probe_of_a_prober_that_died_is_made_by_another(scene: Scene):
    scene.deployed()
    scene.prober.claim(5)
    scene.later(scene.prober.lease + 1)
    scene.write(ServiceWatch, next_due_at=db_now())
    assert scene.another().probe() == 1


def test_what_comes_after_its_lease_or_from_an_older_claim_is_thrown_away(scene: Scene):
    scene.deployed()
    (old,) = scene.prober.claim(5).assignments
    result = scene.prober.ask(old)
    scene.later(scene.prober.lease + 1)
    assert scene.prober.keep([result]) == 0
    scene.write(ServiceWatch, next_due_at=db_now())
    (new,) = scene.another().claim(5).assignments
    assert scene.prober.keep([result]) == 0
    assert scene.prober.keep([result, scene.prober.ask(new)]) == 1
    assert len(scene.checks) == 1


def test_a_prober_that_was_away_makes_no_burst(scene: Scene):
    scene.deployed(document=MANY)
    scene.later(7200)
    claimed = scene.prober.claim(50)
    assert claimed.assignments == ()
    with scene.engine.begin() as conn:
        rows = conn.execute(
            select(ServiceWatch.next_due_at, db_now().label("now")).order_by(
                ServiceWatch.next_due_at
            )
        ).all()
    waits = [(row.next_due_at - row.now).total_seconds() for row in rows]
    assert all(0 < wait <= 60 for wait in waits)


def test_services_are_spread_over_their_interval(scene: Scene):
    scene.deployed(document=MANY)
    scene.write(ServiceWatch, deployment_id=None)
    with scene.engine.begin() as conn:
        conn.execute(ServiceWatch.__table__.delete())
    scene.prober.enrol()
    dues = sorted(row.next_due_at for row in scene.rows(ServiceWatch))
    gaps = [(b - a).total_seconds() for a, b in pairwise(dues)]
    assert max(gaps) < 60 / 12 * 3
    assert (dues[-1] - dues[0]).total_seconds() < 60


def test_a_service_has_an_interval_of_its_own(scene: Scene):
    scene.deployed()
    scene.write(ServiceWatch, interval_seconds=600)
    scene.prober.probe()
    with scene.engine.begin() as conn:
        row = conn.execute(select(ServiceWatch.next_due_at, db_now().label("now"))).one()
    assert 480 < (row.next_due_at - row.now).total_seconds() < 720


def test_there_is_no_more_claimed_than_there_is_room_for(scene: Scene):
    scene.deployed(document=MANY)
    claims = [len(scene.prober.claim(5).assignments) for _ in range(4)]
    assert claims == [5, 5, 2, 0]


def test_two_probers_at_once_never_double(scene: Scene):
    scene.deployed(document=MANY)
    start, wrong = threading.Barrier(4), []

    def work() -> None:
        prober = scene.another()
        start.wait()
        try:
            for _ in range(6):
                prober.probe(room=3)
        except Exception as trouble:  # noqa: BLE001 — told to the test
            wrong.append(trouble)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    checks = scene.checks
    assert len(checks) == 12
    assert len({check.tenant_service_id for check in checks}) == 12


def containers(scene: Scene, **listed: tuple[int, int]) -> None:
    names = {row.seen.name: row.seen.app_name for row in scene.target.apps.values()}
    scene.target.listed = {names[name]: seen for name, seen in listed.items()}
    scene.due()
    scene.prober.judge_containers()


WORKERS = PRODUCT | {
    "services": [
        {"name": "web", "service_type": "backend", "image": "a/b:1"},
        {"name": "mill", "service_type": "worker", "image": "a/b:1", "expose_domain": False},
    ]
}


def states(scene: Scene) -> dict[str, str]:
    with scene.stage.desk.reading() as session:
        return {s.service_name: s.state for s in reading.states(session.connection())}


def test_services_without_a_hostname_are_judged_by_one_call_for_all(scene: Scene):
    scene.deployed(document=WORKERS | {"secrets": []})
    scene.target.calls.clear()
    containers(scene, mill=(1, 2), db=(1, 1))
    assert scene.target.calls == {"node_apps": 1}
    assert states(scene) == {"web": "unknown", "mill": "up", "db": "up"}
    containers(scene, db=(1, 1))
    assert [c.ok for c in scene.checks] == [True, True, False, True]


@pytest.mark.parametrize("how", ["silent", "refuses", "rests", "at zero"])
def test_a_target_that_cannot_be_asked_makes_nobody_unhealthy(scene: Scene, how: str):
    scene.deployed(document=WORKERS | {"secrets": []})
    containers(scene, mill=(1, 1), db=(1, 1))
    scene.target.calls.clear()
    if how == "refuses":
        scene.target.fail("node_apps", TargetDown("away"), times=9)
    if how == "rests":
        scene.write(TargetRow, breaker_until=db_now(60))
    for _ in range(5):
        scene.later(60)
        listed = {"mill": (0, 0), "db": (0, 0)} if how == "at zero" else {}
        containers(scene, **listed)
    assert states(scene)["mill"] == "up"
    assert len(scene.checks) == 2
    assert scene.target.calls["node_apps"] == (0 if how == "rests" else 5)
    details = {row.detail for row in scene.rows(ServiceWatch) if row.kind == "containers"}
    assert all(details)


@pytest.mark.parametrize(
    ("listed", "ok"),
    [
        ({"mill": (1, 2)}, True),
        ({"mill": (0, 2)}, False),
        ({"other": (1, 1)}, None),
        ({"mill_a": (1, 1), "mill_b": (2, 2)}, True),
        ({"mill_a": (1, 1), "mill_b": (0, 1)}, False),
        ({"mill_a": (1, 1), "mill_b": (0, 0)}, True),
        ({"millstone": (0, 1)}, None),
    ],
)
def test_a_stack_is_up_where_each_of_its_services_is(scene: Scene, listed, ok):
    scene.deployed(document=WORKERS | {"secrets": []})
    scene.write(TenantService, app_name="mill", compose_id="c1")
    scene.target.listed = listed
    claimed = scene.prober.claim(5, "containers").assignments
    results = ContainerRound(scene.engine, scene.stage.ports).judge(claimed)
    assert {result.seen.ok for result in results} == {ok}


def test_a_tenant_that_is_deleted_is_not_probed(scene: Scene):
    scene.deployed()
    with scene.engine.begin() as conn:
        conn.execute(update(Tenant).values(deleted_at=db_now()))
    assert scene.prober.probe() == 0
    assert scene.watch.state == "skipped"


def test_no_transaction_is_open_while_a_service_is_asked(scene: Scene):
    scene.deployed()
    seen: list[int] = []

    class Web:
        def get(self, url: str, *, deadline: float) -> HttpAnswer:
            seen.append(scene.engine.pool.checkedout())  # type: ignore[attr-defined]
            return HttpAnswer(200, 5)

    (one,) = scene.prober.claim(1).assignments
    by_http(Web(), one.url, one.expected_status, 1)
    assert seen == [0]
