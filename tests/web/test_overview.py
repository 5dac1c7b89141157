"""The first page: figures, what needs somebody, the grid and the charts; on both databases."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from tenantry.clock import utcnow
from tenantry.models import (
    Deployment,
    DeploymentStep,
    FailureNote,
    HostnameWatch,
    JobRecord,
    Outage,
    TargetRow,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.models.base import uuid7
from tenantry.planning.catalogue import KINDS
from tenantry.web.fleet import charts, figures
from tenantry.web.fleet.figures import Day
from tenantry.web.fleet.grid import COLUMNS, PHASES, grid, phase_of
from tests.web.conftest import World
from tests.web.test_queries import counted

HOUR = timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> World:
    """The fleet on each database."""
    if request.param == "sqlite":
        return request.getfixturevalue("world")  # type: ignore[no-any-return]
    make: Callable[[], World] = request.getfixturevalue("make_postgres_world")
    return make()


def change(world: World, table: Any, *where: Any, **values: Any) -> None:
    with world.engine.begin() as conn:
        conn.execute(update(table).where(*where).values(**values))


def needs(world: World, role: str = "viewer") -> list[str]:
    """Name and words of each line, in order."""
    page = world.client(role).page("/")
    found = page[page.index('id="needs"') : page.index('id="figures"')]
    lines = re.findall(r"<div><b>(.*?)</b><span[^>]*>(.*?)</span>", found)
    return [f"{name} | {words}" for name, words in lines]


def test_the_page_is_whole_on_both_databases(either: World) -> None:
    page = either.client("viewer").page("/")
    assert "4</a></b><ul" in page, "tenants"
    assert "Success rate" in page
    assert "50.0 %" in page, "one well, one failed"
    for name in ("Acme", "Broken", "Waiting"):
        assert name in page
    # The newest tenant was never deployed: it has no line in the grid.
    assert page.count("<tr data-row>") == 3


def test_needs_come_first_each_with_one_action(world: World) -> None:
    page = world.client("viewer").page("/")
    assert page.index('id="needs"') < page.index('id="figures"') < page.index('id="grid"')
    # On a slow machine a job of the fleet may be late by now: that is told, too.
    found = [line for line in needs(world) if "broker" not in line and "Jobs are late" not in line]
    assert len(found) == 1
    assert found[0].startswith("Create domain failed: Broken")
    assert 'href="/failures/cause?cause=' in page


def test_a_failure_shows_its_hint_and_what_the_person_may_do(either: World) -> None:
    cause = either.row(Deployment, subdomain="broken").cause
    with either.engine.begin() as conn:
        conn.execute(
            insert(FailureNote).values(
                public_id=uuid7(), cause=cause, note="", hint="Ask <the> zone", author="x"
            )
        )
    page = either.client("viewer").page("/")
    assert "Ask &lt;the&gt; zone" in page
    assert ">See why</a>" in page
    assert ">Mend it</a>" not in page
    assert ">Mend it</a>" in either.client("operator").page("/")


def test_trouble_of_every_kind_is_told(either: World) -> None:
    now = utcnow()
    acme = either.row(Tenant, subdomain="acme")
    service = either.rows(TenantService, tenant_id=acme.id)[0]
    name = either.rows(TenantDomain, tenant_id=acme.id)[0]
    change(either, TargetRow, breaker_until=now + HOUR, breaker_reason="It refused our key.")
    change(either, Tenant, Tenant.id == acme.id, attention="No good backup for two days")
    running = either.row(Deployment, status="running")
    change(either, Deployment, Deployment.id == running.id, started_at=now - 3 * HOUR)
    change(either, JobRecord, JobRecord.status == "scheduled", next_run_at=now - HOUR)
    with either.engine.begin() as conn:
        conn.execute(
            insert(Outage).values(
                tenant_id=acme.id,
                tenant_service_id=service.id,
                service_name="web",
                started_at=now,
                opened_at=now,
                problem="It answered 502",
            )
        )
        conn.execute(
            insert(HostnameWatch).values(
                tenant_domain_id=name.id,
                tenant_id=acme.id,
                next_due_at=now,
                dns_state="wrong",
                addresses=[],
                expected=[],
            )
        )
    found = needs(either)
    words = "\n".join(found)
    for part in (
        "Target main rests | It refused our key.",
        "Jobs are late | 1 job should have run by now",
        "Create domain failed: Broken",
        "Waiting is stuck | It has been running for hours.",
        "Acme: web is down | It answered 502",
        f"{name.hostname} | It points to a wrong address.",
        "Acme | No good backup for two days",
    ):
        assert part in words, (part, words)
    assert sum("Broken" in line for line in found) == 1, "what a cause tells is told once"


def test_a_lost_worker_that_nobody_noticed_is_told(world: World) -> None:
    step = world.rows(DeploymentStep, status="waiting")[0]
    change(
        world,
        DeploymentStep,
        DeploymentStep.id == step.id,
        status="running",
        owner="w",
        lease_until=utcnow() - HOUR,
    )
    assert any("Its worker is gone" in line for line in needs(world))


def test_days_weeks_and_medians_are_those_of_the_rows(either: World) -> None:
    now, midnight = utcnow(), utcnow().replace(hour=12, minute=0, second=0, microsecond=0)
    acme = either.row(Deployment, subdomain="acme")
    with either.engine.begin() as conn:
        conn.execute(
            update(Deployment)
            .where(Deployment.id == acme.id)
            .values(started_at=now - timedelta(seconds=90), ended_at=now, created_at=now)
        )
        for days_ago, seconds in ((8, 30), (8, 50), (9, 10), (9, 400)):
            at = midnight - timedelta(days=days_ago)
            copy = {
                c.name: getattr(acme, c.key)
                for c in Deployment.__mapper__.column_attrs
                for c in (Deployment.__table__.c[c.columns[0].name],)
                if hasattr(acme, c.key)
            }
            copy |= {"meta": {}, "created_at": at, "started_at": at}
            copy |= {"ended_at": at + timedelta(seconds=seconds), "request_key": None}
            del copy["id"], copy["public_id"]
            conn.execute(insert(Deployment).values(**copy))
    with either.stage.desk.reading() as session:
        month = figures.days(session)
        week, before = figures.weeks(session, month)
    assert len(month) == 30
    assert (month[-1].on, month[-1].succeeded, month[-1].failed) == (now.date(), 1, 1)
    assert [d.succeeded for d in month if d.on == (midnight - timedelta(days=9)).date()] == [2]
    assert (week.good, week.bad, round(week.median or 0)) == (1, 1, 90)
    assert (before.good, before.bad, round(before.median or 0)) == (4, 0, 40)
    assert before.rate == 1.0


def test_slow_steps_are_ordered_by_their_median(either: World) -> None:
    now = utcnow()
    steps = either.rows(DeploymentStep, status="success", gates=True)[:9]
    assert len(steps) == 9
    keys = ("project.create", "service.web.deploy", "service.web.verify")
    for number, step in enumerate(steps):
        change(
            either,
            DeploymentStep,
            DeploymentStep.id == step.id,
            step_key=keys[number // 3],
            # The last three are over in no time: noise.
            started_at=now - timedelta(seconds=10 + number if number < 6 else 0.4),
            ended_at=now,
        )
    chosen = [step.id for step in steps]
    change(either, DeploymentStep, DeploymentStep.id.not_in(chosen), started_at=None)
    with either.stage.desk.reading() as session:
        found = figures.slowest(session)
    assert [(s.step_key, s.service, round(s.median), s.number) for s in found] == [
        ("service.web.deploy", "web", 14, 3),
        ("project.create", None, 11, 3),
    ]


def test_the_grid_shows_each_tenants_latest_deployment_by_phase(either: World) -> None:
    with either.stage.desk.reading() as session:
        found = grid(session)
    rows = {row.subdomain: row for row in found.rows}
    assert list(rows) == ["waiting", "broken", "acme"]
    assert {c.status for c in rows["acme"].cells.values()} == {"success"}
    assert rows["broken"].cells["Domains"].status == "failed"
    assert rows["broken"].cells["Health"].status == "pending"
    assert rows["waiting"].cells["Health"].status == "waiting"
    assert rows["acme"].cells["Set up"].words == "Success, 2 of 2 steps done"
    assert set(found.phases) <= set(COLUMNS)


def test_every_kind_of_step_has_a_phase() -> None:
    assert set(PHASES) == set(COLUMNS)
    assert {phase_of(kind) for kind in KINDS} == set(COLUMNS)
    assert phase_of("service.web.wait_deploy") == "Roll out"
    assert phase_of("service.web.remove") == "Remove"
    assert phase_of("something.new") == "Set up"


def test_the_parts_are_asked_again_cheaply(world: World) -> None:
    viewer = world.client("viewer")
    first = viewer.get("/now")
    assert first.text.count("data-part") == 5
    assert "csrf" not in first.text
    again = viewer.get("/now", headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.text) == (304, "")
    change(world, Tenant, Tenant.subdomain == "acme", attention="Look")
    moved = viewer.get("/now", headers={"If-None-Match": first.headers["ETag"]})
    assert moved.status_code == 200


def test_the_page_asks_at_most_twelve_questions(world: World) -> None:
    with counted(world) as seen:
        world.client("admin").page("/")
    assert len(seen) <= 12, "\n".join(seen)


def test_an_empty_fleet_says_what_to_do(world: World) -> None:
    with world.engine.begin() as conn:
        for table in ("job_record", "deployment_step", "deployment", "tenant_domain"):
            conn.exec_driver_sql(f"DELETE FROM {table}")
        conn.exec_driver_sql("UPDATE tenant SET deleted_at='2020-01-01 00:00:00.000000'")
    page = world.client("operator").page("/")
    assert "Nothing was deployed yet." in page
    assert "Steps that take a second or more are shown once" in page


@given(
    st.lists(st.builds(Day, st.just(date(2026, 1, 1)), *[st.integers(0, 3000)] * 4), max_size=40)
)
def test_bars_stay_inside_their_chart(days: list[Day]) -> None:
    chart = charts.by_day(days)
    assert chart.top >= max((d.all for d in days), default=0)
    assert len(chart.bars) == len(days)
    for bar, day in zip(chart.bars, days, strict=True):
        assert len(bar.pieces) == sum(bool(getattr(day, name)) for name in charts.LAYERS)
        for piece in bar.pieces:
            assert 0 <= piece.x <= piece.x + piece.width <= 100.01
            assert piece.y >= 0
            assert piece.height > 0
        for number in (day.succeeded, day.failed):
            assert not number or f"{number:,}" in bar.words


@pytest.mark.parametrize(
    ("number", "round_one"), [(0, 2), (3, 4), (11, 12), (50, 60), (1300, 1600)]
)
def test_the_upper_edge_is_a_round_number(number: int, round_one: int) -> None:
    assert charts.nice(number) == round_one
