"""Products: their lists, and the page of one; its editor is in `products.pages`."""

from collections.abc import Sequence
from typing import Any, ClassVar

from sqlalchemy import func, select

from tenantry.models import ProjectTemplate, Tenant
from tenantry.operations import product_changes
from tenantry.web.database import db, reading
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, yes_no
from tenantry.web.products.pages import ProductPages
from tenantry.web.words import database, masked


def env_of_row(_view: Any, _context: Any, row: Any, name: str) -> Any:
    """An environment, with what looks like a secret masked."""
    return masked(getattr(row, name))


class ProductView(ProductPages, ScopedSecureModelView):
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
        "db_required": "Own database",
        "db_image": "Database image",
        "server_id": "Server of the target",
        "notify_emails": "Told of outcomes",
        "default_env": "Environment",
        "active": "Takes new tenants",
        "created_at": "Made",
    }
    column_sortable_list = ("name", "slug", "base_domain", "db_type", "active", "updated_at")
    column_default_sort = ("name", False)
    column_searchable_list = ("name", "slug", "base_domain")
    column_filters = (yes_no(ProjectTemplate.active, "Active"),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "slug": formats.mono,
        "base_domain": formats.mono,
        "db_type": lambda _v, _c, row, _n: database(row.db_type) if row.db_required else None,
        "active": lambda _v, _c, row, _n: formats.badge("active" if row.active else "inactive"),
        "updated_at": formats.ago,
    }
    column_formatters_detail: ClassVar[dict[str, Any]] = {
        "default_env": env_of_row,
        "base_domain": formats.mono,
        "db_type": lambda _v, _c, row, _n: database(row.db_type),
        "certificate": formats.words,
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

    def running(self, row: ProjectTemplate) -> list[product_changes.Running]:
        """Which releases its tenants run."""
        return product_changes.running(reading(), row.id)

    def releases(self, row: ProjectTemplate) -> Sequence[Any]:
        """The newest releases."""
        return product_changes.releases(reading(), row.id)
