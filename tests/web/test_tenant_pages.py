"""One tenant's pages: checks, DNS in words, its log, what people did; few questions for each."""

import html
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert, update

from tenantry.clock import utcnow
from tenantry.journal import Redactor, logged
from tenantry.models import (
    Deployment,
    HealthCheck,
    HealthRollup,
    HostnameWatch,
    LogEntry,
    Outage,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.models.base import uuid7
from tenantry.operations import failures
from tenantry.steps.outcomes import LogText
from tenantry.web.tenant import logs
from tenantry.web.tenant.sparks import MOST, sparks
from tests.stage import ME
from tests.web.conftest import SCRIPT, World
from tests.web.test_queries import counted

TABS = ("", "/environment", "/health", "/log?q=step", "/backups", "/history", "/audit")


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> World:
    """The fleet on each database."""
    if request.param == "sqlite":
        return request.getfixturevalue("world")  # type: ignore[no-any-return]
    make: Callable[[], World] = request.getfixturevalue("make_postgres_world")
    return make()


def at(world: World, subdomain: str = "acme", rest: str = "") -> str:
    return f"/tenants/{world.row(Tenant, subdomain=subdomain).public_id}{rest}"


def service(world: World, subdomain: str = "acme") -> TenantService:
    tenant = world.row(Tenant, subdomain=subdomain)
    return world.rows(TenantService, tenant_id=tenant.id)[0]  # type: ignore[no-any-return]


def checks(world: World, number: int, ill: int = 0) -> None:
    """So many checks of acme's service, some of which failed; the newest took longest."""
    with world.engine.begin() as conn:
        conn.execute(HealthCheck.__table__.delete())
        for place in range(number):
            ok = place >= ill
            conn.execute(
                insert(HealthCheck).values(
                    tenant_service_id=service(world).id,
                    at=utcnow() - timedelta(minutes=number - place),
                    ok=ok,
                    http_status=200 if ok else 502,
                    latency_ms=10 + place if ok else None,
                    problem="" if ok else f"HTTP 502 {SCRIPT}",
                )
            )


def lines(world: World, *texts: str, subdomain: str = "acme", hidden: bool = False) -> None:
    made = world.rows(Deployment, subdomain=subdomain)[-1]
    with world.engine.begin() as conn:
        logged(conn, Redactor(), made.id, None, 1, [LogText(texts, "stdout", hidden)])


def test_no_page_asks_more_than_twelve_questions(world: World) -> None:
    checks(world, 60)
    admin = world.client("admin")
    for name in ("acme", "broken", "waiting", "fresh"):
        for rest in TABS:
            with counted(world) as seen:
                admin.page(at(world, name, rest))
            assert len(seen) <= 12, (name, rest, len(seen), "\n".join(seen))


def test_the_last_fifty_checks_are_drawn_and_told(either: World) -> None:
    checks(either, 53, ill=5)
    with either.stage.desk.reading() as session:
        seen = sparks(session, [service(either).id, 999_999])
    spark = seen[service(either).id]
    assert len(seen) == 1
    assert len(spark.checks) == MOST
    assert spark.failed == 2
    assert [c.took for c in spark.checks][-1] == 62, "the newest stands last"
    assert spark.words == "Last 50 checks: 2 failed, median 38 ms"
    assert {c.height for c in spark.checks if not c.ok} == {100.0}
    assert max(c.height for c in spark.checks if c.ok) < 100
    page = either.client("viewer").page(at(either))
    assert "Last 50 checks: 2 failed, median 38 ms" in page
    assert page.count('class="ill"') == 2
    assert html.escape(SCRIPT) in page


def test_health_tells_uptime_outages_and_checks(world: World) -> None:
    now, row = utcnow(), service(world)
    with world.engine.begin() as conn:
        for period, start in (("hour", now), ("day", now)):
            conn.execute(
                insert(HealthRollup).values(
                    tenant_service_id=row.id,
                    period=period,
                    starts_at=start.replace(minute=0, second=0, microsecond=0),
                    checks=1000,
                    failed=5,
                    under_50=995,
                    slowest_ms=49,
                )
            )
        conn.execute(
            insert(Outage).values(
                tenant_id=row.tenant_id,
                tenant_service_id=row.id,
                service_name="web",
                started_at=now - timedelta(minutes=9),
                opened_at=now,
                ended_at=now,
                ending="recovered",
                problem="HTTP 502",
            )
        )
    page = world.client("viewer").page(at(world, rest="/health"))
    assert "99.50 %" in page
    assert "5 of 1000 checks failed" in page
    assert "9 m 0 s" in page
    assert "recovered" in page


def test_a_tenant_that_nobody_watches_says_so(world: World) -> None:
    with world.engine.begin() as conn:
        conn.execute(HealthCheck.__table__.delete())
    page = world.client("viewer").page(at(world, "fresh", "/health"))
    assert "It was never checked." in page
    assert "It was never down." in page


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"dns_state": "ok", "addresses": ["10.0.0.7"]}, "DNS points here"),
        ({"dns_state": "missing"}, "It has no address in DNS."),
        ({"dns_state": "wrong", "dns_detail": "It points to 10.9.9.9."}, "It points to 10.9.9.9."),
        ({"certificate_state": "expired"}, "Its certificate has run out."),
        ({"certificate_state": "ok", "certificate_until": utcnow()}, "Certificate until"),
    ],
)
def test_dns_and_certificates_are_plain_words(
    world: World, facts: dict[str, object], words: str
) -> None:
    tenant = world.row(Tenant, subdomain="acme")
    name = world.rows(TenantDomain, tenant_id=tenant.id)[0]
    values = {"tenant_domain_id": name.id, "tenant_id": tenant.id, "checked_at": utcnow()}
    values |= {"next_due_at": utcnow(), "addresses": [], "expected": [], **facts}
    with world.engine.begin() as conn:
        conn.execute(insert(HostnameWatch).values(**values))
    assert words in world.client("viewer").page(at(world))


def test_a_log_is_searched_over_deployments_and_says_how_far(either: World) -> None:
    lines(either, "Listening on 8080", f"It said {SCRIPT}", "50%_done", "other")
    viewer = either.client("viewer")
    page = viewer.page(at(either, rest="/log?q=listening ON"))
    assert "<mark>Listening on</mark> 8080" in page
    assert "1 line with" in page
    assert "the newest 1 deployment" in page
    assert "<mark>%_d</mark>" in viewer.page(at(either, rest="/log?q=%25_d")), "no wildcards"
    assert SCRIPT not in viewer.page(at(either, rest="/log"))
    assert "None of them holds" in viewer.page(at(either, rest="/log?q=nowhere"))
    assert "It has no log yet" in viewer.page(at(either, "fresh", "/log"))


def test_a_log_belongs_to_its_tenant(world: World) -> None:
    lines(world, "a word of broken", subdomain="broken")
    assert "None of them holds" in world.client("admin").page(at(world, rest="/log?q=a word of"))


def test_debug_lines_are_for_admins_who_ask(world: World) -> None:
    lines(world, "deep inside", hidden=True)
    url = at(world, rest="/log?q=deep&debug=1")
    assert "deep</mark> inside" not in world.client("operator").page(url)
    assert "deep</mark> inside" in world.client("admin").page(url)
    assert "deep</mark> inside" not in world.client("admin").page(at(world, rest="/log?q=deep"))


@pytest.mark.parametrize("query", ["q=%00", "q=" + "x" * 5000, "before=x", "stream=x", "q=\\"])
def test_strange_searches_find_nothing_and_break_nothing(world: World, query: str) -> None:
    assert world.client("admin").get(at(world, rest=f"/log?{query}")).status_code == 200


def test_a_search_stops_where_it_has_seen_enough_and_goes_on_from_there(world: World) -> None:
    acme = world.rows(Deployment, subdomain="acme")[0]
    world.stage.tenant("long", "tools")
    with world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE target SET max_in_flight=50")
    tenant = world.row(Tenant, subdomain="long")
    columns = {
        column.name: getattr(acme, attr.key)
        for attr in Deployment.__mapper__.column_attrs
        for column in attr.columns
    }
    for name in ("id", "public_id", "request_key"):
        del columns[name]
    columns |= {"tenant_id": tenant.id, "next_seq": logs.MOST_LINES}
    with world.engine.begin() as conn:
        for _ in range(3):
            conn.execute(insert(Deployment.__table__).values(**columns, public_id=uuid7()))
        rows = conn.exec_driver_sql(
            "SELECT id FROM deployment WHERE tenant_id = ? ORDER BY id", (tenant.id,)
        ).scalars()
        for number, row in enumerate(rows.all()):
            conn.execute(
                insert(LogEntry).values(
                    deployment_id=row, seq=1, stream="system", attempt=0, text=f"line {number}"
                )
            )
    with world.stage.desk.reading() as session:
        first = logs.search(session, tenant, "line")
        assert [line.text for line in first.lines] == ["line 2"]
        assert (first.searched, first.all_lines) == (1, logs.MOST_LINES - 1)
        second = logs.search(session, tenant, "line", before=first.older)
        assert [line.text for line in second.lines] == ["line 1"]
        last = logs.search(session, tenant, "line", before=second.older)
        assert [line.text for line in last.lines] == ["line 0"]
        assert last.older is None


@given(st.text(max_size=60), st.text(max_size=5))
def test_marked_pieces_are_the_line_again(text: str, words: str) -> None:
    found = logs.pieces(text, words)
    assert "".join(piece for piece, _ in found) == text
    assert all(piece.lower() == words.lower() for piece, hit in found if hit)


def test_its_audit_is_for_operators_and_of_this_tenant_alone(either: World) -> None:
    person = either.client("operator")
    acme, broken = at(either), at(either, "broken")
    person.post(f"{acme}/environment/set", {"key": "REGION", "value": "eu"})
    failed = either.row(Deployment, subdomain="broken").public_id
    person.post(f"/deployments/{failed}/resume", {"reason": "mended it"})
    page = person.page(f"{acme}/audit")
    assert "env.set" in page
    assert "REGION" in page
    assert "deployment.resume" not in page
    page = person.page(f"{broken}/audit")
    assert "deployment.resume" in page
    assert "mended it" in page
    assert either.client("viewer").get(f"{acme}/audit").status_code == 403
    assert "/audit" not in either.client("viewer").page(acme).split("<main")[1]
    assert "There is nothing older." in person.page(f"{acme}/audit?before=1")


def test_open_in_dokploy_leads_there_and_its_address_stands_on_no_page(world: World) -> None:
    person, url = world.client("operator"), at(world)
    target = world.settings.targets[0]
    assert f"{url}/dokploy" in person.page(url)
    assert target.url not in person.page(url)
    project = world.row(Tenant, subdomain="acme").dokploy_project_id
    answer = person.get(f"{url}/dokploy")
    assert answer.status_code == 302
    assert answer.location.startswith(f"{target.url.rstrip('/')}/dashboard/project/{project}")
    assert world.client("viewer").get(f"{url}/dokploy").status_code == 403
    assert person.get(at(world, "fresh", "/dokploy")).status_code == 404


def test_the_hint_of_its_cause_shows_on_a_tenant_that_failed(world: World) -> None:
    person = world.client("operator")
    cause = world.row(Deployment, subdomain="broken").cause
    world.stage.desk.do(
        lambda session: failures.write(
            session, ME, cause, note="", hint="Ask ops", seen=failures.stamp(None)
        )
    )
    page = person.page(at(world, "broken"))
    assert "Ask ops" in page
    assert "/failures/cause?cause=" in page


def test_waiting_jobs_stand_on_the_tenants_page(world: World) -> None:
    assert "Waiting for their time" in world.client("viewer").page(at(world, "waiting"))
    assert "Waiting for their time" not in world.client("viewer").page(at(world))


def test_a_tenant_that_has_left_keeps_its_pages(world: World) -> None:
    tenant = world.row(Tenant, subdomain="fresh")
    with world.engine.begin() as conn:
        conn.execute(
            update(Tenant)
            .where(Tenant.id == tenant.id)
            .values(deleted_at=utcnow(), status="archived", active=False)
        )
    for rest in TABS:
        world.client("admin").page(f"/tenants/{tenant.public_id}{rest}")
