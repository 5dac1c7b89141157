"""Steps, their attempts, and what has failed."""

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from flask import url_for
from sqlalchemy import select

from tenantry.models import Deployment, DeploymentStep
from tenantry.planning.states import StepStatus
from tenantry.web.database import db
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, one_of
from tenantry.web.words import title_of

LABELS: dict[str, str] = {
    "tenant_name": "Tenant",
    "step_title": "Step",
    "service_name": "Service",
    "next_run_at": "Next run",
    "job_type": "For",
    "step_key": "Key",
    "due_at": "Due",
    "at": "When",
}


def tell_steps(rows: Iterable[Any], ids: list[int | None]) -> None:
    """Names tenant and step on rows that hold a step's id, in one query."""
    found = {
        row.id: row
        for row in db.session.execute(
            select(
                DeploymentStep.id,
                DeploymentStep.step_key,
                DeploymentStep.service_name,
                DeploymentStep.status,
                DeploymentStep.public_id.label("step_id"),
                Deployment.tenant_name,
                Deployment.public_id,
            )
            .join(Deployment, Deployment.id == DeploymentStep.deployment_id)
            .where(DeploymentStep.id.in_({i for i in ids if i is not None}))
        )
    }
    for row, step_id in zip(rows, ids, strict=True):
        step = found.get(step_id or 0)
        row.tenant_name = step.tenant_name if step else ""
        row.step_title = title_of(step.step_key) if step else ""
        row.service_name = step.service_name if step else None
        row.deployment_url = _page(step.public_id) if step else None
        row.step = step


def _page(public_id: Any) -> str:
    return url_for("deployments.page", public_id=public_id)


def to_deployment(_view: Any, _context: Any, row: Any, name: str) -> Any:
    """The value, leading to the deployment's page."""
    text, url = getattr(row, name), getattr(row, "deployment_url", None)
    return formats.link(text, url) if text and url else text or formats.DASH


class StepView(ScopedSecureModelView):
    """Every step of every deployment."""

    simple_list_pager = True
    icon = "list-checks"
    about = "Every step of every deployment."
    column_list: ClassVar[Sequence[str]] = (
        "step_title",
        "tenant_name",
        "service_name",
        "status",
        "attempts",
        "started_at",
        "ended_at",
        "message",
    )
    column_details_list = (
        *column_list,
        "step_key",
        "order",
        "gates",
        "epoch",
        "due_at",
        "polls",
        "lost",
        "fence",
        "owner",
        "lease_until",
        "intent_at",
        "intent",
        "public_id",
        "details",
    )
    column_export_list = (
        "tenant_name",
        "step_key",
        "service_name",
        "status",
        "attempts",
        "started_at",
        "ended_at",
        "message",
        "public_id",
    )
    column_labels = LABELS | {"started_at": "Started", "ended_at": "Ended", "details": "Meta"}
    column_select_related_list = (DeploymentStep.deployment,)
    column_sortable_list = ("status", "attempts", "started_at", "ended_at", "service_name")
    column_default_sort = ("id", True)
    column_searchable_list = ("step_key", "message", "service_name")
    column_filters: ClassVar[Sequence[Any]] = (
        one_of(DeploymentStep.status, "Status", list(StepStatus)),
    )
    column_formatters: ClassVar[dict[str, Any]] = {
        "status": formats.state(),
        "tenant_name": to_deployment,
        "message": formats.clipped,
        "started_at": formats.ago,
        "ended_at": formats.ago,
    }
    narrow: ClassVar[Sequence[str]] = ("step_title", "tenant_name", "status")

    def around(self, rows: list[Any]) -> None:
        """Its deployment is joined already."""
        for row in rows:
            row.tenant_name = row.deployment.tenant_name
            row.step_title = title_of(row.step_key)
            row.deployment_url = _page(row.deployment.public_id)


class FailedStepView(StepView):
    """Failed steps that hold up a deployment, newest first."""

    icon = "triangle-alert"
    about = "Steps that failed for good, newest first. Open one to resume its deployment."
    empty = "Nothing has failed. Good."
    column_list = ("tenant_name", "step_title", "service_name", "message", "attempts", "ended_at")
    column_filters = ()
    narrow = ("tenant_name", "message")

    column_formatters: ClassVar[dict[str, Any]] = {
        "message": formats.clipped,
        "ended_at": formats.ago,
    }

    def scope(self, query: Any) -> Any:
        """A failed try that another row follows is no failure yet."""
        return (
            super()
            .scope(query)
            .filter(DeploymentStep.status == "failed", DeploymentStep.retried_by_id.is_(None))
        )

    def row_url(self, row: Any) -> str:
        """Straight to where it can be mended."""
        return str(row.deployment_url)


class AttemptView(ScopedSecureModelView):
    """Tries of steps."""

    simple_list_pager = True
    icon = "history"
    about = "Each try of a step that was no mere look."
    column_list = (
        "step_title",
        "tenant_name",
        "number",
        "outcome",
        "started_at",
        "ended_at",
        "message",
    )
    column_details_list = (*column_list, "epoch", "fence", "owner", "public_id", "details")
    column_export_list = (*column_list, "owner")
    column_labels = LABELS | {"number": "Try", "details": "Meta"}
    column_sortable_list = ("outcome", "ended_at", "number")
    column_default_sort = ("id", True)
    column_formatters: ClassVar[dict[str, Any]] = {
        "outcome": formats.state(),
        "tenant_name": to_deployment,
        "message": formats.clipped,
        "started_at": formats.ago,
        "ended_at": formats.ago,
    }
    narrow = ("tenant_name", "step_title", "outcome")

    def title(self, row: Any) -> str:
        """Nor has a try."""
        return f"Try {row.number}: {row.step_title}, {row.tenant_name}"

    def around(self, rows: list[Any]) -> None:
        """Tenant and step."""
        tell_steps(rows, [row.step_id for row in rows])
