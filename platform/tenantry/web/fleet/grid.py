"""Tenants × phases: how the latest deployment of each tenant stands, phase by phase."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.models import Deployment, DeploymentStep
from tenantry.planning.catalogue import kind_name
from tenantry.planning.states import DONE_STEP
from tenantry.web.words import look

MOST = 60
# The newest deployments among which each tenant's latest is looked for.
AMONG = 600
# Phase → the kinds that it begins with, the more exact ones first.
PHASES: dict[str, tuple[str, ...]] = {
    "Remove": (
        "teardown.",
        "volumes.",
        "project.remove",
        "db.remove",
        "domains.remove",
        "service.remove",
        "service.schedules_remove",
        "service.image_remove",
    ),
    "Project": ("project.", "adopt."),
    "Backup": ("backup.", "restore."),
    "Database": ("db.",),
    "Roll out": (
        "service.deploy",
        "service.wait_deploy",
        "service.fresh_build",
        "service.cached_build",
        "service.reload",
        "service.roll_back",
        "service.stop",
        "service.wake",
        "service.wait_wake",
        "service.observe",
    ),
    "Set up": ("service.",),
    "Domains": ("domains.",),
    "Health": ("health.",),
    "Provision": ("internal.",),
    "Mail": ("email.",),
}
COLUMNS = (
    "Project",
    "Backup",
    "Database",
    "Set up",
    "Roll out",
    "Domains",
    "Health",
    "Provision",
    "Remove",
    "Mail",
)
# Of a phase's steps, the state that tells most.
ORDER = ("failed", "running", "waiting", "cancelled", "pending", "success", "skipped")
Step = DeploymentStep


@dataclass(frozen=True, slots=True)
class Cell:
    """One phase of one deployment: its state and how far it is."""

    status: str
    done: int
    all: int

    @property
    def words(self) -> str:
        """`Running, 2 of 4 steps done`."""
        many = f"{self.done} of {self.all} steps done"
        return f"{look(self.status).word}, {many}" if self.all > 1 else look(self.status).word


@dataclass(frozen=True, slots=True)
class GridRow:
    """The latest deployment of one tenant."""

    public_id: UUID
    tenant: str
    subdomain: str
    action: str
    trigger_reason: str
    status: str
    at: datetime
    cells: dict[str, Cell]


@dataclass(frozen=True, slots=True)
class Grid:
    """`phases` are those that some row has, in the order in which they happen."""

    phases: tuple[str, ...]
    rows: tuple[GridRow, ...]


def phase_of(step_key: str) -> str:
    """The phase of a step; an unknown one is set-up."""
    kind = kind_name(step_key)
    return next((name for name, begins in PHASES.items() if kind.startswith(begins)), "Set up")


def grid(session: Session) -> Grid:
    """At most sixty tenants, those deployed last first; two queries."""
    newest = (
        select(Deployment.id, Deployment.tenant_id)
        .order_by(Deployment.id.desc())
        .limit(AMONG)
        .subquery()
    )
    latest = (
        select(func.max(newest.c.id).label("id"))
        .group_by(newest.c.tenant_id)
        .order_by(func.max(newest.c.id).desc())
        .limit(MOST)
        .subquery()
    )
    rows = session.execute(
        select(
            Deployment.id,
            Deployment.public_id,
            Deployment.tenant_name,
            Deployment.subdomain,
            Deployment.action,
            Deployment.trigger_reason,
            Deployment.status,
            Deployment.epoch,
            func.coalesce(Deployment.ended_at, Deployment.started_at, Deployment.queued_at).label(
                "at"
            ),
        )
        .join(latest, latest.c.id == Deployment.id)
        .order_by(Deployment.id.desc())
    ).all()
    steps = _steps(session, rows)
    found = tuple(
        GridRow(*row[1:7], at=row.at, cells=_cells(steps.get(row.id, ()), row)) for row in rows
    )
    used = {name for row in found for name in row.cells}
    return Grid(tuple(name for name in COLUMNS if name in used), found)


def _steps(session: Session, rows: Sequence[Any]) -> dict[int, list[Any]]:
    """A check that another row repeats says nothing of its own."""
    found: dict[int, list[Any]] = {}
    if not rows:
        return found
    asked = select(Step.deployment_id, Step.step_key, Step.status, Step.epoch, Step.gates).where(
        Step.deployment_id.in_([row.id for row in rows]), Step.retried_by_id.is_(None)
    )
    for step in session.execute(asked):
        found.setdefault(step.deployment_id, []).append(step)
    return found


def _cells(steps: Iterable[Any], row: Any) -> dict[str, Cell]:
    by_phase: dict[str, list[str]] = {}
    for step in steps:
        if step.gates or _mail_of_now(step, row):
            by_phase.setdefault(phase_of(step.step_key), []).append(step.status)
    return {name: _cell(states) for name, states in by_phase.items()}


def _mail_of_now(step: Any, row: Any) -> bool:
    """Of the two mails of a run only the one that fits is ever sent."""
    return (
        step.epoch == row.epoch
        and step.status != "skipped"
        and row.status
        not in {
            "pending",
            "running",
        }
    )


def _cell(states: list[str]) -> Cell:
    status = min(states, key=lambda state: ORDER.index(state) if state in ORDER else 0)
    done = sum(state in DONE_STEP for state in states)
    return Cell(status, done, len(states))
