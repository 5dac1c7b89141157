"""The shelves of the list of tenants: those that are current, rest, are leaving, or have left."""

from typing import Any

from flask import has_request_context, request, url_for
from markupsafe import Markup

from tenantry.models import Tenant
from tenantry.web.panel import formats
from tenantry.web.words import moment

SHELVES = {
    "": "Current",
    "suspended": "Suspended",
    "leaving": "Leaving",
    "archived": "Left",
}
WORDS = {
    "suspended": "Nothing is suspended.",
    "leaving": "Nobody is leaving.",
    "archived": "Nobody has left yet.",
}
LISTS = ("tenants.index_view", "tenants.export")


def chosen() -> str:
    """The shelf that is asked for; the first one for anything else."""
    asked = request.args.get("show", "") if has_request_context() else ""
    return asked if asked in SHELVES else ""


def on_shelf(query: Any) -> Any:
    """Rows of the shelf in the list and its export; a tenant's own page is there for ever."""
    if not has_request_context() or request.endpoint not in LISTS:
        return query
    shelf = chosen()
    if shelf == "archived":
        return query.filter(Tenant.deleted_at.is_not(None))
    query = query.filter(Tenant.deleted_at.is_(None))
    if shelf == "leaving":
        return query.filter(Tenant.teardown_at.is_not(None))
    return query.filter(Tenant.status == "suspended") if shelf == "suspended" else query


def pills() -> list[tuple[str, str, bool]]:
    """Word, address and whether it is the one shown."""
    here = chosen()
    return [
        (words, url_for("tenants.index_view", show=name or None), name == here)
        for name, words in SHELVES.items()
    ]


def state(_view: Any, _context: Any, row: Tenant, _name: str) -> Markup:
    """The state, and the time that is left to one that is leaving."""
    shown = formats.badge(row.status, "tenant")
    if row.deleted_at is not None:
        return shown + Markup(' <span class="muted">{}</span>').format(
            moment(row.deleted_at, relative=True)
        )
    if row.teardown_at is not None:
        return shown + Markup(
            ' <span class="badge is-working" title="Until then it can be kept">{}Leaves {}</span>'
        ).format(formats.icon("clock"), moment(row.teardown_at, relative=True))
    return shown
