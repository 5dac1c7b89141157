"""Products: their lists, and the editor that takes a whole product as text."""

import hashlib
from typing import Any, ClassVar
from uuid import UUID

from flask import flash, redirect, request, url_for
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import IntegrationSecret, ProjectTemplate, Tenant
from tenantry.operations import documents, targets, templates
from tenantry.operations.actors import Actor
from tenantry.operations.checks import checked
from tenantry.web.database import db, reading
from tenantry.web.door import desk
from tenantry.web.forms import ProductForm, saved
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, yes_no
from tenantry.web.panel.routes import expose
from tenantry.web.people import need
from tenantry.web.words import masked

STARTER = """\
name: My product
base_domain: example.com
db_required: true
db_type: postgres
services:
  - name: backend
    service_type: backend
    repo_url: https://github.com/your-company/backend
    repo_branch: main
    port: 8000
    health_path: /health
    env:
      DATABASE_URL: ${DATABASE_URL}
"""


def env_of_row(_view: Any, _context: Any, row: Any, name: str) -> Any:
    """An environment, with what looks like a secret masked."""
    return masked(getattr(row, name))


class ProductView(ScopedSecureModelView):
    """ProjectTemplates."""

    icon = "package"
    about = "What you sell, described once. Each tenant is a copy of one of these."
    empty = "No product yet. Describe the first one."
    list_template = "products.html"
    details_template = "product.html"
    column_list = ("name", "slug", "base_domain", "db_type", "tenants", "active", "updated_at")
    column_details_list = (
        "name",
        "slug",
        "description",
        "base_domain",
        "db_required",
        "db_type",
        "db_image",
        "https",
        "certificate",
        "target_name",
        "server_id",
        "notify_emails",
        "default_env",
        "active",
        "public_id",
        "created_at",
        "updated_at",
    )
    column_export_list = (
        "name",
        "slug",
        "base_domain",
        "db_required",
        "db_type",
        "db_image",
        "target_name",
        "active",
        "tenants",
        "public_id",
    )
    column_labels: ClassVar[dict[str, str]] = {
        "base_domain": "Base domain",
        "db_type": "Database",
        "updated_at": "Changed",
        "target_name": "Target",
        "https": "HTTPS",
    }
    column_sortable_list = ("name", "slug", "base_domain", "db_type", "active", "updated_at")
    column_default_sort = ("name", False)
    column_searchable_list = ("name", "slug", "base_domain")
    column_filters = (yes_no(ProjectTemplate.active, "Active"),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "slug": formats.mono,
        "base_domain": formats.mono,
        "db_type": lambda _v, _c, row, _n: row.db_type if row.db_required else None,
        "active": lambda _v, _c, row, _n: formats.badge("active" if row.active else "inactive"),
        "updated_at": formats.ago,
    }
    column_formatters_detail: ClassVar[dict[str, Any]] = {
        "default_env": env_of_row,
        "base_domain": formats.mono,
    }
    narrow = ("name", "tenants", "active")

    def around(self, rows: list[Any]) -> None:
        """How many tenants each has."""
        counted = dict(
            db.session.execute(
                select(Tenant.project_id, func.count())
                .where(Tenant.project_id.in_([r.id for r in rows]), Tenant.deleted_at.is_(None))
                .group_by(Tenant.project_id)
            ).all()
        )
        for row in rows:
            row.tenants = counted.get(row.id, 0)

    @expose("/new", methods=("GET", "POST"))
    def new(self) -> Any:
        """A product from a document."""
        need("admin")
        form = ProductForm()
        if not form.is_submitted():
            form.document.data = STARTER
        made = saved(form, lambda session, who: _save(session, who, form.document.data))
        if made is not None:
            return _done(made)
        return self._editor(form, None), _code(form)

    @expose("/<uuid:public_id>/edit", methods=("GET", "POST"))
    def edit(self, public_id: UUID) -> Any:
        """A product's document; refused where somebody else saved in the meantime."""
        need("admin")
        template = self.get_one(public_id)
        if template is None:
            raise NotFound("There is no such product")
        slug, text = template.slug, _text_of(reading(), template)
        form = ProductForm()
        if not form.is_submitted():
            form.document.data = text
        seen = request.form.get("seen", "")
        made = saved(form, lambda session, who: _save(session, who, form.document.data, slug, seen))
        if made is not None:
            return _done(made)
        seen = seen or _digest(text)
        return self._editor(form, self.get_one(public_id), seen), _code(form)

    def _editor(self, form: ProductForm, template: Any, seen: str = "") -> Any:
        return self.render("product_editor.html", form=form, product=template, seen=seen)


def _code(form: ProductForm) -> int:
    return 400 if form.is_submitted() else 200


def _done(product: tuple[str, UUID]) -> Any:
    name, public_id = product
    flash(f"{name} is saved. Tenants follow at their next deployment.", "good")
    return redirect(url_for("products.details_view", id=public_id), 303)


def _save(
    session: Session, who: Actor, text: str, slug: str | None = None, seen: str = ""
) -> tuple[str, UUID]:
    document = documents.parse(text)
    if slug is not None:
        before = templates.find(session, slug)
        if _digest(_text_of(session, before)) != seen:
            raise Conflict("Somebody saved this product while you wrote. Reload to see it")
        if not isinstance(document, dict) or document.setdefault("slug", slug) != slug:
            raise Invalid("slug", f"stays {slug}: addresses of tenants are made of it")
    elif isinstance(document, dict):
        _refuse_double(session, document)
    targets.sync(session, desk().settings.targets)
    made = templates.save(session, who, document, desk().secrets)
    return made.name, made.public_id


def _refuse_double(session: Session, document: dict[str, Any]) -> None:
    """A new product must not silently become a change of another."""
    slug = checked(document)["slug"]
    if session.scalar(select(ProjectTemplate.id).where(ProjectTemplate.slug == slug)) is not None:
        raise Invalid("slug", "belongs to another product; edit that one, or choose a slug", slug)


def _text_of(session: Session, template: ProjectTemplate) -> str:
    rows = session.execute(
        select(IntegrationSecret.id, IntegrationSecret.name).where(
            IntegrationSecret.project_id == template.id
        )
    )
    return documents.write(template, {row.id: row.name for row in rows})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
