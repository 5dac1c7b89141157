"""Jobs: what waits for its time, what is late, what runs; run now, another time, or skip."""

from datetime import timedelta
from typing import Any, ClassVar

from flask import has_request_context, request, url_for

from tenantry.clock import utcnow
from tenantry.models import JobRecord
from tenantry.models.dbtime import db_now
from tenantry.models.deployment import JOB_TYPES
from tenantry.planning.states import OPEN_JOB, JobStatus
from tenantry.web.database import reading
from tenantry.web.fleet import figures
from tenantry.web.fleet.figures import Jobs
from tenantry.web.panel import formats
from tenantry.web.panel.base import ScopedSecureModelView, one_of
from tenantry.web.panel.steps import LABELS, tell_steps, to_deployment

SHELVES = {"": "Open", "late": "Late", "ended": "Ended"}
LISTS = ("jobs.index_view", "jobs.export")
# Minutes, and how they are called in a menu.
LATER = ((5, "5 minutes"), (15, "15 minutes"), (60, "an hour"), (360, "6 hours"), (1440, "a day"))


def chosen() -> str:
    """The shelf that is asked for; the first one for anything else."""
    asked = request.args.get("show", "") if has_request_context() else ""
    return asked if asked in SHELVES else ""


class JobView(ScopedSecureModelView):
    """What waits for a time: health checks, mails, retries."""

    simple_list_pager = True
    icon = "calendar-clock"
    about = "What waits for its time: the next look of a step, a retry, a mail."
    list_template = "jobs.html"
    later = LATER
    column_list = (
        "step_title",
        "tenant_name",
        "job_type",
        "status",
        "attempt",
        "next_run_at",
    )
    column_details_list = (
        *column_list,
        "job_id",
        "public_id",
        "created_at",
        "updated_at",
        "result_meta",
    )
    column_export_list = (*column_list, "created_at", "job_id")
    column_labels = LABELS | {"created_at": "Made"}
    column_sortable_list = ("status", "attempt", "next_run_at", "job_type")
    column_filters = (
        one_of(JobRecord.status, "Status", list(JobStatus)),
        one_of(JobRecord.job_type, "For", JOB_TYPES),
    )
    column_formatters: ClassVar[dict[str, Any]] = {
        "status": lambda _v, _c, row, _n: _state(row),
        "tenant_name": to_deployment,
        "job_type": formats.words,
        "created_at": formats.ago,
        "next_run_at": formats.ago,
    }
    narrow = ("step_title", "tenant_name", "status")

    @property
    def empty(self) -> str:  # type: ignore[override]
        """Of the shelf that is shown."""
        return {
            "": "Nothing waits for its time.",
            "late": "Nothing is late. Good.",
            "ended": "No job has run yet.",
        }[chosen()]

    def pills(self) -> list[tuple[str, str, bool]]:
        """Word, address and whether it is the one shown."""
        here = chosen()
        return [
            (words, url_for(".index_view", show=name or None), name == here)
            for name, words in SHELVES.items()
        ]

    def figures(self) -> Jobs:
        """Open jobs by what they are for, and how many are late."""
        return figures.open_jobs(reading())

    def scope(self, query: Any) -> Any:
        """Those on the shelf, unless a filter asks for a status; each has its own page for ever."""
        query = super().scope(query)
        if not has_request_context() or request.endpoint not in LISTS:
            return query
        if any(arg.startswith("flt") and "status" in arg for arg in request.args):
            return query
        if chosen() == "late":
            return query.filter(
                JobRecord.status == "scheduled",
                JobRecord.next_run_at < db_now(-figures.LATE_SECONDS),
            )
        opened = JobRecord.status.in_(OPEN_JOB)
        return query.filter(~opened if chosen() == "ended" else opened)

    def _get_default_order(self) -> Any:
        """Open ones by when they are due, others the newest first."""
        ended = chosen() == "ended"
        yield (JobRecord.id, [], True) if ended else (JobRecord.next_run_at, [], False)

    def title(self, row: Any) -> str:
        """A job has no name of its own."""
        return f"{row.step_title or 'Job'}, {row.tenant_name or 'a deployment that is gone'}"

    def around(self, rows: list[Any]) -> None:
        """Tenant and step, how late it is, and what may be done to it."""
        tell_steps(rows, [row.step_id for row in rows])
        edge = utcnow() - timedelta(seconds=figures.LATE_SECONDS)
        for row in rows:
            scheduled = row.status == "scheduled" and row.next_run_at is not None
            row.late = scheduled and row.next_run_at < edge
            row.waits = row.status == "scheduled" and row.step and row.step.status == "waiting"


def _state(row: Any) -> Any:
    """A late one is still scheduled, but that is not what matters."""
    return formats.badge("late" if row.late else row.status)
