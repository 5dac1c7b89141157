"""What happened: log lines, status changes, what people did, and how services answered."""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ForeignKey,
    Index,
    Integer,
    String,
    Text,
    UniqueConstraint,
    false,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from tenantry.models.base import Base, Identified, JsonType, Moment, one_of
from tenantry.models.dbtime import db_now

THINGS = ("deployment", "step", "job", "tenant", "service")
STREAMS = ("system", "stdout", "stderr")


class LogEntry(Base):
    """
    One redacted line of a deployment's log.

    `seq` is unique in its deployment and grows in commit order, which makes it an exact cursor.
    """

    __tablename__ = "log_entry"
    __table_args__ = (
        one_of("stream", STREAMS),
        UniqueConstraint("deployment_id", "seq"),
        Index("ix_log_entry_step_id_seq", "step_id", "seq"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True
    )
    deployment_id: Mapped[int] = mapped_column(ForeignKey("deployment.id", ondelete="CASCADE"))
    step_id: Mapped[int | None] = mapped_column(
        ForeignKey("deployment_step.id", ondelete="CASCADE")
    )
    seq: Mapped[int]
    at: Mapped[Moment] = mapped_column(default=db_now(), server_default=func.current_timestamp())
    stream: Mapped[str] = mapped_column(String(10), default="system")
    attempt: Mapped[int] = mapped_column(default=0)
    hidden: Mapped[bool] = mapped_column(Boolean, default=False)
    text: Mapped[str] = mapped_column(Text)


class StatusChange(Base):
    """One move of one thing from state to state, with its reason; written with the move itself."""

    __tablename__ = "status_change"
    __table_args__ = (
        one_of("thing", THINGS),
        Index("ix_status_change_thing_thing_id_id", "thing", "thing_id", "id"),
        Index("ix_status_change_at", "at"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True
    )
    thing: Mapped[str] = mapped_column(String(20))
    thing_id: Mapped[int]
    old: Mapped[str] = mapped_column(String(40))
    new: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(500), default="")
    actor: Mapped[str] = mapped_column(String(255), default="")
    at: Mapped[Moment] = mapped_column(default=db_now(), server_default=func.current_timestamp())


class AuditEntry(Identified, Base):
    """What a person did, or was refused. Append-only; before and after are redacted."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        Index("ix_audit_entry_object_type_object_id", "object_type", "object_id"),
        Index("ix_audit_entry_user_id", "user_id"),
        Index("ix_audit_entry_at", "at"),
    )

    at: Mapped[Moment] = mapped_column(default=db_now(), server_default=func.current_timestamp())
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    actor: Mapped[str] = mapped_column(String(255))
    action: Mapped[str] = mapped_column(String(60))
    object_type: Mapped[str] = mapped_column(String(40))
    object_id: Mapped[str] = mapped_column(String(60))
    object_name: Mapped[str] = mapped_column(String(200), default="")
    outcome: Mapped[str] = mapped_column(String(20), default="done")
    reason: Mapped[str] = mapped_column(String(500), default="")
    before: Mapped[dict[str, Any] | None] = mapped_column(JsonType)
    after: Mapped[dict[str, Any] | None] = mapped_column(JsonType)
    address: Mapped[str] = mapped_column(String(64), default="")
    request_id: Mapped[str] = mapped_column(String(64), default="")


class HealthCheck(Base):
    """
    One probe of one service: HTTP status and latency, or what its containers said.

    `planned` ones were made while a deployment was under way; they open no outage and count
    against no uptime. Rows are kept for a limited time; `health_rollup` keeps their sums.
    """

    __tablename__ = "health_check"
    __table_args__ = (
        Index("ix_health_check_tenant_service_id_at", "tenant_service_id", "at"),
        Index("ix_health_check_step_id", "step_id"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True
    )
    tenant_service_id: Mapped[int] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="CASCADE")
    )
    step_id: Mapped[int | None] = mapped_column(
        ForeignKey("deployment_step.id", ondelete="SET NULL")
    )
    at: Mapped[Moment] = mapped_column(default=db_now(), server_default=func.current_timestamp())
    ok: Mapped[bool] = mapped_column(Boolean)
    http_status: Mapped[int | None]
    latency_ms: Mapped[int | None]
    problem: Mapped[str] = mapped_column(String(500), default="")
    planned: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
