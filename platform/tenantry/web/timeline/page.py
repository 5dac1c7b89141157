"""A deployment and everything its page says about it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session, aliased, joinedload

from tenantry.clock import utcnow
from tenantry.models import (
    Deployment,
    DeploymentStep,
    FailureNote,
    TargetRow,
    TemplateRelease,
    Tenant,
)
from tenantry.operations.deployments import WHILE_LEAVING
from tenantry.planning.actions import ACTIONS, DEPLOY
from tenantry.planning.blueprint import from_json
from tenantry.planning.differences import PARTS
from tenantry.planning.sends import Lines, sends
from tenantry.planning.states import ACTIVE_DEPLOYMENT, DONE_STEP, ENDED_DEPLOYMENT
from tenantry.web.advice import Advice, advise
from tenantry.web.events.standing import Standing
from tenantry.web.timeline.forecast import Forecast, forecast
from tenantry.web.timeline.groups import Group, groups_of
from tenantry.web.timeline.log import last_lines
from tenantry.web.timeline.rows import OPEN, Row, rows_of, with_bars

later = aliased(TemplateRelease)


@dataclass(frozen=True, slots=True)
class Timeline:
    """
    `event` is what a stream of events goes on from: everything up to it is on the page.

    `last_lines` are what came from outside last, in the log of the step that failed it.
    """

    deployment: Deployment
    tenant: Tenant
    target: TargetRow
    release: int | None
    newest: int | None
    note: FailureNote | None
    rows: tuple[Row, ...]
    seconds: float | None
    place: int | None
    resting: bool
    event: str
    forecast: Forecast
    hosts: tuple[str, ...] = ()
    mails: tuple[Row, ...] = field(default=())
    last_lines: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[Group, ...]:
        """All rows by subject."""
        return groups_of(self.rows, self.mails)

    @property
    def until(self) -> float:
        """When it is done by its forecast, in seconds since 1970, for the page to count down to."""
        return round(utcnow().timestamp() + (self.forecast.left or 0.0), 1)

    @property
    def done(self) -> int:
        """How many rows of the plan are done."""
        return sum(row.status in DONE_STEP for row in self.rows)

    @property
    def percent(self) -> int:
        """Of the whole plan."""
        return round(100 * self.done / len(self.rows)) if self.rows else 100

    @property
    def active(self) -> bool:
        """Pending or running."""
        return self.deployment.status in ACTIVE_DEPLOYMENT

    @property
    def overtaken(self) -> bool:
        """Whether the product has a newer release, which going on here would not bring."""
        rolls_out = self.deployment.action == DEPLOY and self.release is not None
        return rolls_out and self.newest is not None and self.newest > (self.release or 0)

    @property
    def can_resume(self) -> bool:
        """Failed and cancelled ones can go on."""
        return self.deployment.status in {"failed", "cancelled"}

    @property
    def fits(self) -> bool:
        """Whether the tenant's state lets this action go on; the operation judges again."""
        leaving = self.tenant.teardown_at is not None
        if leaving and self.deployment.action not in WHILE_LEAVING:
            return False
        known = ACTIONS.get(self.deployment.action)
        return known is not None and self.tenant.status in known.from_states

    @property
    def standing(self) -> str:
        """The tenant's state in a sentence."""
        return "leaving" if self.tenant.teardown_at else self.tenant.status.replace("_", " ")

    @property
    def why(self) -> str:
        """The reason that was given for it, or for leaving the backup out."""
        kept = self.deployment.details or {}
        return str(kept.get("why") or kept.get("ungated") or "")

    @property
    def differing(self) -> dict[str, tuple[str, ...]]:
        """Service → what differed, in words; nothing for a first deployment: there all does."""
        if self.deployment.trigger_reason == "initial":
            return {}
        found = (self.deployment.details or {}).get("differing", {})
        return {name: tuple(PARTS.get(p, p) for p in parts) for name, parts in found.items()}

    @property
    def failed(self) -> Row | None:
        """The step that failed it."""
        return next((row for row in self.rows if row.status == "failed"), None)

    @property
    def advice(self) -> Advice | None:
        """What is likely behind its failure."""
        if self.deployment.status != "failed" or self.failed is None:
            return None
        return advise(self.failed.step.step_key, self.failed.shown.message)

    @property
    def judged(self) -> Lines:
        """By which rule a health check failed it; empty for any other step."""
        failed = self.failed.step if self.failed else None
        if failed is None or not failed.step_key.startswith("health."):
            return ()
        return sends(from_json(self.deployment.blueprint), failed.step_key, failed.service_name)

    @property
    def now(self) -> Row | None:
        """The step at work, or the one that waits."""
        at_work = (row for row in self.rows if row.status in {"running", "waiting"})
        return next(at_work, None)

    @property
    def pace(self) -> str:
        """How often the page asks without events: each second, now and then for mail, or never."""
        if self.active:
            return "live"
        return "slow" if any(row.status in OPEN for row in self.mails) else "still"

    @property
    def says(self) -> str:
        """What a screen reader is told when it changes: states and quarters, not every step."""
        state = self.deployment.status
        if state == "pending":
            return f"Number {self.place} in line" if self.place else "Waits in line"
        if state == "failed":
            return f"Failed at {self.failed.title}" if self.failed else "Failed"
        if state != "running":
            return state.capitalize()
        now = self.now
        if now is not None and now.next_try:
            return f"{now.title} waits for try {now.next_try}"
        quarter = self.percent // 25
        return f"Running, {quarter * 25} % done" if quarter else "Running"


def timeline(session: Session, deployment: Deployment, standing: Standing) -> Timeline:
    """Four queries at most, however many steps there are; `standing` was asked before."""
    tenant, target, release, newest, note = _around(session, deployment)
    steps = session.scalars(
        select(DeploymentStep)
        .where(DeploymentStep.deployment_id == deployment.id)
        .order_by(DeploymentStep.order)
    ).all()
    now = utcnow()
    rows = tuple(with_bars(deployment, list(rows_of(deployment, steps, now)), now))
    gating = tuple(row for row in rows if row.step.gates)
    failed = next((row for row in gating if row.status == "failed"), None)
    return Timeline(
        deployment=deployment,
        tenant=tenant,
        target=target,
        release=release,
        newest=newest,
        note=note,
        rows=gating,
        mails=tuple(row for row in rows if not row.step.gates and _of_now(deployment, row)),
        seconds=seconds_of(deployment, now),
        place=standing.place,
        resting=target.breaker_until is not None and target.breaker_until > now,
        event=standing.event,
        forecast=forecast(session, deployment, gating, now),
        hosts=tuple(
            s["hostname"] for s in deployment.blueprint.get("services", ()) if s.get("hostname")
        ),
        last_lines=last_lines(session, failed) if failed and deployment.status == "failed" else (),
    )


def _around(
    session: Session, deployment: Deployment
) -> tuple[Tenant, TargetRow, int | None, int | None, FailureNote | None]:
    newest = (
        select(func.max(later.number))
        .where(later.project_id == Tenant.project_id)
        .scalar_subquery()
    )
    found: Any = session.execute(
        select(Tenant, TargetRow, TemplateRelease.number, newest, FailureNote)
        .select_from(Tenant)
        .join(TargetRow, TargetRow.id == deployment.target_id)
        .outerjoin(TemplateRelease, TemplateRelease.id == deployment.release_id)
        .outerjoin(
            FailureNote,
            and_(FailureNote.cause == deployment.cause, FailureNote.cause != ""),
        )
        .where(Tenant.id == deployment.tenant_id)
        .options(joinedload(Tenant.project))
    ).one()
    return found[0], found[1], found[2], found[3], found[4]


def seconds_of(deployment: Deployment, now: datetime | None = None) -> float | None:
    """From its start to its end, or to now."""
    return deployment.duration_seconds(now or utcnow())


def _of_now(deployment: Deployment, row: Row) -> bool:
    """Mail of the present run; while it goes on, mail is not due and says nothing yet."""
    if row.step.epoch != deployment.epoch:
        return row.status in {"success", "failed"}
    return deployment.status in ENDED_DEPLOYMENT and row.status != "skipped"
