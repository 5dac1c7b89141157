"""Fifty certificates for a registered domain in a week, counted before they are spent."""

from datetime import timedelta
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import select, update

from tenantry.clock import utcnow
from tenantry.errors import Conflict
from tenantry.models import Deployment, Tenant, TenantDomain
from tenantry.operations import certificates
from tests.operations.test_hostnames import add, prove
from tests.stage import IMAGE_ONLY, ME, PRODUCT, Stage


def spend(stage: Stage, number: int, *, days: float = 1, under: str = "example.com") -> None:
    """As if so many had been asked for, some days ago, by tenants that have left since."""
    stage.tenant(
        "others",
        stage.product(IMAGE_ONLY | {"name": "Old", "slug": "old", "base_domain": f"old{days}.net"}),
    )
    at = utcnow() - timedelta(days=days)
    with stage.engine.begin() as conn:
        tenant_id = conn.execute(select(Tenant.id).where(Tenant.subdomain == "others")).scalar_one()
        rows = [
            {
                "tenant_id": tenant_id,
                "hostname": f"x{n}.{under}",
                "issued_at": at + timedelta(minutes=n),
                "deleted_at": at,
            }
            for n in range(number)
        ]
        if rows:
            conn.execute(TenantDomain.__table__.insert(), rows)
        conn.execute(update(Tenant).where(Tenant.id == tenant_id).values(subdomain=f"o{tenant_id}"))


def issued(stage: Stage) -> list[Any]:
    with stage.desk.reading() as session:
        rows = session.scalars(
            select(TenantDomain)
            .where(TenantDomain.hostname.like("acme%"))
            .order_by(TenantDomain.id)
        )
        return [row.issued_at for row in rows]


def test_what_a_deployment_will_ask_for_is_set_aside_when_it_is_created(stage: Stage) -> None:
    stage.ready()
    assert issued(stage) == [None, None]
    stage.desk.preview(ME, "acme")
    assert issued(stage) == [None, None]
    stage.deploy()
    assert None not in issued(stage)


def test_one_that_would_pass_the_limit_is_refused_and_told_when(stage: Stage) -> None:
    stage.ready()
    spend(stage, 49)
    free = utcnow() + timedelta(days=6)
    with pytest.raises(Conflict) as trouble:
        stage.deploy()
    words = str(trouble.value)
    assert "example.com has used 49 of the 50 certificates" in words
    assert "asks for 2 more" in words
    assert f"{free:%Y-%m-%d}" in words
    assert issued(stage) == [None, None]
    with stage.desk.reading() as session:
        assert session.scalars(select(Deployment)).all() == []
    preview = stage.desk.preview(ME, "acme")
    assert any(told.startswith("It will be refused: example.com") for told in preview.warnings)


def test_forty_eight_leave_room_for_two_and_warn(stage: Stage) -> None:
    stage.ready()
    spend(stage, 48)
    assert any("50 of 50" in told for told in stage.desk.preview(ME, "acme").warnings)
    stage.deploy()


def test_old_ones_and_other_domains_do_not_count(stage: Stage) -> None:
    stage.ready()
    spend(stage, 60, days=8)
    spend(stage, 60, under="notexample.com")
    assert stage.desk.preview(ME, "acme").warnings == ()
    stage.deploy()


def test_a_second_try_asks_for_nothing_more(stage: Stage) -> None:
    stage.ready()
    spend(stage, 48)
    stage.deploy()
    stage.desk.cancel(ME, str(stage.deployment().public_id))
    stage.deploy()
    stage.finish()
    assert stage.deployment().status == "succeeded"
    stage.deploy()


def test_an_additional_hostname_counts_for_its_own_domain(stage: Stage) -> None:
    stage.ready()
    spend(stage, 50, under="client.org")
    add(stage)
    prove(stage)
    with pytest.raises(Conflict, match=r"client\.org has used 50"):
        stage.deploy()


@pytest.mark.parametrize("change", [{"https": False}, {"certificate": "custom"}])
def test_who_asks_nobody_has_no_limit(stage: Stage, change: dict[str, Any]) -> None:
    stage.ready(PRODUCT | change)
    spend(stage, 60)
    stage.deploy()
    assert issued(stage) == [None, None]


def test_a_deployment_that_asks_for_more_than_a_week_gives_is_told_so() -> None:
    words = certificates.Budget("example.com", (), 51).words
    assert "never at once" in words


def test_many_tenants_are_advised_to_share_one(stage: Stage, monkeypatch) -> None:
    monkeypatch.setattr(certificates, "MANY", 2)
    stage.ready()
    for name in ("b", "c"):
        stage.tenant(name)
    assert any("wildcard" in told for told in stage.desk.preview(ME, "acme").warnings)
    stage.deploy()
    stage.finish()
    assert stage.desk.preview(ME, "acme").warnings == ()


def test_two_at_once_do_not_both_take_the_last_place(stage: Stage) -> None:
    stage.product(IMAGE_ONLY | {"base_domain": "tools.example.com"})
    for name in ("one", "two"):
        stage.tenant(name, "tools")
    spend(stage, 49)
    start, refused = Barrier(2), []

    def deploy(name: str) -> None:
        start.wait()
        try:
            stage.desk.deploy(ME, name)
        except Conflict as trouble:
            refused.append(str(trouble))

    threads = [Thread(target=deploy, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert "has used 50 of the 50" in refused[0]
