"""Sums equal the single probes they were made of, pages read them in one query, old rows go."""

import random
from collections import Counter
from typing import Any

import pytest
from sqlalchemy import event

from tenantry.models import AuditEntry, Deployment, HealthCheck, HealthRollup, ServiceWatch
from tenantry.models.dbtime import db_now
from tenantry.operations import tenants
from tenantry.planning.watching import bucket_of
from tenantry.ports import HttpAnswer
from tenantry.watching import reading, wishes
from tests.stage import IMAGE_ONLY
from tests.watching.scenes import Scene


def lived(scene: Scene, probes: int = 60) -> None:
    """A service that answered now so, now so."""
    draw = random.Random(5)  # the same life each time
    scene.deployed()
    for number in range(probes):
        if number == probes // 2:
            scene.write(Deployment, status="running")
        if number == probes // 2 + 5:
            scene.write(Deployment, status="succeeded")
        status = draw.choice([200, 200, 200, 200, 502, None])
        answer = HttpAnswer(status, draw.choice([3, 40, 40, 90, 700, 9500]), "" if status else "no")
        scene.twins.web.answers("", answer)
        scene.due()
        assert scene.prober.probe() == 1


def test_sums_equal_the_single_probes(scene: Scene):
    lived(scene)
    checks = [c for c in scene.checks if not c.planned]
    good = [c for c in checks if c.ok]
    buckets = Counter(bucket_of(c.latency_ms) for c in good)
    for period in ("hour", "day"):
        # The clock may have passed an hour meanwhile.
        rows = scene.rollups(period)
        assert sum(row.checks for row in rows) == len(checks)
        assert sum(row.failed for row in rows) == len(checks) - len(good)
        assert sum(row.planned for row in rows) == 5
        assert max(row.slowest_ms for row in rows) == max(c.latency_ms for c in good)
        for name, number in buckets.items():
            assert sum(getattr(row, name) for row in rows) == number


def test_uptime_and_percentiles_are_near_those_of_the_single_probes(scene: Scene):
    lived(scene)
    good = sorted(c.latency_ms for c in scene.checks if c.ok and not c.planned)
    total = sum(not c.planned for c in scene.checks)
    with scene.engine.begin() as conn:
        spans = reading.uptimes(conn, [scene.watch.tenant_service_id])
    for seen in spans[scene.watch.tenant_service_id].values():
        assert seen.share == pytest.approx(len(good) / total)
        assert seen.p50_ms is not None
        assert seen.p95_ms is not None
        assert bucket_of(seen.p50_ms) == bucket_of(good[(len(good) - 1) // 2])
        assert seen.p50_ms <= seen.p95_ms <= good[-1]


def test_many_services_are_read_in_one_query(scene: Scene):
    services = [
        {"name": f"s{n}", "service_type": "backend", "image": "acme/tools:1.0"} for n in range(8)
    ]
    scene.deployed(document=IMAGE_ONLY | {"services": services})
    scene.prober.probe()
    statements: list[str] = []

    def note(_c: Any, _k: Any, text: str, *_: Any) -> None:
        statements.append(text)

    with scene.engine.begin() as conn:
        event.listen(scene.engine, "before_cursor_execute", note)
        found = reading.states(conn)
        spans = reading.uptimes(conn, [state.service_id for state in found])
        event.remove(scene.engine, "before_cursor_execute", note)
    assert len([s for s in statements if s.startswith("SELECT")]) == 2
    assert len(found) == len(spans) == 8
    assert {span.share for of in spans.values() for span in of.values()} == {1.0}
    with scene.engine.begin() as conn:
        assert reading.uptimes(conn, [99])[99]["month"] == reading.NOBODY_LOOKED
        assert reading.uptimes(conn, []) == {}


def test_single_probes_go_after_their_time_and_their_sums_stay(scene: Scene):
    scene.deployed().minutes(200, 200)
    with scene.engine.begin() as conn:
        spans = reading.uptimes(conn, [scene.watch.tenant_service_id])
    assert not scene.prober.tidy()
    assert len(scene.checks) == 2
    scene.write(HealthCheck, at=db_now(-48 * 3600 - 60))
    scene.minutes(200)
    scene.prober.tidy()
    assert len(scene.rows(HealthCheck)) == 1
    with scene.engine.begin() as conn:
        after = reading.uptimes(conn, [scene.watch.tenant_service_id])
    (before,), (now,) = spans.values(), after.values()
    assert now["month"].checks == before["month"].checks + 1


def test_old_sums_go_by_their_period(scene: Scene):
    scene.deployed().minutes(200)
    scene.write(HealthRollup, starts_at=db_now(-15 * 86_400))
    scene.prober.tidy()
    assert [row.period for row in scene.rows(HealthRollup)] == ["day"]
    scene.write(HealthRollup, starts_at=db_now(-401 * 86_400))
    scene.prober.tidy()
    assert scene.rows(HealthRollup) == []


def test_pause_ends_outages_without_a_letter_and_resume_begins_anew(scene: Scene):
    scene.deployed().minutes(502, 502, 502)

    def ask(wish: Any) -> int:
        return scene.stage.desk.do(
            lambda s: wish(s.connection(), tenants.find(s, "acme"), "ada@example.com")
        )

    assert ask(wishes.pause) == 1
    scene.due()
    assert scene.prober.probe() == 0
    with scene.engine.begin() as conn:
        (outage,) = reading.outages(conn)
        (state,) = reading.states(conn)
    assert (outage.ending, state.state) == ("paused", "paused")
    assert ask(wishes.resume) == 1
    scene.minutes(200)
    assert scene.watch.state == "up"
    scene.write(ServiceWatch, next_due_at=db_now(500))
    assert ask(wishes.probe_now) == 1
    assert scene.prober.probe() == 1
    scene.post()
    assert scene.subjects == ["Acme: web is down"]
    actions = [a.action for a in scene.rows(AuditEntry) if a.action.startswith("watch.")]
    assert actions == ["watch.pause", "watch.resume", "watch.probe_now"]


def test_a_probe_under_way_at_a_pause_is_thrown_away(scene: Scene):
    scene.deployed()
    claimed = scene.prober.claim(1)
    scene.stage.desk.do(lambda s: wishes.pause(s.connection(), tenants.find(s, "acme"), "ada"))
    assert scene.prober.keep([scene.prober.ask(one) for one in claimed.assignments]) == 0
    assert scene.checks == []


def test_a_new_service_of_a_paused_tenant_begins_paused(scene: Scene):
    scene.deployed()
    scene.stage.desk.do(lambda s: wishes.pause(s.connection(), tenants.find(s, "acme"), "ada"))
    more = {"name": "api", "service_type": "backend", "image": "acme/api:1"}
    scene.stage.product(IMAGE_ONLY | {"services": [*IMAGE_ONLY["services"], more]})
    scene.stage.deploy()
    scene.stage.finish()
    scene.prober.enrol()
    assert [row.paused for row in scene.rows(ServiceWatch)] == [True, True]
