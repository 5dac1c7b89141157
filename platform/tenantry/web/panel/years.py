"""Records of the years: backups and their policies, limits, and containers that were seen."""

from typing import Any, ClassVar

from sqlalchemy import select

from tenantry.models import ProjectTemplate, Tenant, TenantService
from tenantry.models.backup import BACKUP_KINDS, BACKUP_OUTCOMES, BackupPolicy, BackupRecord
from tenantry.web.database import db
from tenantry.web.panel import formats
from tenantry.web.panel.base import PlainRows, one_of, yes_no
from tenantry.web.panel.steps import LABELS
from tenantry.web.words import size


def _names(table: Any, ids: set[int]) -> dict[int, str]:
    rows = db.session.execute(select(table.id, table.name).where(table.id.in_(ids)))
    return {row.id: row.name for row in rows}


def _of_services(rows: list[Any]) -> None:
    """Service and tenant of each row, in one query."""
    found = {
        row.id: row
        for row in db.session.execute(
            select(TenantService.id, TenantService.name, Tenant.name.label("tenant"))
            .join(Tenant, Tenant.id == TenantService.tenant_id)
            .where(TenantService.id.in_({row.tenant_service_id for row in rows}))
        )
    }
    for row in rows:
        service = found.get(row.tenant_service_id)
        row.service, row.tenant_name = (service.name, service.tenant) if service else ("", "")


class BackupView(PlainRows):
    """Backups that were tried."""

    icon = "archive"
    about = "Each backup that was tried. It counts only when its file was seen."
    column_list = (
        "started_at",
        "tenant_name",
        "service_name",
        "kind",
        "outcome",
        "size_bytes",
        "path",
        "problem",
    )
    column_export_list = column_list
    column_labels = LABELS | {
        "started_at": "Begun",
        "service_name": "Service",
        "size_bytes": "Size",
        "path": "File",
    }
    column_sortable_list = ("started_at", "kind", "outcome", "size_bytes")
    column_default_sort = ("id", True)
    column_searchable_list = ("path", "service_name")
    column_filters = (
        one_of(BackupRecord.outcome, "Outcome", BACKUP_OUTCOMES),
        one_of(BackupRecord.kind, "Kind", BACKUP_KINDS),
    )
    column_formatters: ClassVar[dict[str, Any]] = {
        "outcome": lambda _v, _c, row, _n: formats.badge(row.outcome),
        "kind": formats.words,
        "size_bytes": lambda _v, _c, row, _n: size(row.size_bytes),
        "path": formats.clipped,
        "problem": formats.clipped,
    }
    narrow = ("started_at", "tenant_name", "outcome")

    def around(self, rows: list[Any]) -> None:
        """Whose it is."""
        names = _names(Tenant, {row.tenant_id for row in rows})
        for row in rows:
            row.tenant_name = names.get(row.tenant_id, "")


class PolicyView(PlainRows):
    """How products and tenants are backed up."""

    icon = "calendar-clock"
    about = "How products and tenants are backed up; a tenant's own covers its product's."
    column_list = (
        "owner",
        "schedule",
        "destination_name",
        "retention_days",
        "gate",
        "enabled",
        "overdue_hours",
    )
    column_export_list = column_list
    column_labels = LABELS | {"gate": "Before a change", "enabled": "By itself"}
    column_sortable_list = ("schedule", "retention_days")
    column_default_sort = ("id", True)
    column_filters = (yes_no(BackupPolicy.enabled, "By itself"),)
    column_formatters: ClassVar[dict[str, Any]] = {"schedule": formats.mono}
    narrow = ("owner", "schedule")

    def around(self, rows: list[Any]) -> None:
        """Of which product or tenant."""
        products = _names(ProjectTemplate, {row.project_id for row in rows if row.project_id})
        tenants = _names(Tenant, {row.tenant_id for row in rows if row.tenant_id})
        for row in rows:
            row.owner = products.get(row.project_id) or tenants.get(row.tenant_id, "")


class LimitView(PlainRows):
    """Limits of services that are their own."""

    icon = "sliders-horizontal"
    about = "Limits that staff have set for a service of one tenant; others have their product's."
    column_list = ("tenant_name", "service", "cpu_cores", "memory_mb", "updated_at")
    column_export_list = column_list
    column_labels = LABELS | {"cpu_cores": "CPU", "memory_mb": "Memory, MB", "updated_at": "Set"}
    column_sortable_list = ("cpu_cores", "memory_mb", "updated_at")
    column_default_sort = ("id", True)
    column_formatters: ClassVar[dict[str, Any]] = {"updated_at": formats.ago}
    narrow = ("tenant_name", "service", "memory_mb")

    def around(self, rows: list[Any]) -> None:
        """Of which service."""
        _of_services(rows)


class ReplicaView(PlainRows):
    """Containers as they were seen."""

    icon = "blocks"
    about = "Containers of services, as a target showed them when it was last looked at."
    column_list = ("tenant_name", "service", "state", "node", "error", "seen_at", "gone_at")
    column_export_list = (*column_list, "task_id", "container_id", "wanted")
    column_labels = LABELS | {"seen_at": "Seen", "gone_at": "Gone"}
    column_sortable_list = ("state", "node", "seen_at")
    column_default_sort = ("id", True)
    column_formatters: ClassVar[dict[str, Any]] = {
        "state": formats.words,
        "error": formats.clipped,
        "seen_at": formats.ago,
        "gone_at": formats.ago,
    }
    narrow = ("tenant_name", "service", "state")

    def around(self, rows: list[Any]) -> None:
        """Of which service."""
        _of_services(rows)
