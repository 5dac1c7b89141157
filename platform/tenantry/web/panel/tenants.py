"""Tenants: the list people live in, and the page of one."""

from contextlib import suppress
from typing import Any, ClassVar
from uuid import UUID, uuid4

from flask import flash, g, has_request_context, redirect, request, url_for
from flask_admin.contrib.sqla.filters import FilterEqual
from sqlalchemy import select

from tenantry.errors import NotFound
from tenantry.models import Deployment, ProjectTemplate, Tenant
from tenantry.operations import (
    effective,
    environments,
    hostnames,
    leaving,
)
from tenantry.planning.states import ACTIVE_DEPLOYMENT, TenantStatus
from tenantry.web.database import db, reading
from tenantry.web.deeds import MOST_AT_ONCE
from tenantry.web.door import desk
from tenantry.web.life.deeds import offered, primary
from tenantry.web.life.standing import release_of, standings
from tenantry.web.onboarding.pages import OnboardingPages
from tenantry.web.panel import formats, shelves
from tenantry.web.panel.backups import BackupPages
from tenantry.web.panel.base import ScopedSecureModelView, one_of, yes_no
from tenantry.web.panel.drift import open_of
from tenantry.web.panel.routes import action, expose
from tenantry.web.people import may, need

LATEST = 20


class ProductFilter(FilterEqual):  # type: ignore[misc]
    """Products by name; asked of the database once in a request."""

    def get_options(self, _view: Any) -> list[tuple[str, str]] | None:
        """None while the application is being built."""
        if not has_request_context():
            return None
        if "product_options" not in g:
            rows = db.session.execute(
                select(ProjectTemplate.id, ProjectTemplate.name).order_by(ProjectTemplate.name)
            )
            g.product_options = [(str(row.id), row.name) for row in rows]
        return list(g.product_options)

    def validate(self, value: str) -> bool:
        """Only products there are."""
        return any(value == key for key, _ in self.get_options(None) or ())


class TenantView(OnboardingPages, BackupPages, ScopedSecureModelView):
    """Clients: one copy of a product for each."""

    icon = "building-2"
    about = "One client's copy of one product."
    nothing = "No tenant yet. Add the first client of a product."
    pills = staticmethod(shelves.pills)
    list_template = "tenants.html"
    column_list = ("name", "subdomain", "project", "status", "client_ref", "updated_at")
    column_labels: ClassVar[dict[str, str]] = {
        "project": "Product",
        "subdomain": "Address",
        "client_ref": "Client ref",
        "updated_at": "Changed",
    }
    column_export_list = (
        "name",
        "subdomain",
        "project",
        "status",
        "client_ref",
        "attention",
        "target_name",
        "created_at",
        "completed_at",
        "public_id",
    )
    column_select_related_list = (Tenant.project,)
    column_sortable_list = (
        "name",
        "subdomain",
        "status",
        "client_ref",
        "updated_at",
        ("project", "project.name"),
    )
    column_default_sort = ("name", False)
    column_searchable_list = ("name", "subdomain", "client_ref")
    column_filters = (
        one_of(Tenant.status, "Status", [s for s in TenantStatus if s != "archived"]),
        ProductFilter(Tenant.project_id, "Product"),
        yes_no(Tenant.active, "Active"),
    )
    column_formatters: ClassVar[dict[str, Any]] = {
        "status": shelves.state,
        "subdomain": lambda _v, _c, row, _n: formats.code(
            f"{row.subdomain}.{row.project.base_domain}"
        ),
        "updated_at": formats.ago,
    }
    narrow = ("name", "status")

    @property
    def empty(self) -> str:  # type: ignore[override]
        """Of the shelf that is shown."""
        return shelves.WORDS.get(shelves.chosen(), self.nothing)

    def scope(self, query: Any) -> Any:
        """Those on the shelf; a page of its own has each of them for ever."""
        return shelves.on_shelf(query)

    def row_url(self, row: Any) -> str:
        """The tenant's own page."""
        return url_for(".page", public_id=row.public_id)

    def is_action_allowed(self, name: str) -> bool:
        """Bulk actions are for operators."""
        return may("operator") and super().is_action_allowed(name)

    def around(self, rows: list[Any]) -> None:
        """What is being deployed among them, and what each would most likely be asked."""
        active = active_of([row.id for row in rows])
        for row in rows:
            row.active_deployment, row.first = active.get(row.id), primary(row)

    @expose("/action/", methods=("POST",))
    def action_view(self) -> Any:
        """What is done with ticked rows."""
        need("operator")
        return self.handle_action()

    @action("deploy", "Deploy…")
    def deploy_many(self, ids: list[str]) -> Any:
        """Says what would happen, name by name; nothing starts yet."""
        need("operator")
        chosen = [row for row in (self.get_one(i) for i in ids[:MOST_AT_ONCE]) if row is not None]
        if not chosen:
            flash("Tick the tenants that you want to deploy first.", "bad")
            return redirect(self.get_url(".index_view"), 303)
        active = active_of([row.id for row in chosen])
        return self.render(
            "deploy_many.html", tenants=chosen, active=active, key=lambda: uuid4().hex
        )

    @expose("/details/")
    def details_view(self) -> Any:
        """The usual address of details leads to the page."""
        row = self.get_one(request.args.get("id", ""))
        if row is None:
            raise NotFound("There is no such tenant")
        return redirect(self.row_url(row))

    @expose("/<uuid:public_id>")
    def page(self, public_id: UUID) -> Any:
        """One tenant: state, addresses, services, environment, deployments."""
        return self.render("tenant.html", **_facts(self.tenant_of(public_id)))

    @expose("/<uuid:public_id>/environment")
    def environment(self, public_id: UUID) -> Any:
        """What its services would be given; with a key, that key's history."""
        tenant = self.tenant_of(public_id)
        session = reading()
        key, service = request.args.get("key", ""), request.args.get("service", "")
        versions: list[environments.Version] = []
        secret = True
        if key:
            place = environments.place_of(tenant, service)
            with suppress(NotFound):
                versions = environments.history(session, place, key)
            secret = environments.is_secret(session, place, key)
        return self.render(
            "tenant_environment.html",
            tenant=tenant,
            env=effective.overview(session, desk().secrets, tenant),
            key=key,
            service=service,
            versions=versions,
            secret=secret,
        )


def active_of(tenant_ids: list[int]) -> dict[int, Deployment]:
    """The active deployment of each of these tenants that has one."""
    if not tenant_ids:
        return {}
    rows = db.session.scalars(
        select(Deployment).where(
            Deployment.tenant_id.in_(tenant_ids), Deployment.status.in_(ACTIVE_DEPLOYMENT)
        )
    )
    return {row.tenant_id: row for row in rows}


def _facts(tenant: Tenant) -> dict[str, Any]:
    session = reading()
    lines = standings(session, tenant)
    away = tenant.deleted_at is not None
    kept = leaving.volumes_kept(session, tenant) if away else []
    deployments = session.scalars(
        select(Deployment)
        .where(Deployment.tenant_id == tenant.id)
        .order_by(Deployment.id.desc())
        .limit(LATEST)
    ).all()
    return {
        "tenant": tenant,
        "services": lines,
        "release": release_of(session, tenant),
        "deeds": [deed for deed in offered(tenant) if kept or not away],
        "first": primary(tenant),
        "certificate": leaving.certificate(session, tenant) if away else None,
        "kept": kept,
        "hostnames": hostnames.listed(session, tenant),
        "exposed": [] if away else [s for s in tenant.services if s.domain],
        "deployments": deployments,
        "active": next((d for d in deployments if d.status in ACTIVE_DEPLOYMENT), None),
        "env": effective.overview(session, desk().secrets, tenant),
        "drift": open_of(tenant.id),
        "scheme": "https" if tenant.project.https else "http",
    }
