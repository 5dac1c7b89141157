"""Deployments: the list, and the page that shows one as it goes."""

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

from flask import Response, make_response, redirect, request, url_for

from tenantry.errors import NotFound
from tenantry.models import Deployment
from tenantry.models.deployment import CREATORS
from tenantry.planning.actions import ACTIONS
from tenantry.planning.states import DeploymentStatus
from tenantry.web import events, live
from tenantry.web.database import let_go, reading
from tenantry.web.events.standing import standing_of
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, one_of
from tenantry.web.panel.routes import expose
from tenantry.web.timeline import seconds_of, timeline
from tenantry.web.timeline.compare import compared
from tenantry.web.timeline.log import log_of, log_page
from tenantry.web.timeline.one import ids_of, one_step, row_of
from tenantry.web.words import deed, duration

LONGEST_NUMBER = 10


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
        """The whole page; it keeps itself fresh by events, and by asking for `live`."""
        deployment = self.find(public_id)
        standing = standing_of(reading(), deployment)
        return self.render("deployment.html", line=timeline(reading(), deployment, standing))

    @expose("/<uuid:public_id>/live")
    def live(self, public_id: UUID) -> Any:
        """
        The part of the page that changes, as HTML.

        Answers 304 where nothing changed since the ETag that was sent, after two small queries.
        """
        deployment = self.find(public_id)
        standing = standing_of(reading(), deployment)
        tag = live.tag_of(standing)
        if tag in request.if_none_match:
            return live.unchanged(tag)
        body = self.render("parts/live.html", line=timeline(reading(), deployment, standing))
        return live.fresh(body, tag)

    @expose("/<uuid:public_id>/events")
    def events(self, public_id: UUID) -> Response:
        """Server-sent events from where `Last-Event-ID` or `last` says (see `events.stream`)."""
        found = self.find(public_id).id
        told = request.headers.get("Last-Event-ID") or request.args.get("last", "")
        # The connection goes back to the pool before the first event is waited for.
        let_go()
        return events.answer(found, told)

    @expose("/<uuid:public_id>/steps/<uuid:step_id>")
    def step(self, public_id: UUID, step_id: UUID) -> Any:
        """Everything there is to one step: a page, or the part that opens below its row."""
        deployment = self.find(public_id)
        found = one_step(reading(), deployment, step_id)
        part = "X-Live" in request.headers
        return self.render("parts/step.html" if part else "step.html", line=found, part=part)

    @expose("/<uuid:public_id>/compare")
    def compare(self, public_id: UUID) -> Any:
        """Beside the tenant's run before it of the same action."""
        found = compared(reading(), self.find(public_id))
        return self.render("deployment_compare.html", both=found, deployment=found.deployment)

    @expose("/<uuid:public_id>/log")
    def log(self, public_id: UUID) -> Any:
        """The log: its end, what stands before a line, or the lines that hold a text."""
        deployment = self.find(public_id)
        before = request.args.get("before", "")
        upto = int(before) if before.isdecimal() and len(before) < LONGEST_NUMBER else None
        event = standing_of(reading(), deployment).event if upto is None else ""
        page = log_page(reading(), deployment, request.args.get("q", ""), upto)
        event = "" if page.search else event
        return self.render("deployment_log.html", page=page, deployment=deployment, event=event)

    @expose("/<uuid:public_id>/log.txt")
    def log_text(self, public_id: UUID) -> Response:
        """The log as plain text, redacted as it was written; `save=1` makes it a download."""
        deployment = self.find(public_id)
        name = f"{deployment.subdomain}-{deployment.public_id}"
        return _text(log_of(reading(), deployment), name)

    @expose("/<uuid:public_id>/steps/<uuid:step_id>/log.txt")
    def step_log(self, public_id: UUID, step_id: UUID) -> Response:
        """The same of one step and its retries."""
        deployment = self.find(public_id)
        row = row_of(reading(), deployment, step_id)
        name = f"{deployment.subdomain}-{row.step.step_key}"
        return _text(log_of(reading(), deployment, ids_of(row)), name)


def _text(lines: Iterable[str], name: str) -> Response:
    answer = make_response("".join(f"{line}\n" for line in lines))
    answer.headers["Content-Type"] = "text/plain; charset=utf-8"
    how = "attachment" if "save" in request.args else "inline"
    answer.headers["Content-Disposition"] = f'{how}; filename="{name}.log"'
    return answer
