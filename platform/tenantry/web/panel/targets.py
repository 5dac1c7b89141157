"""Targets: how full they are, whether they rest, and draining them."""

from typing import Any, ClassVar
from uuid import UUID

from flask import flash, redirect
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.errors import NotFound
from tenantry.models import Deployment, TargetRow
from tenantry.operations import targets
from tenantry.planning.states import ACTIVE_DEPLOYMENT
from tenantry.web.database import db, let_go
from tenantry.web.door import desk
from tenantry.web.forms import ticked
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, yes_no
from tenantry.web.panel.routes import expose
from tenantry.web.people import need
from tenantry.web.security import actor


def state_of(row: TargetRow) -> str:
    """One word: resting (breaker open), draining or ready."""
    if row.breaker_until is not None and row.breaker_until > utcnow():
        return "resting"
    return "draining" if row.draining else "ready"


class TargetView(ScopedSecureModelView):
    """Dokploy servers, as configured."""

    icon = "server"
    about = "The Dokploy servers of the configuration. Their addresses and keys stay there."
    empty = "No target is configured. Set TARGETS and start again."
    list_template = "targets.html"
    column_list = (
        "name",
        "state",
        "in_flight",
        "in_line",
        "version",
        "breaker_reason",
        "last_seen_at",
    )
    column_details_list = (
        "name",
        "state",
        "in_flight",
        "in_line",
        "max_in_flight",
        "draining",
        "breaker_until",
        "breaker_reason",
        "breaker_count",
        "version",
        "servers",
        "last_seen_at",
        "public_id",
        "created_at",
        "updated_at",
    )
    column_export_list = ("name", "state", "in_flight", "in_line", "max_in_flight", "version")
    column_labels: ClassVar[dict[str, str]] = {
        "breaker_reason": "Why it rests",
        "last_seen_at": "Last seen",
        "max_in_flight": "Limit",
    }
    column_sortable_list = ("name", "version", "last_seen_at")
    column_default_sort = ("name", False)
    column_searchable_list = ("name",)
    column_filters = (yes_no(TargetRow.draining, "Draining"),)
    column_formatters: ClassVar[dict[str, Any]] = {
        "state": lambda _v, _c, row, _n: formats.badge(row.state),
        "in_flight": lambda _v, _c, row, _n: f"{row.in_flight} of {row.max_in_flight}",
        "breaker_reason": formats.clipped,
        "last_seen_at": formats.ago,
    }
    narrow = ("name", "state", "in_flight")

    def around(self, rows: list[Any]) -> None:
        """What runs and waits on each."""
        counted = {
            (row.target_id, row.status): row.number
            for row in db.session.execute(
                select(Deployment.target_id, Deployment.status, func.count().label("number"))
                .where(
                    Deployment.target_id.in_([row.id for row in rows]),
                    Deployment.status.in_(ACTIVE_DEPLOYMENT),
                )
                .group_by(Deployment.target_id, Deployment.status)
            )
        }
        for row in rows:
            row.in_flight = counted.get((row.id, "running"), 0)
            row.in_line = counted.get((row.id, "pending"), 0)
            row.state = state_of(row)

    @expose("/<uuid:public_id>/drain", methods=("POST",))
    def drain(self, public_id: UUID) -> Any:
        """A draining target finishes what runs and lets nothing new in."""
        need("admin")
        row = self.get_one(public_id)
        if row is None:
            raise NotFound("There is no such target")
        name, who, draining = row.name, actor(), ticked("draining")
        let_go()

        def act(session: Session) -> int:
            found = targets.find(session, name)
            targets.drain(session, who, found, draining=draining)
            return found.id

        target_id = desk().do(act)
        if not draining:
            desk().dispatcher.admit(target_id)
        words = "lets nothing new in" if draining else "takes deployments again"
        flash(f"{name} {words}.", "good")
        return redirect(self.get_url(".index_view"), 303)
