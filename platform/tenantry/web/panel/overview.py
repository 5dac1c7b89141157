"""The first page: what needs somebody, how the fleet stands, and how deployments fare."""

import hashlib
from typing import Any

from flask import request
from flask_admin import BaseView

from tenantry.web import live
from tenantry.web.database import reading
from tenantry.web.fleet import charts, figures, pulse
from tenantry.web.fleet.attention import needs
from tenantry.web.fleet.grid import grid
from tenantry.web.panel.routes import expose


class OverviewView(BaseView):  # type: ignore[misc]
    """Mounted at `/`."""

    icon = "layout-dashboard"

    @expose("/")
    def index(self) -> Any:
        """Nine bounded queries, whatever the size of the fleet."""
        return self.render("overview.html", **_facts())

    @expose("/now")
    def now(self) -> Any:
        """The parts that change, as HTML; 304 where they are as they were."""
        body = self.render("parts/overview.html", **_facts())
        tag = hashlib.sha256(body.encode()).hexdigest()[:32]
        return live.unchanged(tag) if tag in request.if_none_match else live.fresh(body, tag)


def _facts() -> dict[str, Any]:
    session = reading()
    lines, jobs, month = figures.lines(session), figures.open_jobs(session), figures.days(session)
    week, before = figures.weeks(session, month)
    slow = figures.slowest(session)
    return {
        "tenants": figures.tenants_by_state(session),
        "lines": lines,
        "jobs": jobs,
        "needs": needs(session, lines, jobs, pulse.silent()),
        "week": week,
        "before": before,
        "chart": charts.by_day(month),
        "month": month,
        "slow": [(one, charts.share(one.median, slow[0].median)) for one in slow],
        "grid": grid(session),
    }
