"""What a tenant gains when its product grows: services and hostnames."""

from typing import Any

from tenantry.errors import Conflict, Invalid
from tenantry.operations import templates, tenants
from tests.operations.ledger import refused
from tests.operations.test_tenants import domains
from tests.stage import BACKEND, FRONTEND, ME, PRODUCT, Stage


def grow(stage: Stage, document: dict[str, Any]) -> None:
    """The product changes, and the tenant is deployed again."""
    stage.product(document)
    stage.desk.do(
        lambda s: tenants.sync_services(
            s, ME, tenants.find(s, "acme"), templates.find(s, "dms"), stage.desk.secrets
        )
    )


def test_a_service_that_the_product_gains_gets_its_row_and_hostname(stage: Stage):
    stage.ready(PRODUCT | {"services": [FRONTEND]})
    grow(stage, PRODUCT)
    grow(stage, PRODUCT)
    assert stage.service_row("backend").domain == "acme-backend.delivery.example.com"
    assert len(domains(stage)) == 2


def test_a_frontend_that_comes_later_gets_a_hostname_of_its_own(stage: Stage):
    stage.ready(PRODUCT | {"services": [BACKEND]})
    assert stage.service_row("backend").domain == "acme.delivery.example.com"
    grow(stage, PRODUCT)
    assert stage.service_row("backend").domain == "acme.delivery.example.com"
    assert stage.service_row("frontend").domain == "acme-frontend.delivery.example.com"
    assert domains(stage) == {
        "acme.delivery.example.com": True,
        "acme-frontend.delivery.example.com": False,
    }


def test_a_service_that_is_exposed_later_gets_its_hostname_then(stage: Stage):
    hidden = BACKEND | {"expose_domain": False, "internal_provision_endpoint": None}
    stage.ready(PRODUCT | {"services": [hidden, FRONTEND]})
    assert stage.service_row("backend").domain is None
    grow(stage, PRODUCT)
    assert stage.service_row("backend").domain == "acme-backend.delivery.example.com"


def test_a_hostname_that_another_tenant_has_meanwhile_is_a_conflict(stage: Stage):
    stage.ready(PRODUCT | {"services": [FRONTEND]})
    stage.tenant("acme-backend")
    stage.product()

    def sync() -> None:
        stage.desk.do(
            lambda s: tenants.sync_services(
                s, ME, tenants.find(s, "acme"), templates.find(s, "dms"), stage.desk.secrets
            )
        )

    assert "reserved for another tenant" in str(refused(stage, sync, Conflict))


def test_a_label_that_grows_too_long_with_a_service_is_refused(stage: Stage):
    stage.product()
    trouble = refused(stage, lambda: stage.tenant("a" * 56))
    assert isinstance(trouble, Invalid)
    assert trouble.field == "subdomain"
    stage.tenant("a" * 55)
