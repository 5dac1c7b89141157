"""Saving products: services, the database, releases, deletion."""

import threading
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import (
    IntegrationSecret,
    ProjectTemplate,
    ServiceTemplate,
    TemplateRelease,
    Tenant,
    TenantService,
)
from tenantry.models.dbtime import db_now
from tenantry.operations import templates
from tenantry.ports import Sealed
from tests.operations.ledger import audit, count, refused
from tests.stage import BACKEND, FRONTEND, IMAGE_ONLY, ME, PRODUCT, Stage


def services(stage: Stage) -> dict[str, ServiceTemplate]:
    with stage.desk.reading() as session:
        return {s.name: s for s in session.scalars(select(ServiceTemplate))}


def releases(stage: Stage) -> list[TemplateRelease]:
    with stage.desk.reading() as session:
        return list(session.scalars(select(TemplateRelease).order_by(TemplateRelease.id)))


def delete(stage: Stage, slug: str = "dms") -> None:
    stage.desk.do(lambda s: templates.delete(s, ME, templates.find(s, slug)))


def test_a_product_is_stored_with_its_services_and_secrets(stage: Stage):
    stage.product()
    rows = services(stage)
    assert set(rows) == {"backend", "frontend", "db"}
    assert rows["backend"].expose_domain
    assert rows["backend"].repo_branch == "main"
    with stage.desk.reading() as session:
        secret = session.scalars(select(IntegrationSecret)).one()
    assert rows["backend"].internal_provision_token_secret_id == secret.id
    assert len(stage.desk.secrets.open(templates_sealed(secret))) == 40


def templates_sealed(row: IntegrationSecret) -> Any:
    return Sealed(row.encrypted_value, row.key_id, row.bound_to)


def test_exactly_one_database_service_is_kept_and_unchecking_deactivates_it(stage: Stage):
    for wanted, active in ((True, True), (True, True), (False, False), (True, True)):
        stage.product(PRODUCT | {"db_required": wanted, "default_env": {}, "services": [FRONTEND]})
        databases = [s for s in services(stage).values() if s.service_type == "db"]
        assert [s.active for s in databases] == [active]
        assert databases[0].order == 0
        assert not databases[0].expose_domain


def test_a_product_that_never_had_a_database_has_no_service_for_one(stage: Stage):
    stage.product(IMAGE_ONLY)
    assert "db" not in services(stage)


def test_the_database_service_follows_the_kind(stage: Stage):
    stage.product()
    assert services(stage)["db"].port == 5432
    stage.product(PRODUCT | {"db_type": "mysql"})
    assert services(stage)["db"].port == 3306


def test_the_kind_of_database_cannot_change_under_tenants_that_have_one(stage: Stage):
    stage.ready()
    stage.product(PRODUCT | {"db_type": "mysql"})
    with stage.engine.begin() as conn:
        conn.execute(update(TenantService).values(db_id="pg-1"))
    trouble = refused(stage, lambda: stage.product(PRODUCT | {"db_type": "postgres"}))
    assert trouble.field == "db_type"
    stage.product(PRODUCT | {"db_type": "mysql", "description": "still mysql"})


def test_a_release_is_numbered_only_when_something_changed(stage: Stage):
    stage.product()
    stage.product()
    assert [r.number for r in releases(stage)] == [1]
    stage.product(PRODUCT | {"description": "new words"})
    stage.product(PRODUCT | {"description": "new words"})
    stage.product()
    assert [r.number for r in releases(stage)] == [1, 2, 3]
    first, _, third = releases(stage)
    assert first.snapshot == third.snapshot
    assert first.digest == third.digest


def test_a_release_holds_no_secret_value(stage: Stage):
    stage.product()
    with stage.desk.reading() as session:
        row = session.scalars(select(IntegrationSecret)).one()
    value = stage.desk.secrets.open(templates_sealed(row))
    assert value not in str([r.snapshot for r in releases(stage)])


def test_a_service_that_is_no_longer_named_is_deactivated_and_comes_back(stage: Stage):
    stage.product()
    known = services(stage)["frontend"].id
    stage.product(PRODUCT | {"services": [BACKEND]})
    assert not services(stage)["frontend"].active
    assert [s["name"] for s in releases(stage)[-1].snapshot["services"]] == ["db", "backend"]
    stage.product()
    assert services(stage)["frontend"].active
    assert services(stage)["frontend"].id == known


def test_a_service_may_change_from_a_repository_to_an_image(stage: Stage):
    stage.product(IMAGE_ONLY)
    git = {"name": "web", "service_type": "frontend", "repo_url": FRONTEND["repo_url"]}
    stage.product(IMAGE_ONLY | {"services": [git]})
    row = services(stage)["web"]
    assert (row.image, row.repo_branch) == (None, "main")
    stage.product(IMAGE_ONLY)
    assert services(stage)["web"].repo_url is None


def test_a_used_product_cannot_be_deleted_and_an_unused_one_can(stage: Stage):
    stage.product(IMAGE_ONLY)
    empty = count(stage)
    stage.ready()
    assert "deactivate" in str(refused(stage, lambda: delete(stage), Conflict))
    delete(stage, "tools")
    stage.product(IMAGE_ONLY)
    assert services(stage)["web"].active
    assert empty["project_template"] == 1
    assert audit(stage, "template.delete")[0].object_name == "Tools"


def test_deleting_a_product_takes_its_services_releases_and_secrets_along(stage: Stage):
    stage.product()
    delete(stage)
    rows = count(stage)
    for table in ("project_template", "service_template", "template_release", "integration_secret"):
        assert rows[table] == 0


def test_an_archived_tenant_still_keeps_its_product(stage: Stage):
    stage.ready()
    with stage.engine.begin() as conn:
        conn.execute(update(Tenant).values(deleted_at=db_now()))
    refused(stage, lambda: delete(stage), Conflict)


def test_a_product_is_found_by_slug_or_public_id(stage: Stage):
    stage.product()
    with stage.desk.reading() as session:
        row = templates.find(session, "dms")
        assert templates.find(session, str(row.public_id)).id == row.id
        for name in ("DMS", "nothing", "", str(uuid4()), "0"):
            with pytest.raises(NotFound):
                templates.find(session, name)


def test_base_domain_and_name_belong_to_one_active_product(stage: Stage):
    stage.product()
    other = IMAGE_ONLY | {"base_domain": "Delivery.Example.com"}
    assert refused(stage, lambda: stage.product(other)).field == "base_domain"
    other = IMAGE_ONLY | {"name": "Acme DMS"}
    assert refused(stage, lambda: stage.product(other)).field == "name"
    stage.product(PRODUCT | {"active": False})
    stage.product(IMAGE_ONLY | {"base_domain": "delivery.example.com"})


def test_an_unknown_target_is_refused_when_the_product_is_saved(stage: Stage):
    trouble = refused(stage, lambda: stage.product(PRODUCT | {"target": "mars"}))
    assert trouble.field == "target"
    assert "main" in str(trouble)


def test_saving_is_audited_with_before_and_after(stage: Stage):
    stage.product()
    stage.product(PRODUCT | {"description": "new words"})
    first, second = audit(stage, "template.save")
    assert first.before is None
    assert (first.actor, first.object_type, first.object_name) == (
        ME.name,
        "ProjectTemplate",
        "Acme DMS",
    )
    assert second.before["description"] == ""
    assert second.after["description"] == "new words"
    assert second.after["release"] == 2


def test_two_who_save_at_once_make_two_releases_of_two_numbers(stage: Stage):
    stage.product()
    start = threading.Barrier(2)
    troubles: list[BaseException] = []

    def save(words: str) -> None:
        start.wait()
        try:
            stage.product(PRODUCT | {"description": words})
        except BaseException as trouble:  # noqa: BLE001 — shown below
            troubles.append(trouble)

    threads = [threading.Thread(target=save, args=(w,)) for w in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not troubles
    assert [r.number for r in releases(stage)] == [1, 2, 3]


def test_a_secret_is_made_up_once_and_stays(stage: Stage):
    def sealed() -> bytes:
        with stage.desk.reading() as session:
            return session.scalars(select(IntegrationSecret.encrypted_value)).one()

    stage.product()
    first = sealed()
    stage.product(PRODUCT | {"secrets": ["setup_token", "setup_token"]})
    assert sealed() == first
    assert len(audit(stage, "secret.create")) == 1


def test_the_key_of_a_target_is_never_made_up(stage: Stage):
    trouble = refused(
        stage, lambda: stage.product(PRODUCT | {"secrets": ["setup_token", "dokploy_api_key"]})
    )
    assert trouble.field == "secrets"


def test_nothing_is_stored_of_a_product_that_is_refused_late(stage: Stage):
    # The name is taken, which only the database can tell, after the shape was found good.
    stage.product()
    refused(
        stage, lambda: stage.product(PRODUCT | {"slug": "dms2", "base_domain": "x.example.com"})
    )
    with stage.desk.reading() as session:
        assert session.scalars(select(ProjectTemplate.slug)).all() == ["dms"]


@pytest.mark.parametrize("document", [None, [], "text", 7, [PRODUCT]])
def test_what_is_no_document_is_refused(document: object):
    with pytest.raises(Invalid, match="document: must be an object"):
        templates.checked(document)
