"""Rules that hold for every view of the panel, so that a new one cannot forget them."""

import pytest
from flask_admin.contrib.sqla import ModelView
from flask_admin.form import SecureForm
from sqlalchemy import inspect

from tenantry import models
from tenantry.models import AuditEntry, Base
from tenantry.web.panel import VIEWS
from tenantry.web.panel.base import ScopedSecureModelView
from tests.web.conftest import ROLES, World

NEVER_SHOWN = {
    "encrypted_value",
    "password",
    "fs_uniquifier",
    "tf_totp_secret",
    "us_totp_secrets",
    "tf_phone_number",
    "us_phone_number",
}
ENTRIES = [entry for entries in VIEWS.values() for entry in entries]


# Sums say nothing row by row: a tenant's page of its health adds them up. A kept view is its
# owner's alone, and stands above the list that it is of.
WITHOUT_A_LIST = {"HealthRollup", "SavedView"}


def test_every_model_has_a_view() -> None:
    shown = {model for _, model, _, _ in ENTRIES}
    every = {mapper.class_ for mapper in Base.registry.mappers}
    assert {model.__name__ for model in every - shown} == WITHOUT_A_LIST
    assert {m.__name__ for m in shown} <= set(models.__all__)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e[3])
def test_a_view_keeps_the_rules(world: World, entry: tuple[type, type, str, str]) -> None:
    kind, model, _, endpoint = entry
    view = next(v for v in world.app.extensions["admin"][0]._views if v.endpoint == endpoint)
    assert isinstance(view, ScopedSecureModelView)
    assert isinstance(view, ModelView)
    assert view.role in ROLES
    assert issubclass(view.form_base_class, SecureForm)
    assert not view.column_editable_list
    assert (view.can_create, view.can_edit, view.can_delete) == (False, False, False)
    assert view.column_list
    assert view.column_export_list
    assert view.row_url is not None
    listed = {*view.column_list, *view.column_details_list, *view.column_export_list}
    assert not listed & NEVER_SHOWN
    assert set(view.narrow) <= set(view.column_list)
    assert view.page_size <= 100
    if view.can_view_details and kind.details_view is ScopedSecureModelView.details_view:
        assert view.column_details_list
        assert "public_id" in inspect(model).columns


def test_a_refused_change_is_written_down_once_a_minute(world: World) -> None:
    viewer = world.client("viewer")
    failed = world.row(models.Deployment, status="failed")
    for _ in range(3):
        assert viewer.post(f"/deployments/{failed.public_id}/cancel").status_code == 403
    rows = world.rows(AuditEntry, outcome="refused")
    assert [r.action for r in rows] == ["refused deeds.steer"]
    assert rows[0].actor == "viewer@example.com"
    assert rows[0].object_name == f"/deployments/{failed.public_id}/cancel"
    assert "operator" in rows[0].reason


def test_a_forged_request_is_written_down(world: World) -> None:
    admin = world.client("admin")
    tenant = world.row(models.Tenant, subdomain="fresh")
    admin.bare_post(f"/tenants/{tenant.public_id}/deploy")
    admin.post(f"/tenants/{tenant.public_id}/deploy", headers={"Sec-Fetch-Site": "cross-site"})
    reasons = [r.reason for r in world.rows(AuditEntry, outcome="refused")]
    assert reasons == ["without the token of a page"], "one a minute for one action"


def test_what_strangers_are_refused_fills_no_table(world: World) -> None:
    before = len(world.rows(AuditEntry))
    visitor = world.client()
    for _ in range(5):
        visitor.bare_post("/tenants/many/deploy")
        visitor.bare_post("/login", data={"email": "x", "password": "y"})
    assert len(world.rows(AuditEntry)) == before
