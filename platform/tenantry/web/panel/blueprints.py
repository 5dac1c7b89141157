"""What products consist of, and their frozen releases."""

from typing import Any, ClassVar

from sqlalchemy import select

from tenantry.models import ProjectTemplate, ServiceTemplate
from tenantry.planning.blueprint import SERVICE_TYPES
from tenantry.web.database import db
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, one_of
from tenantry.web.panel.products import env_of_row
from tenantry.web.words import masked


class ServiceTemplateView(ScopedSecureModelView):
    """Services of products."""

    icon = "blocks"
    about = "What each product consists of. Change them in the product's own editor."
    column_list = ("name", "project", "service_type", "order", "source", "port", "active")
    column_details_list = (
        *column_list,
        "repo_url",
        "repo_branch",
        "image",
        "build_config",
        "default_env",
        "health_path",
        "expected_status",
        "health_retries",
        "expose_domain",
        "internal_provision_endpoint",
        "public_id",
        "created_at",
        "updated_at",
    )
    column_export_list = (
        "name",
        "project",
        "service_type",
        "order",
        "repo_url",
        "repo_branch",
        "image",
        "port",
        "health_path",
        "expose_domain",
        "active",
    )
    column_labels: ClassVar[dict[str, str]] = {"project": "Product", "service_type": "Type"}
    column_select_related_list = (ServiceTemplate.project,)
    column_sortable_list = (
        "name",
        "service_type",
        "order",
        "port",
        "active",
        ("project", "project.name"),
    )
    column_default_sort = ("project_id", False)
    column_searchable_list = ("name", "repo_url", "image")
    column_filters = (one_of(ServiceTemplate.service_type, "Type", SERVICE_TYPES),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "service_type": formats.words,
        "source": lambda _v, _c, row, _n: formats.code(row.image or row.repo_url),
        "active": lambda _v, _c, row, _n: formats.badge("active" if row.active else "inactive"),
    }
    column_formatters_detail: ClassVar[dict[str, Any]] = {
        **column_formatters,
        "default_env": env_of_row,
    }
    narrow = ("name", "project", "service_type")


class ReleaseView(ScopedSecureModelView):
    """Frozen products."""

    icon = "tag"
    about = "Frozen, numbered states of products. Every deployment runs against one."
    column_list = ("product", "number", "created_at", "digest")
    column_details_list = (*column_list, "public_id", "snapshot")
    column_export_list = column_list
    column_labels: ClassVar[dict[str, str]] = {"number": "Release", "created_at": "Frozen"}
    column_sortable_list = ("number", "created_at")
    column_default_sort = ("id", True)
    column_formatters: ClassVar[dict[str, Any]] = {
        "created_at": formats.ago,
        "digest": lambda _v, _c, row, _n: formats.code(row.digest[:12]),
    }
    column_formatters_detail: ClassVar[dict[str, Any]] = {
        "snapshot": lambda _v, _c, row, _n: _without_secrets(row.snapshot),
    }
    narrow = ("product", "number", "created_at")

    def around(self, rows: list[Any]) -> None:
        """Of which product."""
        names = dict(
            db.session.execute(
                select(ProjectTemplate.id, ProjectTemplate.name).where(
                    ProjectTemplate.id.in_({row.project_id for row in rows})
                )
            ).all()
        )
        for row in rows:
            row.product = names.get(row.project_id, "")


def _without_secrets(snapshot: dict[str, Any]) -> dict[str, Any]:
    services = [{**s, "env": masked(s.get("env", {}))} for s in snapshot.get("services", ())]
    return {
        **snapshot,
        "default_env": masked(snapshot.get("default_env", {})),
        "services": services,
    }
