"""Adding clients: subdomains, hostnames, targets, secrets; who wins at the same moment."""

import threading
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from tenantry.errors import Conflict, NotFound
from tenantry.models import IntegrationSecret, Tenant, TenantDomain, TenantService
from tenantry.models.dbtime import db_now
from tenantry.operations import secrets, templates, tenants
from tests.operations.ledger import audit, refused
from tests.stage import BACKEND, IMAGE_ONLY, ME, PRODUCT, Stage

API = {"name": "api", "service_type": "backend", "image": "acme/api:1.0", "order": 2}
TWO = IMAGE_ONLY | {"services": [*IMAGE_ONLY["services"], API]}


def domains(stage: Stage, subdomain: str = "acme") -> dict[str, bool]:
    with stage.desk.reading() as session:
        rows = session.scalars(
            select(TenantDomain).join(Tenant).where(Tenant.subdomain == subdomain)
        )
        return {row.hostname: row.primary for row in rows}


def remove(stage: Stage, subdomain: str = "acme") -> None:
    """As an archive would leave it."""
    with stage.engine.begin() as conn:
        tenant = conn.execute(select(Tenant.id).where(Tenant.subdomain == subdomain)).scalar_one()
        conn.execute(update(Tenant).where(Tenant.id == tenant).values(deleted_at=db_now()))
        conn.execute(
            update(TenantDomain).where(TenantDomain.tenant_id == tenant).values(deleted_at=db_now())
        )


def at_once(*acts: Callable[[], object]) -> list[BaseException | None]:
    """What each act ended with when all began at the same moment."""
    start = threading.Barrier(len(acts))
    ends: list[BaseException | None] = [None] * len(acts)

    def run(place: int, act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except BaseException as trouble:  # noqa: BLE001 — the test looks at it
            ends[place] = trouble

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def test_everything_that_a_tenant_needs_is_made_with_it(stage: Stage):
    stage.ready()
    row = stage.tenant_row()
    assert (row.status, row.target_name, row.dokploy_project_id) == ("pending", "main", None)
    assert row.external_ref == f"tenantry:{row.public_id}"
    assert domains(stage) == {
        "acme.delivery.example.com": True,
        "acme-backend.delivery.example.com": False,
    }
    database = stage.service_row("db")
    assert (database.db_name, database.db_user, database.domain) == ("t_acme", "t_acme", None)
    assert stage.service_row("frontend").domain == "acme.delivery.example.com"
    assert stage.service_row("backend").repo_url == BACKEND["repo_url"]
    with stage.desk.reading() as session:
        secret = session.scalars(
            select(IntegrationSecret).where(IntegrationSecret.tenant_service_id == database.id)
        ).one()
    assert (secret.name, secret.secret_type) == ("db_password", "db_password")


def test_a_subdomain_is_stored_in_lower_case_and_found_in_any(stage: Stage):
    stage.product()
    stage.tenant("ACME")
    assert stage.tenant_row().subdomain == "acme"
    with stage.desk.reading() as session:
        row = tenants.find(session, "AcMe")
        assert tenants.find(session, str(row.public_id)).id == row.id
        for name in ("acm", "", str(uuid4())):
            with pytest.raises(NotFound):
                tenants.find(session, name)


@pytest.mark.parametrize("second", ["acme", "ACME"])
def test_a_subdomain_belongs_to_one_tenant_over_all_products(stage: Stage, second: str):
    stage.ready()
    stage.product(IMAGE_ONLY)
    for slug in ("dms", "tools"):
        trouble = refused(stage, lambda s=slug: stage.tenant(second, s), Conflict)
        assert "subdomain: 'acme' belongs to another tenant" in str(trouble)


@pytest.mark.parametrize("names", [("acme", "acme"), ("acme", "ACME")])
def test_of_two_who_add_the_same_subdomain_at_once_one_wins(stage: Stage, names):
    stage.product()
    ends = at_once(*(lambda n=name: stage.tenant(n) for name in names))
    assert sorted(type(end) for end in ends if end) == [Conflict]
    with stage.desk.reading() as session:
        assert len(session.scalars(select(Tenant)).all()) == 1
        assert len(session.scalars(select(TenantService)).all()) == 3
    assert len(audit(stage, "tenant.add")) == 1


def test_of_two_whose_hostnames_meet_at_once_one_wins(stage: Stage):
    stage.product(TWO)
    ends = at_once(lambda: stage.tenant("acme", "tools"), lambda: stage.tenant("acme-api", "tools"))
    assert sorted(type(end) for end in ends if end) == [Conflict]


@pytest.mark.parametrize("order", [("acme", "acme-api"), ("acme-api", "acme")])
def test_two_tenants_never_share_a_hostname(stage: Stage, order: tuple[str, str]):
    stage.product(TWO)
    stage.tenant(order[0], "tools")
    trouble = refused(stage, lambda: stage.tenant(order[1], "tools"), Conflict)
    assert "hostname" in str(trouble)


def test_a_deleted_tenant_frees_its_names_and_is_not_found(stage: Stage):
    stage.ready()
    remove(stage)
    with stage.desk.reading() as session, pytest.raises(NotFound):
        tenants.find(session, "acme")
    stage.tenant("acme", client_ref="4711")
    remove_again = stage.desk.do(lambda s: tenants.find(s, "acme").id)
    assert remove_again


def test_an_inactive_product_takes_no_new_tenants(stage: Stage):
    stage.product(PRODUCT | {"active": False})
    assert "not active" in str(refused(stage, stage.tenant, Conflict))


def test_an_unknown_target_is_refused_by_name(stage: Stage):
    stage.product()
    trouble = refused(stage, lambda: stage.tenant(target="mars"))
    assert trouble.field == "target"
    assert "(main)" in str(trouble)


def test_a_client_reference_is_unique_in_its_product(stage: Stage):
    stage.product()
    stage.product(IMAGE_ONLY)
    stage.tenant("one", client_ref="4711")
    trouble = refused(stage, lambda: stage.tenant("two", client_ref="4711"), Conflict)
    assert "client_ref: '4711'" in str(trouble)
    stage.tenant("two", client_ref=None)
    stage.tenant("three", client_ref=None)
    stage.tenant("four", "tools", client_ref="4711")


BAD: list[tuple[dict[str, Any], str]] = [
    ({"surprise": 1}, "surprise"),
    ({"name": ""}, "name"),
    ({"name": "  "}, "name"),
    ({"name": "x" * 121}, "name"),
    ({"name": "a\0b"}, "name"),
    ({"name": "a\nb"}, "name"),
    ({"name": None}, "name"),
    ({"name": 7}, "name"),
    ({"subdomain": ""}, "subdomain"),
    ({"subdomain": "acme\n"}, "subdomain"),
    ({"subdomain": "a.b"}, "subdomain"),
    ({"subdomain": "www"}, "subdomain"),
    ({"subdomain": "аcme"}, "subdomain"),
    ({"subdomain": "a" * 64}, "subdomain"),
    ({"subdomain": "a" * 60}, "subdomain"),
    ({"subdomain": None}, "subdomain"),
    ({"subdomain": 7}, "subdomain"),
    ({"client_ref": ""}, "client_ref"),
    ({"client_ref": "x" * 121}, "client_ref"),
    ({"client_ref": "a\0"}, "client_ref"),
    ({"client_ref": 4711}, "client_ref"),
    ({"notify_emails": "a@b.co"}, "notify_emails"),
    ({"notify_emails": ["nobody"]}, "notify_emails"),
    ({"env": []}, "env"),
    ({"env": {"lower": "x"}}, "env"),
    ({"env": {"A": 1}}, "env.A"),
    ({"env": {"A": "${NOPE}"}}, "env.A"),
    ({"env": {"A": "${SECRET_DOKPLOY_API_KEY}"}}, "env.A"),
    ({"env": {"A": "a\0"}}, "env.A"),
]


def test_each_bad_field_is_named_and_nothing_is_stored(stage: Stage):
    stage.product()
    for data, field in BAD:
        trouble = refused(stage, lambda d=data: add(stage, {"name": "A", "subdomain": "a"} | d))
        assert trouble.field == field, data
    for document in (None, [], "acme"):
        assert refused(stage, lambda d=document: add(stage, d)).field == "document"
    assert refused(stage, lambda: add(stage, {"name": "A"})).field == "subdomain"


def add(stage: Stage, document: object) -> None:
    stage.desk.do(
        lambda s: tenants.add(s, ME, templates.find(s, "dms"), document, stage.desk.secrets)
    )


def test_the_key_of_a_target_reaches_no_tenants_environment(stage: Stage):
    stage.product()
    stage.desk.do(
        lambda s: secrets.put(
            s,
            ME,
            stage.desk.secrets,
            "dokploy_api_key",
            "x" * 40,
            secret_type="dokploy_api_key",
            project_id=templates.find(s, "dms").id,
        )
    )
    trouble = refused(stage, lambda: stage.tenant(env={"A": "${SECRET_DOKPLOY_API_KEY}"}))
    assert trouble.field == "env.A"
    stage.tenant()
    stage.deploy()
    frozen = stage.deployment().blueprint
    assert frozen["api_key_secret"] == "dokploy_api_key"
    assert set(frozen["secrets"]) == {"setup_token"}


def test_a_name_is_kept_in_one_line(stage: Stage):
    stage.product()
    stage.tenant(name="  Acme   Ltd ")
    assert stage.tenant_row().name == "Acme Ltd"


def test_adding_is_audited_without_secrets(stage: Stage):
    stage.ready()
    (row,) = audit(stage, "tenant.add")
    assert (row.actor, row.object_name, row.after) == (ME.name, "Acme", {"subdomain": "acme"})


def test_a_database_name_is_legal_in_every_kind():
    for subdomain in ("acme", "9-lives", "a" * 63, "a-b-c"):
        name = tenants.database_name(subdomain)
        assert name.isidentifier()
        assert len(name) <= 30
