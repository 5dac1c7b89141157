"""
Health retries as rows of their own (KERNEL §2.5).

A failed try closes as failed with `retried_by` = the row that follows it, so it neither blocks
nor fails anything. Orders are planned in hundreds, which leaves room for them.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from tenantry.config import Times
from tenantry.engine.claim import Claim
from tenantry.engine.jobs import Hint, add_job, countdown
from tenantry.engine.transitions import move
from tenantry.journal import cap_line, status_changed
from tenantry.models import DeploymentStep, JobRecord, TenantService
from tenantry.models.base import uuid7
from tenantry.models.dbtime import db_now
from tenantry.planning.backoff import HEALTH
from tenantry.planning.planner import SPACING
from tenantry.planning.states import NEW

Step = DeploymentStep


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The row that takes over from a failed try."""

    claim: Claim
    step_id: int
    number: int
    delay: float
    longest_countdown: float

    def close(self, conn: Connection) -> tuple[Hint, ...]:
        """Points the failed row at this one and replaces its job."""
        conn.execute(
            update(Step).where(Step.id == self.claim.step.id).values(retried_by_id=self.step_id)
        )
        move(
            conn,
            "job",
            "completed",
            JobRecord.step_id == self.claim.step.id,
            JobRecord.status == "running",
            reason="this try failed",
        )
        deployment_id = self.claim.message.deployment_id
        add_job(
            conn,
            deployment_id,
            self.step_id,
            self.claim.kind.retry_key or "",
            attempt=self.number,
            delay=self.delay,
        )
        return countdown(conn, deployment_id, self.step_id, self.delay, self.longest_countdown)


def follow_up(conn: Connection, claim: Claim, problem: str, times: Times) -> FollowUp | None:
    """
    Inserts the next retry row; None where the allowed retries are used up.

    Retries are counted among rows of the current epoch, and never leave their hundred.
    """
    step: Any = claim.step
    used = conn.execute(
        select(func.count())
        .select_from(Step)
        .where(
            Step.deployment_id == claim.message.deployment_id,
            Step.tenant_service_id == step.tenant_service_id,
            Step.step_key == claim.kind.retry_key,
            Step.epoch == claim.message.epoch,
        )
    ).scalar_one()
    order = step.order + 1
    if used >= _allowed(claim) or order % SPACING == 0:
        return None
    delay = HEALTH.seconds(used) * times.scale
    row = conn.execute(
        insert(Step)
        .values(
            public_id=uuid7(),
            deployment_id=claim.message.deployment_id,
            tenant_service_id=step.tenant_service_id,
            service_name=step.service_name,
            step_key=claim.kind.retry_key,
            order=order,
            status="waiting",
            gates=True,
            epoch=claim.message.epoch,
            due_at=db_now(delay),
            message=cap_line(f"Checks again, try {used + 1}: {problem}"),
            details={},
        )
        .returning(Step.id)
    ).scalar_one()
    status_changed(conn, "step", [row], NEW, "waiting", "the check before it failed")
    conn.execute(
        update(TenantService)
        .where(TenantService.id == step.tenant_service_id)
        .values(next_wait_seconds=max(1, round(delay)))
    )
    return FollowUp(claim, row, used + 1, delay, times.longest_countdown)


def _allowed(claim: Claim) -> int:
    for service in claim.deployment.blueprint.get("services", ()):
        if service["name"] == claim.step.service_name:
            return int(service.get("health_retries", claim.kind.retries))
    return claim.kind.retries
