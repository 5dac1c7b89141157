"""The first page: what needs somebody, how the fleet stands, and how deployments fare."""

import hashlib
from typing import Any

from flask import request
from flask_admin import BaseView
from sqlalchemy.orm import Session

from tenantry.web import live
from tenantry.web.database import reading
from tenantry.web.fleet import charts, figures, pulse
from tenantry.web.fleet.attention import needs
from tenantry.web.fleet.grid import grid
from tenantry.web.fleet.kept import kept
from tenantry.web.panel.routes import expose


class OverviewView(BaseView):  # type: ignore[misc]
    """Mounted at `/`."""

    icon = "layout-dashboard"

    @expose("/")
    def index(self) -> Any:
        """Nine bounded queries at most, whatever the size of the fleet."""
        return self.render("overview.html", **_facts())

    @expose("/now")
    def now(self) -> Any:
        """The parts that change, as HTML; 304 where they are as they were."""
        body = self.render("parts/overview.html", **_facts())
        tag = hashlib.sha256(body.encode()).hexdigest()[:32]
        return live.unchanged(tag) if tag in request.if_none_match else live.fresh(body, tag)


def _facts() -> dict[str, Any]:
    session = reading()
    lines, jobs = figures.lines(session), figures.open_jobs(session)
    return {
        "tenants": figures.tenants_by_state(session),
        "lines": lines,
        "jobs": jobs,
        "needs": needs(session, lines, jobs, pulse.silent()),
        "grid": grid(session),
        **kept("charts", lambda: _charts(session)),
    }


def _charts(session: Session) -> dict[str, Any]:
    """What is counted over weeks, and moves little in a few seconds."""
    month, slow = figures.days(session), figures.slowest(session)
    week, before = figures.weeks(session, month)
    return {
        "week": week,
        "before": before,
        "chart": charts.by_day(month),
        "month": month,
        "slow": [(one, charts.share(one.median, slow[0].median)) for one in slow],
    }
