"""
A deployment as its page shows it: plain values, read in a fixed number of queries.

Health retries are rows of their own; here they stand under the check that they repeat, and the
check shows how the last of them stands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.clock import utcnow
from tenantry.models import Deployment, DeploymentStep, TargetRow, TemplateRelease, Tenant
from tenantry.operations.deployments import WHILE_LEAVING, place_in_line
from tenantry.planning.actions import ACTIONS
from tenantry.planning.catalogue import kind_of
from tenantry.planning.differences import PARTS
from tenantry.planning.states import ACTIVE_DEPLOYMENT, DONE_STEP, ENDED_DEPLOYMENT
from tenantry.web.words import title_of

OPEN = ("pending", "running", "waiting")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the timeline."""

    step: DeploymentStep
    shown: DeploymentStep
    title: str
    service: str | None
    retries: tuple[DeploymentStep, ...] = ()
    most_tries: int = 0
    tries: int = 0
    seconds: float | None = None
    left: float = 0.0
    width: float = 0.0
    deeds: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """How it stands: of a check with retries, how the last one stands."""
        return self.shown.status

    @property
    def made(self) -> int:
        """Tries that were no mere looks, retries included."""
        return len(self.retries) + 1 if self.retries else self.shown.attempts - self.shown.polls

    @property
    def next_try(self) -> str:
        """`3 of 8` while it waits for another try; empty for a mere look."""
        return f"{self.tries} of {self.most_tries}" if self.tries else ""


@dataclass(frozen=True, slots=True)
class Timeline:
    """A deployment and everything its page says about it."""

    deployment: Deployment
    tenant: Tenant
    target: TargetRow
    release: int | None
    rows: tuple[Row, ...]
    seconds: float | None
    place: int | None
    resting: bool
    hosts: tuple[str, ...] = ()
    mails: tuple[Row, ...] = field(default=())

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
    def now(self) -> Row | None:
        """The step at work, or the one that waits."""
        at_work = (row for row in self.rows if row.status in {"running", "waiting"})
        return next(at_work, None)

    @property
    def pace(self) -> str:
        """How often the page asks: each second, now and then for mail, or never."""
        if self.active:
            return "live"
        return "slow" if any(row.status in OPEN for row in self.mails) else "still"


def timeline(session: Session, deployment: Deployment) -> Timeline:
    """Six queries, however many steps there are."""
    tenant = session.get_one(Tenant, deployment.tenant_id)
    target = session.get_one(TargetRow, deployment.target_id)
    release = session.scalar(
        select(TemplateRelease.number).where(TemplateRelease.id == deployment.release_id)
    )
    steps = session.scalars(
        select(DeploymentStep)
        .where(DeploymentStep.deployment_id == deployment.id)
        .order_by(DeploymentStep.order)
    ).all()
    now = utcnow()
    rows = tuple(_bars(deployment, list(rows_of(deployment, steps, now)), now))
    return Timeline(
        deployment=deployment,
        tenant=tenant,
        target=target,
        release=release,
        rows=tuple(row for row in rows if row.step.gates),
        mails=tuple(row for row in rows if not row.step.gates and _of_now(deployment, row)),
        seconds=seconds_of(deployment, now),
        place=place_in_line(session, deployment),
        resting=target.breaker_until is not None and target.breaker_until > now,
        hosts=tuple(
            s["hostname"] for s in deployment.blueprint.get("services", ()) if s.get("hostname")
        ),
    )


def seconds_of(deployment: Deployment, now: datetime | None = None) -> float | None:
    """From its start to its end, or to now."""
    return deployment.duration_seconds(now or utcnow())


def _of_now(deployment: Deployment, row: Row) -> bool:
    """Mail of the present run; while it goes on, mail is not due and says nothing yet."""
    if row.step.epoch != deployment.epoch:
        return row.status in {"success", "failed"}
    return deployment.status in ENDED_DEPLOYMENT and row.status != "skipped"


def rows_of(
    deployment: Deployment, steps: Sequence[DeploymentStep], now: datetime
) -> Iterator[Row]:
    """Steps in order, retries folded under what they repeat."""
    by_id = {step.id: step for step in steps}
    followers = {step.retried_by_id for step in steps if step.retried_by_id}
    for step in steps:
        if step.id in followers:
            continue
        chain = [step]
        while (after := by_id.get(chain[-1].retried_by_id or 0)) is not None:
            chain.append(after)
        last = chain[-1]
        tries, most = _tries(deployment, step, chain)
        yield Row(
            step=step,
            shown=last,
            title=title_of(step.step_key),
            service=step.service_name,
            retries=tuple(chain[1:]),
            tries=tries,
            most_tries=most,
            seconds=_seconds(step, last, now),
            deeds=deeds_of(deployment, last),
        )


def _tries(
    deployment: Deployment, step: DeploymentStep, chain: list[DeploymentStep]
) -> tuple[int, int]:
    """The try that comes next and how many there are in all; 0 for a mere look."""
    kind = kind_of(step.step_key)
    last = chain[-1]
    if kind is None:
        return 0, 0
    if len(chain) > 1:
        return len(chain) - 1, _retries(deployment, step, kind.retries)
    used = last.attempts - last.budget_from - last.lost - last.polls
    waits = last.status == "waiting" and used > 0 and last.due_at is not None
    return (used + 1, kind.attempts) if waits and kind.patience is None else (0, kind.attempts)


def _retries(deployment: Deployment, step: DeploymentStep, otherwise: int) -> int:
    for service in deployment.blueprint.get("services", ()):
        if service.get("name") == step.service_name:
            return int(service.get("health_retries", otherwise))
    return otherwise


def _seconds(first: DeploymentStep, last: DeploymentStep, now: datetime) -> float | None:
    if first.started_at is None:
        return None
    end = last.ended_at or (now if last.status in OPEN else None)
    return (end - first.started_at).total_seconds() if end else None


def _bars(deployment: Deployment, rows: list[Row], now: datetime) -> Iterator[Row]:
    """Where each bar begins and ends, in hundredths of the whole run."""
    starts = [row.step.started_at for row in rows if row.step.started_at]
    begin = min(starts, default=deployment.queued_at)
    whole = max(((deployment.ended_at or now) - begin).total_seconds(), 1.0)
    for row in rows:
        if row.step.started_at is None or row.seconds is None:
            yield row
            continue
        left = 100 * (row.step.started_at - begin).total_seconds() / whole
        left = min(max(left, 0.0), 99.4)
        width = min(max(100 * row.seconds / whole, 0.6), 100 - left)
        yield replace(row, left=round(left, 2), width=round(width, 2))


def deeds_of(deployment: Deployment, step: DeploymentStep) -> tuple[str, ...]:
    """What staff may do to a step as it stands; the operation judges again."""
    if step.retried_by_id is not None:
        return ()
    ended = deployment.status in {"failed", "cancelled"}
    if step.status == "failed" and step.gates and ended:
        return ("retry", "mark_done")
    if step.status == "failed" and not step.gates and step.epoch == deployment.epoch:
        return ("retry",)
    if step.status == "waiting" and step.gates:
        return ("run_now", "skip")
    if step.status == "pending" and step.gates and deployment.status != "succeeded":
        return ("skip",)
    return ()
