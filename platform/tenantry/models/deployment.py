"""One attempt: Deployment, its ordered steps, their attempts, and the jobs that wait for a time."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tenantry.models.base import Base, Identified, JsonType, Moment, Timestamped, one_of
from tenantry.models.tenant import Tenant
from tenantry.planning.actions import ACTIONS, DEPLOY
from tenantry.planning.states import DeploymentStatus, JobStatus, StepStatus

# `resume` is the spec's; the others of the years after are the names of their action.
REASONS = ("initial", "redeploy", "resume", "manual_fix", *(a for a in ACTIONS if a != DEPLOY))
CREATORS = ("manual", "webhook", "api", "schedule")
JOB_TYPES = ("health", "email", "retry")


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


class Deployment(Identified, Timestamped, Base):
    """
    A single attempt to bring a tenant to its plan; resume continues the same one.

    `blueprint` is frozen at creation and holds no secret values. `epoch` grows with each resume:
    messages of an older one are void. `next_seq` numbers log lines under this row's lock, so that
    commit order is number order. Names are kept as they were: a rename rewrites no history.
    `cause` is what it last failed of, without what differs between tenants, to group by. It stays
    when the deployment goes on and ends well, so that a cause knows how often it was met; whether
    it still stands is told by `status`.
    """

    __tablename__ = "deployment"
    __table_args__ = (
        one_of("status", DeploymentStatus),
        one_of("trigger_reason", REASONS),
        one_of("action", ACTIONS),
        one_of("creator_type", CREATORS),
        Index(
            "one_active_per_tenant",
            "tenant_id",
            unique=True,
            **_where("status IN ('pending','running')"),
        ),
        Index("ix_deployment_tenant_id_created_at", "tenant_id", "created_at"),
        Index("ix_deployment_status_created_at", "status", "created_at"),
        Index("ix_deployment_created_at", "created_at"),
        Index("ix_deployment_queue", "target_id", "queued_at", "id", **_where("status='pending'")),
        Index("ix_deployment_in_flight", "target_id", **_where("status='running'")),
        Index("ix_deployment_target_id", "target_id", "status", "created_at"),
        Index("ix_deployment_cancel", "id", **_where("cancel_requested")),
        Index("ix_deployment_cause", "cause", "ended_at", **_where("cause <> ''")),
        Index("ix_deployment_release_id", "release_id"),
        Index("ix_deployment_triggered_by_id", "triggered_by_id"),
        Index("ix_deployment_cancelled_by_id", "cancelled_by_id"),
    )

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    target_id: Mapped[int] = mapped_column(ForeignKey("target.id", ondelete="RESTRICT"))
    release_id: Mapped[int | None] = mapped_column(
        ForeignKey("template_release.id", ondelete="SET NULL")
    )
    triggered_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    cancelled_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    action: Mapped[str] = mapped_column(String(20), default=DEPLOY, server_default=DEPLOY)
    trigger_reason: Mapped[str] = mapped_column(String(20))
    creator_type: Mapped[str] = mapped_column(String(20), default="manual")
    status: Mapped[str] = mapped_column(String(20), default=DeploymentStatus.PENDING)
    epoch: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(Boolean, default=False)
    queued_at: Mapped[Moment]
    started_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    blueprint: Mapped[dict[str, Any]] = mapped_column(JsonType)
    details: Mapped[dict[str, Any]] = mapped_column("meta", JsonType, default=dict)
    summary: Mapped[str] = mapped_column(String(500), default="")
    cause: Mapped[str] = mapped_column(String(300), default="", server_default="")
    next_seq: Mapped[int] = mapped_column(default=1)
    request_key: Mapped[str | None] = mapped_column(String(80), unique=True)
    tenant_name: Mapped[str] = mapped_column(String(120))
    subdomain: Mapped[str] = mapped_column(String(63))
    template_name: Mapped[str] = mapped_column(String(120))
    actor: Mapped[str] = mapped_column(String(255), default="")

    tenant: Mapped[Tenant] = relationship()
    steps: Mapped[list["DeploymentStep"]] = relationship(
        back_populates="deployment", order_by="DeploymentStep.order"
    )

    def duration_seconds(self, now: datetime) -> float | None:
        """From start to end, or to now while it runs; None before it started."""
        if self.started_at is None:
            return None
        return ((self.ended_at or now) - self.started_at).total_seconds()

    def __str__(self) -> str:
        """Shown in lists."""
        return f"{self.tenant_name} · {self.trigger_reason}"


class DeploymentStep(Identified, Timestamped, Base):
    """
    One ordered step.

    Claimed by compare-and-set under `fence` with a lease; `intent_at` is set before each change on
    the target and forgotten only when its outcome is known. `due_at` is NULL for mail until the
    deployment has ended. Attempts never go down; the budget used is attempts - budget_from - lost
    - polls.
    """

    __tablename__ = "deployment_step"
    __table_args__ = (
        one_of("status", StepStatus),
        CheckConstraint(
            "status <> 'running' OR (lease_until IS NOT NULL AND owner IS NOT NULL)",
            name="running_is_leased",
        ),
        CheckConstraint("gates OR step_key LIKE 'email.%'", name="only_mail_gates_nothing"),
        CheckConstraint("NOT gates OR due_at IS NOT NULL", name="gating_is_due"),
        UniqueConstraint("deployment_id", "order"),
        # By id, not by lease: renewing a lease then touches no index, and few steps run at once.
        Index("ix_step_lease", "id", **_where("status='running'")),
        # With the deployment beside the time: the sweep leaves out deployments that wait.
        Index("ix_step_waiting", "due_at", "deployment_id", **_where("gates AND status='waiting'")),
        Index("ix_step_mail", "due_at", **_where("NOT gates AND status IN ('pending','waiting')")),
        Index("ix_deployment_step_tenant_service_id_status", "tenant_service_id", "status"),
        Index(
            "ix_deployment_step_retried_by_id",
            "retried_by_id",
            **_where("retried_by_id IS NOT NULL"),
        ),
        Index("ix_deployment_step_key_status", "step_key", "status"),
        # Each row is written three times soon after it was made: room beside it spares indexes.
        {"postgresql_with": {"fillfactor": "70"}},
    )

    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployment.id", ondelete="CASCADE"))
    tenant_service_id: Mapped[int | None] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="SET NULL")
    )
    service_name: Mapped[str | None] = mapped_column(String(40))
    step_key: Mapped[str] = mapped_column(String(80))
    order: Mapped[int] = mapped_column("order")
    status: Mapped[str] = mapped_column(String(20), default=StepStatus.PENDING)
    gates: Mapped[bool] = mapped_column(Boolean, default=True)
    epoch: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    budget_from: Mapped[int] = mapped_column(default=0)
    lost: Mapped[int] = mapped_column(default=0)
    polls: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int] = mapped_column(default=0)
    owner: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[Moment | None]
    due_at: Mapped[Moment | None]
    hinted_at: Mapped[Moment | None]
    hints: Mapped[int] = mapped_column(default=0)
    intent_at: Mapped[Moment | None]
    intent: Mapped[dict[str, Any] | None] = mapped_column(JsonType)
    retried_by_id: Mapped[int | None] = mapped_column(
        ForeignKey("deployment_step.id", ondelete="SET NULL")
    )
    started_at: Mapped[Moment | None]
    ended_at: Mapped[Moment | None]
    message: Mapped[str] = mapped_column(String(500), default="")
    details: Mapped[dict[str, Any]] = mapped_column("meta", JsonType, default=dict)

    deployment: Mapped[Deployment] = relationship(back_populates="steps")

    def __str__(self) -> str:
        """Shown in lists."""
        return self.step_key


class StepAttempt(Identified, Base):
    """One try of a step that was no poll: when, by whom, how it ended."""

    __tablename__ = "step_attempt"
    __table_args__ = (UniqueConstraint("step_id", "number"),)

    step_id: Mapped[int] = mapped_column(ForeignKey("deployment_step.id", ondelete="CASCADE"))
    number: Mapped[int]
    epoch: Mapped[int] = mapped_column(default=0)
    fence: Mapped[int]
    owner: Mapped[str] = mapped_column(String(120))
    outcome: Mapped[str] = mapped_column(String(20))
    message: Mapped[str] = mapped_column(String(500), default="")
    details: Mapped[dict[str, Any]] = mapped_column("meta", JsonType, default=dict)
    started_at: Mapped[Moment | None]
    ended_at: Mapped[Moment]


class JobRecord(Identified, Timestamped, Base):
    """
    One wait or retry that is due at a time; at most one is open for a step.

    `job_id` is the Celery task id of the head of the chain that was published for it.
    """

    __tablename__ = "job_record"
    __table_args__ = (
        one_of("status", JobStatus),
        one_of("job_type", JOB_TYPES),
        Index(
            "one_open_job_per_step",
            "step_id",
            unique=True,
            **_where("status IN ('scheduled','running')"),
        ),
        Index("ix_job_record_step_id", "step_id"),
        Index("ix_job_record_deployment_id_created_at", "deployment_id", "created_at"),
        Index("ix_job_record_status_next_run_at", "status", "next_run_at"),
    )

    job_id: Mapped[UUID] = mapped_column(Uuid(), index=True)
    deployment_id: Mapped[int | None] = mapped_column(
        ForeignKey("deployment.id", ondelete="CASCADE")
    )
    step_id: Mapped[int | None] = mapped_column(
        ForeignKey("deployment_step.id", ondelete="CASCADE")
    )
    job_type: Mapped[str] = mapped_column(String(20))
    attempt: Mapped[int] = mapped_column(default=1)
    next_run_at: Mapped[Moment | None]
    status: Mapped[str] = mapped_column(String(20), default=JobStatus.SCHEDULED)
    result_meta: Mapped[dict[str, Any]] = mapped_column(JsonType, default=dict)
