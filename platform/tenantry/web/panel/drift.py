"""Findings of drift: what differs, who moved, and what is done about it."""

from typing import Any, ClassVar

from flask import request, url_for
from sqlalchemy import select

from tenantry.models import DriftFinding, Tenant
from tenantry.models.drift import DRIFT_STATES, MOVERS
from tenantry.web.database import db
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, one_of

OPEN = ("open", "ignored")


def to_tenant(_view: Any, _context: Any, row: Any, _name: str) -> Any:
    """A link to its tenant; the target's name for what belongs to nobody."""
    if row.owner is None:
        return row.target_name
    return formats.link(row.owner.name, url_for("tenants.page", public_id=row.owner.public_id))


class DriftView(ScopedSecureModelView):
    """What a target, a product and our record say of the same thing."""

    icon = "activity"
    about = (
        "Where our record, the product and the target say different things. Looked for every night "
        "and after each deployment; without a filter only what is open is listed."
    )
    empty = "Nothing differs."
    list_template = "drift.html"
    details_template = "drift_details.html"
    column_list = ("thing", "tenant", "field", "ours", "theirs", "mover", "state", "seen_at")
    column_details_list = (
        "tenant",
        "thing",
        "field",
        "ours",
        "theirs",
        "mover",
        "state",
        "target_name",
        "first_seen_at",
        "seen_at",
        "ignored_until",
        "closed_by",
        "closed_at",
        "public_id",
    )
    column_export_list = (
        "thing",
        "field",
        "ours",
        "theirs",
        "mover",
        "state",
        "target_name",
        "first_seen_at",
        "seen_at",
        "public_id",
    )
    column_labels: ClassVar[dict[str, str]] = {
        "thing": "What",
        "ours": "Our record",
        "theirs": "There",
        "mover": "Moved by",
        "seen_at": "Seen",
        "target_name": "Target",
    }
    column_sortable_list = ("thing", "field", "mover", "state", "seen_at")
    column_default_sort = ("id", True)
    column_searchable_list = ("thing", "field")
    column_filters = (
        one_of(DriftFinding.state, "State", DRIFT_STATES),
        one_of(DriftFinding.mover, "Moved by", MOVERS),
    )
    column_formatters: ClassVar[dict[str, Any]] = {
        "tenant": to_tenant,
        "mover": formats.words,
        "state": formats.state("drift"),
        "ours": formats.clipped,
        "theirs": formats.clipped,
        "seen_at": formats.ago,
    }
    narrow = ("thing", "field", "state")

    def scope(self, query: Any) -> Any:
        """A list without a filter on the state shows what is open."""
        listing = request.endpoint in {f"{self.endpoint}.index_view", f"{self.endpoint}.export"}
        if listing and not any(arg.startswith("flt") and "state" in arg for arg in request.args):
            return query.filter(DriftFinding.state.in_(OPEN))
        return query

    def around(self, rows: list[Any]) -> None:
        """Their tenants."""
        wanted = {row.tenant_id for row in rows} - {None}
        found = {
            row.id: row
            for row in db.session.execute(
                select(Tenant.id, Tenant.name, Tenant.public_id).where(Tenant.id.in_(wanted))
            )
        }
        for row in rows:
            row.owner = found.get(row.tenant_id)
            row.tenant = row.owner.name if row.owner else row.target_name


def open_of(tenant_id: int) -> list[DriftFinding]:
    """What is open of one tenant, for its own page."""
    rows = db.session.scalars(
        select(DriftFinding)
        .where(DriftFinding.tenant_id == tenant_id, DriftFinding.state.in_(OPEN))
        .order_by(DriftFinding.id)
    )
    return list(rows)
