"""What happened: lines of logs, moves between states, probes."""

from typing import Any, ClassVar

from markupsafe import Markup
from sqlalchemy import select

from tenantry.models import HealthCheck, LogEntry, StatusChange, Tenant, TenantService
from tenantry.models.history import STREAMS, THINGS
from tenantry.web.database import db
from tenantry.web.panel import formats
from tenantry.web.panel.base import PlainRows, one_of, yes_no
from tenantry.web.panel.steps import LABELS, tell_steps, to_deployment


class LogView(PlainRows):
    """Lines of deployments' logs."""

    simple_list_pager = True
    icon = "scroll-text"
    about = "Redacted lines of all deployments, newest first."
    column_list = ("at", "tenant_name", "step_title", "stream", "text")
    column_export_list = ("at", "tenant_name", "step_title", "stream", "attempt", "seq", "text")
    column_labels = LABELS
    column_sortable_list = ("at", "stream")
    column_default_sort = ("id", True)
    column_searchable_list = ("text",)
    column_filters = (one_of(LogEntry.stream, "Stream", STREAMS),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "text": formats.log_text,
        "tenant_name": to_deployment,
    }
    narrow = ("text",)

    def around(self, rows: list[Any]) -> None:
        """Tenant and step."""
        tell_steps(rows, [row.step_id for row in rows])


class ChangeView(PlainRows):
    """Moves from state to state."""

    simple_list_pager = True
    icon = "activity"
    about = "Every move of every tenant, deployment, step and job, with its reason."
    column_list = ("at", "thing", "thing_id", "old", "new", "reason", "actor")
    column_export_list = column_list
    column_labels = LABELS | {"thing_id": "Row", "old": "From", "new": "To", "actor": "Who"}
    column_sortable_list = ("at", "thing")
    column_default_sort = ("id", True)
    column_filters = (one_of(StatusChange.thing, "Thing", THINGS),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "thing": formats.words,
        "old": lambda _v, _c, row, _n: (
            formats.DASH if row.old == "∅" else formats.badge(row.old, row.thing)
        ),
        "new": lambda _v, _c, row, _n: formats.badge(row.new, row.thing),
        "reason": formats.clipped,
    }
    narrow = ("thing", "new", "at")


class HealthView(PlainRows):
    """Probes."""

    simple_list_pager = True
    icon = "activity"
    about = "Each probe of each service."
    column_list = ("at", "tenant_name", "service", "ok", "http_status", "latency_ms", "problem")
    column_export_list = column_list
    column_labels = LABELS | {"http_status": "HTTP", "latency_ms": "Took", "ok": "Healthy"}
    column_sortable_list = ("at", "ok", "latency_ms", "http_status")
    column_default_sort = ("id", True)
    column_filters = (yes_no(HealthCheck.ok, "Healthy"),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "ok": lambda _v, _c, row, _n: formats.badge("ok" if row.ok else "unhealthy"),
        "latency_ms": lambda _v, _c, row, _n: (
            None if row.latency_ms is None else Markup("{} ms").format(row.latency_ms)
        ),
        "problem": formats.clipped,
    }
    narrow = ("at", "tenant_name", "ok")

    def around(self, rows: list[Any]) -> None:
        """Service and tenant."""
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
            row.service = service.name if service else ""
            row.tenant_name = service.tenant if service else ""
