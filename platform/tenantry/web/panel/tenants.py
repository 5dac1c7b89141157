"""Tenants: the list people live in, and the page of one."""

from collections.abc import Sequence
from typing import Any, ClassVar

from flask import flash, g, has_request_context, redirect, request, url_for
from flask_admin.contrib.sqla.filters import FilterEqual
from markupsafe import Markup
from sqlalchemy import select

from tenantry.errors import NotFound
from tenantry.models import ProjectTemplate, Tenant
from tenantry.planning.states import TenantStatus
from tenantry.web import bulk
from tenantry.web.database import db, reading
from tenantry.web.deeds import MOST_AT_ONCE
from tenantry.web.life.deeds import primary
from tenantry.web.onboarding.pages import OnboardingPages
from tenantry.web.panel import formats, shelves
from tenantry.web.panel.base import Bulk, ScopedSecureModelView, one_of, yes_no
from tenantry.web.panel.routes import expose
from tenantry.web.panel.tenant_pages import TenantPages
from tenantry.web.people import may, need
from tenantry.web.tenant import rows as beside
from tenantry.web.words import Look, deed, look, moment

ON_SHELF = {
    "": ("deploy", "rebuild", "suspend"),
    "suspended": ("wake", "backup"),
}


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


class TenantView(OnboardingPages, TenantPages, ScopedSecureModelView):
    """Clients: one copy of a product for each."""

    icon = "building-2"
    about = "One client's copy of one product."
    nothing = "No tenant yet. Add the first client of a product."
    pills = staticmethod(shelves.pills)
    list_template = "tenants.html"
    column_list = (
        "name",
        "status",
        "health",
        "latest",
        "subdomain",
        "project",
    )
    column_labels: ClassVar[dict[str, str]] = {
        "project": "Product",
        "subdomain": "Address",
        "client_ref": "Client ref",
        "latest": "Latest deployment",
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
        "subdomain": lambda _v, _c, row, _n: _address(row),
        "health": lambda _v, _c, row, _n: _health(row),
        "latest": lambda _v, _c, row, _n: _latest(row),
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

    def bulk(self) -> Sequence[Bulk]:
        """For operators: what fits the shelf that is shown."""
        chosen = ON_SHELF.get(shelves.chosen(), ()) if may("operator") else ()
        found = [bulk.many_of(name) for name in chosen]
        return [Bulk(m.name, m.title.replace("{}", "").strip() + " {}", m.deed.icon) for m in found]

    def around(self, rows: list[Any]) -> None:
        """Its latest deployment, its health, and what each would most likely be asked."""
        ids = [row.id for row in rows]
        latest, health = beside.latest_of(reading(), ids), beside.health_of(reading(), ids)
        for row in rows:
            row.latest, row.health = latest.get(row.id), health.get(row.id, beside.Health())
            row.first = primary(row)

    @expose("/action/", methods=("POST",))
    def action_view(self) -> Any:
        """What is to be done with ticked rows: said name by name, nothing starts yet."""
        need("operator")
        many = bulk.many_of(request.form.get("action", ""))
        ids = request.form.getlist("rowid")[:MOST_AT_ONCE]
        chosen = [row for row in (self.get_one(i) for i in ids) if row is not None]
        if not chosen:
            flash(f"Tick the tenants that you want to {many.deed.title.lower()} first.", "bad")
            return redirect(self.get_url(".index_view"), 303)
        return bulk.asked(many, chosen)

    @expose("/details/")
    def details_view(self) -> Any:
        """The usual address of details leads to the page."""
        row = self.get_one(request.args.get("id", ""))
        if row is None:
            raise NotFound("There is no such tenant")
        return redirect(self.row_url(row))


def _address(row: Tenant) -> Markup:
    """Its hostname; leads there where a service of it answers, else to one that does."""
    sites = getattr(row, "health", beside.Health()).sites
    name = f"{row.subdomain}.{row.project.base_domain}"
    if not sites or row.status not in beside.OPEN_SITE:
        return formats.code(name)
    site = name if name in sites else sites[0]
    scheme = "https" if row.project.https else "http"
    return Markup(
        '<a class="mono site" href="{}://{}" target="_blank" rel="noopener noreferrer" '
        'title="Open {}">{}{}</a>'
    ).format(scheme, site, site, site, formats.icon("external-link"))


def _health(row: Any) -> Markup:
    seen = row.health
    if not seen.words or row.status not in beside.OPEN_SITE:
        return formats.DASH
    shown = look(seen.state)
    return formats.dressed(Look(shown.icon, shown.tone, seen.words))


def _latest(row: Any) -> Markup:
    made = row.latest
    if made is None:
        return formats.DASH
    return Markup(
        '<a class="latest" href="{}" title="{}">{} <span class="muted">{}</span></a>'
    ).format(
        url_for("deployments.page", public_id=made.public_id),
        deed(made),
        formats.badge(made.status),
        moment(made.ended_at or made.queued_at, relative=True),
    )
