"""Deployments: the list, and the page that shows one as it goes."""

from typing import Any, ClassVar
from uuid import UUID

from flask import Response, make_response, redirect, request, url_for

from tenantry.errors import NotFound
from tenantry.models import Deployment
from tenantry.models.deployment import CREATORS
from tenantry.planning.actions import ACTIONS
from tenantry.planning.states import DeploymentStatus
from tenantry.web import live
from tenantry.web.database import reading
from tenantry.web.onestep import log_of, one_step
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, one_of
from tenantry.web.panel.routes import expose
from tenantry.web.timeline import seconds_of, timeline
from tenantry.web.words import deed, duration


def _took(_view: Any, _context: Any, row: Deployment, _name: str) -> str:
    return duration(seconds_of(row))


class DeploymentView(ScopedSecureModelView):
    """Attempts to bring a tenant to its plan."""

    icon = "rocket"
    about = "Each attempt to bring a tenant to its plan."
    empty = "Nothing was deployed yet. Open a tenant and press Deploy."
    column_list = (
        "tenant_name",
        "template_name",
        "action",
        "status",
        "actor",
        "queued_at",
        "took",
        "summary",
    )
    column_export_list = (
        "tenant_name",
        "subdomain",
        "template_name",
        "action",
        "status",
        "trigger_reason",
        "creator_type",
        "actor",
        "queued_at",
        "started_at",
        "ended_at",
        "summary",
        "public_id",
    )
    column_labels: ClassVar[dict[str, str]] = {
        "tenant_name": "Tenant",
        "template_name": "Product",
        "action": "What",
        "actor": "Who",
        "queued_at": "Asked",
        "took": "Took",
    }
    column_sortable_list = (
        "tenant_name",
        "template_name",
        "action",
        "status",
        "actor",
        "queued_at",
    )
    column_default_sort = ("id", True)
    column_searchable_list = ("tenant_name", "subdomain", "actor", "summary")
    column_filters = (
        one_of(Deployment.status, "Status", list(DeploymentStatus)),
        one_of(Deployment.action, "What", list(ACTIONS)),
        one_of(Deployment.creator_type, "Door", CREATORS),
    )
    column_formatters: ClassVar[dict[str, Any]] = {
        "status": formats.state(),
        "action": lambda _v, _c, row, _n: deed(row),
        "queued_at": formats.ago,
        "summary": formats.clipped,
        "took": _took,
    }
    narrow = ("tenant_name", "status", "queued_at")

    def row_url(self, row: Any) -> str:
        """The deployment's own page."""
        return url_for(".page", public_id=row.public_id)

    def find(self, public_id: UUID) -> Deployment:
        """In scope, or NotFound."""
        found: Deployment | None = self.get_one(public_id)
        if found is None:
            raise NotFound("There is no such deployment")
        return found

    @expose("/details/")
    def details_view(self) -> Any:
        """The usual address of details leads to the page."""
        try:
            return redirect(self.row_url(self.find(UUID(request.args.get("id", "")))))
        except ValueError:
            raise NotFound("There is no such deployment") from None

    @expose("/<uuid:public_id>")
    def page(self, public_id: UUID) -> Any:
        """The whole page; it keeps itself fresh by asking for `live`."""
        return self.render("deployment.html", line=timeline(reading(), self.find(public_id)))

    @expose("/<uuid:public_id>/live")
    def live(self, public_id: UUID) -> Any:
        """
        The part of the page that changes, as HTML.

        Answers 304 where nothing changed since the ETag that was sent, after two small queries.
        """
        deployment = self.find(public_id)
        tag = live.tag_of(reading(), deployment)
        if tag in request.if_none_match:
            return live.unchanged(tag)
        body = self.render("parts/live.html", line=timeline(reading(), deployment))
        return live.fresh(body, tag)

    @expose("/<uuid:public_id>/steps/<uuid:step_id>")
    def step(self, public_id: UUID, step_id: UUID) -> Any:
        """Everything there is to one step: a page, or the part that opens below its row."""
        deployment = self.find(public_id)
        found = one_step(reading(), deployment, step_id)
        part = "X-Live" in request.headers
        return self.render("parts/step.html" if part else "step.html", line=found, part=part)

    @expose("/<uuid:public_id>/log.txt")
    def log(self, public_id: UUID) -> Response:
        """The log as plain text, redacted as it was written."""
        deployment = self.find(public_id)
        answer = make_response("\n".join(log_of(reading(), deployment)) + "\n")
        answer.headers["Content-Type"] = "text/plain; charset=utf-8"
        name = f"{deployment.subdomain}-{deployment.public_id}.log"
        answer.headers["Content-Disposition"] = f'inline; filename="{name}"'
        return answer
