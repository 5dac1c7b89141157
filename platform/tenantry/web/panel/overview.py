"""The first page: how the fleet stands, what is under way, what needs somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import url_for
from flask_admin import BaseView
from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.models import Deployment, JobRecord, TargetRow, Tenant
from tenantry.planning.states import ACTIVE_DEPLOYMENT, OPEN_JOB
from tenantry.web.database import reading
from tenantry.web.panel.routes import expose
from tenantry.web.panel.targets import state_of

RECENT = 10
MOST_ACTIVE = 20
MOST_TROUBLES = 12


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that needs somebody: what, why, and where to go."""

    name: str
    words: str
    url: str
    icon: str = "triangle-alert"


class OverviewView(BaseView):  # type: ignore[misc]
    """Mounted at `/`."""

    icon = "layout-dashboard"

    @expose("/")
    def index(self) -> Any:
        """Nine small queries, whatever the size of the fleet."""
        session = reading()
        return self.render(
            "overview.html",
            tenants=_counts(session, Tenant, Tenant.deleted_at.is_(None)),
            today=_counts(
                session, Deployment, Deployment.created_at > utcnow() - timedelta(hours=24)
            ),
            under_way=_counts(session, Deployment, Deployment.status.in_(ACTIVE_DEPLOYMENT)),
            active=_deployments(session, Deployment.status.in_(ACTIVE_DEPLOYMENT), MOST_ACTIVE),
            recent=_deployments(session, Deployment.status.not_in(ACTIVE_DEPLOYMENT), RECENT),
            troubles=_troubles(session),
            open_jobs=_open_jobs(session),
        )


def _counts(session: Session, table: Any, *where: Any) -> dict[str, int]:
    counted = select(table.status, func.count()).where(*where).group_by(table.status)
    return dict(session.execute(counted).all())


def _deployments(session: Session, where: Any, most: int) -> Sequence[Deployment]:
    return session.scalars(
        select(Deployment).where(where).order_by(Deployment.id.desc()).limit(most)
    ).all()


def _open_jobs(session: Session) -> int:
    return int(
        session.scalar(
            select(func.count()).select_from(JobRecord).where(JobRecord.status.in_(OPEN_JOB))
        )
        or 0
    )


def _troubles(session: Session) -> list[Trouble]:
    found = [
        Trouble(
            target.name,
            f"The target rests: {target.breaker_reason}"
            if state_of(target) == "resting"
            else "The target is draining: nothing new is let in.",
            url_for("targets.index_view"),
            "server",
        )
        for target in session.scalars(select(TargetRow).order_by(TargetRow.name))
        if state_of(target) != "ready"
    ]
    tenants = session.scalars(
        select(Tenant)
        .where(Tenant.deleted_at.is_(None), or_(Tenant.status == "failed", Tenant.attention != ""))
        .order_by(Tenant.updated_at.desc())
        .limit(MOST_TROUBLES)
    )
    found += [
        Trouble(
            tenant.name,
            tenant.attention or tenant.detail or "Its deployment failed.",
            url_for("tenants.page", public_id=tenant.public_id),
        )
        for tenant in tenants
    ]
    return found
