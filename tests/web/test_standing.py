"""What a tenant's pages show of its years: services, history, backups; few questions for all."""

from datetime import timedelta
from typing import Any

from sqlalchemy import update

from tenantry.clock import utcnow
from tenantry.models import (
    BackupPolicy,
    ReplicaObservation,
    ServiceWatch,
    StatusChange,
    Tenant,
    TenantService,
)
from tenantry.operations import backups, tenants
from tenantry.ports import DestinationSeen
from tests.stage import BACKEND, FRONTEND, ME, PRODUCT
from tests.web.conftest import World
from tests.web.test_queries import counted

S3 = DestinationSeen("dst-1", "nightly store", "bucket")
FORM = {
    "destination": "dst-1",
    "schedule": "30 1 * * *",
    "retention_days": "14",
    "overdue_hours": "30",
    "enabled": "y",
}


def at(world: World, subdomain: str = "acme", rest: str = "") -> str:
    return f"/tenants/{world.row(Tenant, subdomain=subdomain).public_id}{rest}"


def watch(world: World, **facts: Any) -> None:
    tenant = world.row(Tenant, subdomain="acme")
    service = world.rows(TenantService, tenant_id=tenant.id)[0]
    with world.stage.desk.sessions.begin() as session:
        row = {"kind": "http", "next_due_at": utcnow(), "tenant_id": tenant.id, **facts}
        session.add(ServiceWatch(tenant_service_id=service.id, **row))
        session.execute(
            update(TenantService).where(TenantService.id == service.id).values(target_replicas=3)
        )
        session.execute(
            update(ReplicaObservation)
            .where(ReplicaObservation.tenant_service_id == service.id)
            .values(gone_at=utcnow())
        )
        for number in range(3):
            session.add(
                ReplicaObservation(
                    tenant_service_id=service.id,
                    task_id=f"task-{number}",
                    state="running" if number < 2 else "rejected",
                    wanted="running",
                    error="" if number < 2 else "no suitable node",
                    seen_at=utcnow(),
                )
            )


def test_a_service_says_what_is_wanted_what_runs_and_how_it_answers(world: World) -> None:
    watch(world, state="up", state_since=utcnow() - timedelta(days=2), latency_ms=48)
    text = world.client("viewer").page(at(world))
    assert "3 wanted, 2 running" in text
    assert "48 ms · since" in text
    assert "1 missing" in text
    assert "no suitable node" in text
    assert "release 1" in text


def test_a_service_that_is_down_is_flagged(world: World) -> None:
    watch(world, state="down", state_since=utcnow(), detail="HTTP 502")
    text = world.client("viewer").page(at(world))
    assert ">Down</span>" in text
    assert "HTTP 502" in text


def test_the_history_begins_with_the_first_state_and_names_who_and_why(world: World) -> None:
    text = world.client("viewer").page(at(world, rest="/history"))
    tenant = world.row(Tenant, subdomain="acme")
    first = world.rows(StatusChange, thing="tenant", thing_id=tenant.id)[0]
    assert (first.old, first.new, first.reason) == ("∅", "pending", "added")
    assert first.actor == "ada@example.com"
    for words in ("added", "a deployment was admitted", "ada@example.com", "Provisioning", "OK"):
        assert words in text
    # Of another tenant, nothing.
    assert "Broken" not in text.split("<main")[1]


def test_the_history_has_pages_of_fifty(world: World) -> None:
    tenant = world.row(Tenant, subdomain="fresh")
    with world.stage.desk.sessions.begin() as session:
        session.add_all(
            StatusChange(thing="tenant", thing_id=tenant.id, old="x", new="y", reason=f"move {n}")
            for n in range(60)
        )
    viewer = world.client("viewer")
    first = viewer.page(at(world, "fresh", "/history"))
    assert first.count("<tr><td") == 50
    assert "move 59" in first
    before = world.rows(StatusChange, reason="move 10")[0].id
    second = viewer.page(at(world, "fresh", f"/history?before={before}"))
    assert "move 9" in second
    assert "move 10" not in second
    assert "Newest" in second
    assert viewer.get(at(world, "fresh", "/history?before=nonsense")).status_code == 200


def test_backups_of_one_that_has_none(world: World) -> None:
    text = world.client("operator").page(at(world, rest="/backups"))
    assert "No backup yet." in text
    assert "nothing is backed up" in text
    shown = world.client("operator").page(at(world, rest="/do/backup"))
    assert "has no backup policy" in shown
    assert 'value="start"' not in shown


def test_a_policy_is_set_changed_and_given_back(world: World) -> None:
    person, url = world.client("operator"), at(world, rest="/backups/policy")
    world.stage.twins.target.destination_rows.clear()
    assert "has no destination" in person.page(url)
    world.stage.twins.target.destination_rows[:] = [S3]
    assert "nightly store" in person.page(url)
    assert person.post(url, FORM).status_code == 303
    row = world.row(BackupPolicy)
    assert (row.schedule, row.retention_days, row.gate, row.enabled) == (
        "30 1 * * *", 14, False, True,
    )  # fmt: skip
    text = person.page(at(world, rest="/backups"))
    assert "this tenant" in text
    assert "14 days" in text
    assert "no backup is made" in text
    person.post(f"{url}/drop")
    assert world.rows(BackupPolicy) == []


def test_a_bad_policy_is_said_beside_its_field(world: World) -> None:
    person, url = world.client("operator"), at(world, rest="/backups/policy")
    world.stage.twins.target.destination_rows[:] = [S3]
    for wrong, words in (
        ({"schedule": "61 * * * *"}, "schedule"),
        ({"retention_days": "0"}, "From 1 to 3650 days."),
        ({"overdue_hours": "x"}, "Not a valid integer"),
        ({"destination": "dst-9"}, "Not a valid choice"),
    ):
        answer = person.post(url, FORM | wrong)
        assert answer.status_code == 400, wrong
        assert words.lower() in answer.text.lower(), wrong
        (typed,) = wrong.values()
        assert typed in answer.text or "destination" in wrong
    assert world.rows(BackupPolicy) == []
    assert world.client("viewer").get(url).status_code == 403
    assert world.client("viewer").post(url, FORM).status_code == 403
    assert person.bare_post(url, data=FORM).status_code == 400


def test_records_tell_outcome_file_size_and_age(world: World) -> None:
    stage = world.stage
    stage.twins.target.destination_rows[:] = [S3]
    stage.product({**PRODUCT, "name": "Shop", "slug": "shop", "base_domain": "shop.example.com"})
    stage.tenant("orchid", "shop")
    stage.desk.do(
        lambda s: backups.set_policy(
            s, ME, tenants.find(s, "orchid"), {"destination": "dst-1"}, {S3.id: S3}
        )
    )
    with world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE target SET max_in_flight=50")
    stage.twins.web.answers("waiting-backend")
    stage.deploy("orchid")
    stage.finish()
    stage.desk.deploy(ME, "orchid", wish=backups.now)
    stage.finish()
    text = world.client("operator").page(at(world, "orchid", "/backups"))
    assert "/tenantry-manual/" in text
    assert "1.0 kB" in text
    assert "Done" in text
    assert "last good one" in text
    assert "Restore…" in text
    assert "Restore…" not in world.client("viewer").page(at(world, "orchid", "/backups"))


def test_each_page_asks_the_same_few_questions_of_a_larger_tenant(world: World) -> None:
    stage = world.stage
    with world.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE target SET max_in_flight=50")
    stage.twins.web.answers("waiting-backend")
    many = [BACKEND, FRONTEND] + [
        FRONTEND | {"name": f"part{n}", "order": 3 + n, "service_type": "backend"} for n in range(6)
    ]
    for slug, services in (("small", many[:2]), ("large", many)):
        document = {**PRODUCT, "name": slug, "slug": slug, "base_domain": f"{slug}.example.com"}
        stage.product({**document, "services": services})
        stage.tenant(f"{slug}one", slug)
        stage.deploy(f"{slug}one")
        stage.finish()
    for _ in range(3):
        stage.deploy("largeone")
        stage.finish()
    person = world.client("operator")
    for rest in ("", "/history", "/backups", "/do/scale", "/do/restart", "/do/rollback"):
        asked = {}
        for slug in ("small", "large"):
            with counted(world) as seen:
                person.page(at(world, f"{slug}one", rest))
            asked[slug] = seen
        small, large = len(asked["small"]), len(asked["large"])
        assert rest.startswith("/do/") or large <= small, (rest, small, large)
        assert small <= (60 if rest.startswith("/do/") else 26), (rest, "\n".join(asked["small"]))


def test_shelves_hold_those_that_rest_leave_or_have_left(world: World) -> None:
    viewer = world.client("viewer")
    assert "Nothing is suspended." in viewer.page("/tenants/?show=suspended")
    assert "Nobody is leaving." in viewer.page("/tenants/?show=leaving")
    assert "Nobody has left yet." in viewer.page("/tenants/?show=archived")
    with world.engine.begin() as conn:
        conn.execute(
            update(Tenant)
            .where(Tenant.subdomain == "acme")
            .values(status="suspended", teardown_at=utcnow() + timedelta(days=9))
        )
    for shelf in ("suspended", "leaving"):
        text = viewer.page(f"/tenants/?show={shelf}")
        assert "Acme" in text
        assert "Fresh" not in text
        assert "Leaves" in text
    assert viewer.page("/tenants/?show=nonsense").count('class="main"') == 4
