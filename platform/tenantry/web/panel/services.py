"""Services and hostnames of tenants."""

from typing import Any, ClassVar

from sqlalchemy import select

from tenantry.models import Tenant, TenantService
from tenantry.planning.blueprint import SERVICE_TYPES
from tenantry.web.database import db
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, one_of
from tenantry.web.panel.steps import LABELS


class ServiceView(ScopedSecureModelView):
    """Services of tenants."""

    icon = "blocks"
    about = "Every service of every tenant, with its ids on the target."
    column_list = (
        "tenant",
        "name",
        "service_type",
        "health_status",
        "domain",
        "deployed",
        "last_deployed_at",
    )
    column_details_list = (
        *column_list,
        "image",
        "repo_url",
        "repo_branch",
        "commit_hash",
        "app_id",
        "app_name",
        "db_id",
        "db_name",
        "db_user",
        "domain_id",
        "created",
        "git_attached",
        "build_configured",
        "env_configured",
        "deploy_triggered",
        "last_build_id",
        "health_tries",
        "detail",
        "external_ref",
        "public_id",
        "created_at",
        "updated_at",
    )
    column_export_list = (
        "tenant",
        "name",
        "service_type",
        "health_status",
        "domain",
        "deployed",
        "last_deployed_at",
        "app_id",
        "db_id",
    )
    column_labels = LABELS | {
        "service_type": "Type",
        "health_status": "Health",
        "last_deployed_at": "Last deployed",
        "domain": "Hostname",
    }
    column_select_related_list = (TenantService.tenant,)
    column_sortable_list = ("name", "service_type", "health_status", "last_deployed_at", "domain")
    column_default_sort = ("id", True)
    column_searchable_list = ("name", "domain", "app_name", "app_id")
    column_filters = (
        one_of(TenantService.service_type, "Type", SERVICE_TYPES),
        one_of(TenantService.health_status, "Health", ("ok", "unhealthy", "unknown")),
    )
    column_formatters: ClassVar[dict[str, Any]] = {
        "health_status": formats.state(),
        "service_type": formats.words,
        "domain": formats.mono,
        "last_deployed_at": formats.ago,
    }
    narrow = ("tenant", "name", "health_status")

    def scope(self, query: Any) -> Any:
        """Those of tenants that are still there."""
        return super().scope(query).filter(TenantService.tenant.has(Tenant.deleted_at.is_(None)))


class DomainView(ScopedSecureModelView):
    """Reserved hostnames."""

    icon = "globe"
    about = "Hostnames that are reserved for tenants."
    column_list = ("hostname", "tenant_name", "primary", "additional", "created_at")
    column_details_list = (
        *column_list,
        "redirect_to_primary",
        "verified_at",
        "issued_at",
        "removed_at",
        "domain_id",
        "public_id",
        "updated_at",
    )
    column_export_list = column_list
    column_labels = LABELS | {"created_at": "Reserved", "primary": "Bare name"}
    column_sortable_list = ("hostname", "created_at")
    column_default_sort = ("hostname", False)
    column_searchable_list = ("hostname",)
    column_formatters: ClassVar[dict[str, Any]] = {
        "hostname": formats.mono,
        "created_at": formats.ago,
    }
    narrow = ("hostname",)

    def around(self, rows: list[Any]) -> None:
        """Whose it is."""
        found = dict(
            db.session.execute(
                select(Tenant.id, Tenant.name).where(Tenant.id.in_({row.tenant_id for row in rows}))
            ).all()
        )
        for row in rows:
            row.tenant_name = found.get(row.tenant_id, "")
