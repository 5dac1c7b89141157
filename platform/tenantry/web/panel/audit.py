"""The audit trail: who did what to which object, before and after."""

from datetime import date, datetime, timedelta
from typing import Any, ClassVar

from flask_admin.contrib.sqla.filters import BaseSQLAFilter, FilterEqual, FilterLike

from tenantry.clock import utcnow
from tenantry.models import AuditEntry
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, one_of
from tenantry.web.panel.tenant_pages import url_of_object

# What was acted on, as people call it.
THINGS = {
    "Tenant": "Tenant",
    "Deployment": "Deployment",
    "DeploymentStep": "Step",
    "TenantService": "Service",
    "ProjectTemplate": "Product",
    "IntegrationSecret": "Secret",
    "User": "Member of staff",
    "TargetRow": "Target",
    "FailureNote": "Note on a failure",
    "SavedView": "Saved view",
    "DriftFinding": "Drift",
    "Address": "Address of a page",
}


class DayFilter(BaseSQLAFilter):  # type: ignore[misc]
    """From a day on, or up to its end, in UTC; written as 2026-11-21."""

    def __init__(self, column: Any, name: str, *, until: bool) -> None:
        self.until = until
        super().__init__(column, name)

    def apply(self, query: Any, value: str, alias: Any = None) -> Any:
        """The whole day counts, whichever end it is."""
        begun = datetime.combine(date.fromisoformat(value), datetime.min.time(), utcnow().tzinfo)
        column = self.get_column(alias)
        if self.until:
            return query.filter(column < begun + timedelta(days=1))
        return query.filter(column >= begun)

    def operation(self) -> str:
        """Its name in addresses."""
        return "until" if self.until else "from"

    def validate(self, value: str) -> bool:
        """A day that there is; far ones no database knows."""
        try:
            found = date.fromisoformat(value)
        except ValueError:
            return False
        return 1970 <= found.year <= 9000  # noqa: PLR2004 — years that both databases know


class AuditView(ScopedSecureModelView):
    """What people did."""

    role = "operator"
    export_role = "admin"
    simple_list_pager = True
    icon = "scroll-text"
    about = "What people did, or were refused. Nothing here is ever changed."
    empty = "Nobody has done anything yet."
    list_template = "audit.html"
    details_template = "audit_entry.html"
    column_list = ("at", "actor", "action", "object_type", "object_name", "outcome", "reason")
    column_details_list = (
        *column_list,
        "object_id",
        "address",
        "request_id",
        "public_id",
    )
    column_export_list = (*column_list, "object_id", "before", "after", "address", "request_id")
    column_labels: ClassVar[dict[str, str]] = {
        "at": "When",
        "actor": "Who",
        "action": "Did",
        "object_type": "To",
        "object_name": "Name",
        "object_id": "Id",
        "request_id": "Request",
    }
    column_sortable_list = ("at", "actor", "action", "object_type", "outcome")
    column_default_sort = ("id", True)
    column_searchable_list = ("actor", "action", "object_name", "reason", "request_id")
    column_filters = (
        FilterEqual(AuditEntry.actor, "Who"),
        FilterLike(AuditEntry.action, "Did"),
        FilterEqual(AuditEntry.object_type, "To", options=list(THINGS.items())),
        one_of(AuditEntry.outcome, "Outcome", ("done", "refused")),
        DayFilter(AuditEntry.at, "From day", until=False),
        DayFilter(AuditEntry.at, "To day", until=True),
    )
    column_formatters: ClassVar[dict[str, Any]] = {
        "action": formats.mono,
        "object_type": lambda _v, _c, row, _n: THINGS.get(row.object_type, row.object_type),
        "object_name": lambda _v, _c, row, _n: _object(row),
        "outcome": formats.state(),
        "reason": formats.clipped,
    }
    # Who and what stand below the time there.
    narrow = ("at", "object_name")

    def title(self, row: Any) -> str:
        """What was done to what."""
        return f"{row.action}: {row.object_name or row.object_type}"


def _object(row: AuditEntry) -> Any:
    """Its name as it was, leading to its page where it has one."""
    url = url_of_object(row.object_type, row.object_id)
    name = row.object_name or formats.DASH
    return formats.link(name, url) if url and row.object_name else name
