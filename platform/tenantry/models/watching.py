"""What watching keeps: who is probed when, outages, sums of probes, hostnames, letters to send."""

from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Boolean, ForeignKey, Index, Integer, String, Text, Uuid, text
from sqlalchemy.orm import Mapped, mapped_column

from tenantry.models.base import (
    Base,
    Identified,
    JsonType,
    Key,
    Moment,
    Timestamped,
    one_of,
    uuid7,
)
from tenantry.planning.watching import CERTIFICATE_STATES, DNS_STATES, WATCH_STATES

WATCH_KINDS = ("http", "containers")
PERIODS = ("hour", "day")


def _where(condition: str) -> dict[str, Any]:
    return {"postgresql_where": text(condition), "sqlite_where": text(condition)}


class ServiceWatch(Base):
    """
    One watched service: what to ask, when next, and how it answered lately.

    `url` and `expected_status` are those of the newest deployment that succeeded, `deployment_id`.
    A probe belongs to whoever holds `fence` until `leased_until`; results of anybody else are
    thrown away. `failures` and `successes` count the present run, which began at `run_since`.
    `interval_seconds` is its own, None for the installation's.
    """

    __tablename__ = "service_watch"
    __table_args__ = (
        one_of("kind", WATCH_KINDS),
        one_of("state", WATCH_STATES),
        Index("ix_service_watch_due", "kind", "next_due_at", **_where("NOT paused")),
        Index("ix_service_watch_tenant_id", "tenant_id"),
        Index("ix_service_watch_deployment_id", "deployment_id"),
    )

    id: Mapped[Key]
    tenant_service_id: Mapped[int] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="CASCADE"), unique=True
    )
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    deployment_id: Mapped[int | None] = mapped_column(
        ForeignKey("deployment.id", ondelete="SET NULL")
    )
    kind: Mapped[str] = mapped_column(String(20))
    url: Mapped[str] = mapped_column(String(600), default="")
    expected_status: Mapped[str] = mapped_column(String(60), default="200-399")
    interval_seconds: Mapped[int | None]
    paused: Mapped[bool] = mapped_column(Boolean, default=False)
    next_due_at: Mapped[Moment]
    leased_until: Mapped[Moment | None]
    fence: Mapped[int] = mapped_column(default=0)
    state: Mapped[str] = mapped_column(String(20), default="unknown")
    state_since: Mapped[Moment | None]
    failures: Mapped[int] = mapped_column(default=0)
    successes: Mapped[int] = mapped_column(default=0)
    run_since: Mapped[Moment | None]
    probed_at: Mapped[Moment | None]
    http_status: Mapped[int | None]
    latency_ms: Mapped[int | None]
    detail: Mapped[str] = mapped_column(String(500), default="")


class Outage(Identified, Base):
    """
    One time in which a service was down; at most one is open for a service.

    From its first failed probe to the first good one. `ending` says how it ended: `recovered`, or
    that nobody looks any more (`suspended`, `archived`, `paused`).
    """

    __tablename__ = "outage"
    __table_args__ = (
        Index(
            "one_open_outage_per_service",
            "tenant_service_id",
            unique=True,
            **_where("ended_at IS NULL"),
        ),
        Index("ix_outage_tenant_service_id_started_at", "tenant_service_id", "started_at"),
        Index("ix_outage_tenant_id_started_at", "tenant_id", "started_at"),
    )

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    tenant_service_id: Mapped[int] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="CASCADE")
    )
    service_name: Mapped[str] = mapped_column(String(40))
    started_at: Mapped[Moment]
    opened_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
    ending: Mapped[str] = mapped_column(String(20), default="")
    problem: Mapped[str] = mapped_column(String(500), default="")

    def __str__(self) -> str:
        """Shown in lists."""
        return self.service_name


class HealthRollup(Base):
    """
    The probes of one service in one hour or day, counted in the transaction that keeps them.

    `checks` and `failed` leave out those made during a deployment (`planned`). The `under_…`
    columns count answers by their time in ms, so that sums over any span give percentiles.
    """

    __tablename__ = "health_rollup"
    __table_args__ = (
        one_of("period", PERIODS),
        Index("ix_health_rollup_period_starts_at", "period", "starts_at"),
    )

    tenant_service_id: Mapped[int] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="CASCADE"), primary_key=True
    )
    period: Mapped[str] = mapped_column(String(10), primary_key=True)
    starts_at: Mapped[Moment] = mapped_column(primary_key=True)
    checks: Mapped[int] = mapped_column(default=0)
    failed: Mapped[int] = mapped_column(default=0)
    planned: Mapped[int] = mapped_column(default=0)
    slowest_ms: Mapped[int] = mapped_column(default=0)
    under_10: Mapped[int] = mapped_column(default=0)
    under_20: Mapped[int] = mapped_column(default=0)
    under_35: Mapped[int] = mapped_column(default=0)
    under_50: Mapped[int] = mapped_column(default=0)
    under_75: Mapped[int] = mapped_column(default=0)
    under_100: Mapped[int] = mapped_column(default=0)
    under_150: Mapped[int] = mapped_column(default=0)
    under_250: Mapped[int] = mapped_column(default=0)
    under_400: Mapped[int] = mapped_column(default=0)
    under_600: Mapped[int] = mapped_column(default=0)
    under_1000: Mapped[int] = mapped_column(default=0)
    under_2000: Mapped[int] = mapped_column(default=0)
    under_4000: Mapped[int] = mapped_column(default=0)
    under_8000: Mapped[int] = mapped_column(default=0)
    over: Mapped[int] = mapped_column(default=0)


class HostnameWatch(Base):
    """
    One watched hostname: where it points to, and until when its certificate holds.

    `expected` are the addresses under which it last worked, where configuration names none.
    `certificate_warned` is the last warning that was given, so that none is given twice.
    """

    __tablename__ = "hostname_watch"
    __table_args__ = (
        one_of("dns_state", DNS_STATES),
        one_of("certificate_state", CERTIFICATE_STATES),
        Index("ix_hostname_watch_due", "next_due_at", **_where("NOT paused")),
        Index("ix_hostname_watch_tenant_id", "tenant_id"),
    )

    id: Mapped[Key]
    public_id: Mapped[UUID] = mapped_column(Uuid(), default=uuid7, unique=True)
    tenant_domain_id: Mapped[int] = mapped_column(
        ForeignKey("tenant_domain.id", ondelete="CASCADE"), unique=True
    )
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    paused: Mapped[bool] = mapped_column(Boolean, default=False)
    next_due_at: Mapped[Moment]
    leased_until: Mapped[Moment | None]
    fence: Mapped[int] = mapped_column(default=0)
    checked_at: Mapped[Moment | None]
    dns_state: Mapped[str] = mapped_column(String(20), default="unknown")
    dns_since: Mapped[Moment | None]
    dns_failures: Mapped[int] = mapped_column(default=0)
    dns_detail: Mapped[str] = mapped_column(String(500), default="")
    addresses: Mapped[list[Any]] = mapped_column(JsonType, default=list)
    expected: Mapped[list[Any]] = mapped_column(JsonType, default=list)
    certificate_state: Mapped[str] = mapped_column(String(20), default="unknown")
    certificate_failures: Mapped[int] = mapped_column(default=0)
    certificate_detail: Mapped[str] = mapped_column(String(500), default="")
    certificate_until: Mapped[Moment | None]
    certificate_issuer: Mapped[str] = mapped_column(String(200), default="")
    certificate_warned: Mapped[str] = mapped_column(String(60), default="")


class LetterOutbox(Timestamped, Base):
    """
    A letter that must go out, written with the event that it tells of and sent afterwards.

    At least once: who is killed between sending and marking leaves it to be sent again, under the
    same `message_id`. A letter waits for earlier ones of its `thread`.
    """

    __tablename__ = "letter_outbox"
    __table_args__ = (
        Index(
            "ix_letter_outbox_due",
            "due_at",
            **_where("sent_at IS NULL AND given_up_at IS NULL"),
        ),
        Index("ix_letter_outbox_tenant_id_created_at", "tenant_id", "created_at"),
        Index("ix_letter_outbox_thread", "thread"),
    )

    id: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer(), "sqlite"), primary_key=True
    )
    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    message_id: Mapped[str] = mapped_column(String(200), unique=True)
    thread: Mapped[str] = mapped_column(String(80))
    recipients: Mapped[list[Any]] = mapped_column(JsonType)
    subject: Mapped[str] = mapped_column(String(300))
    text: Mapped[str] = mapped_column(Text)
    html: Mapped[str] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[Moment]
    sent_at: Mapped[Moment | None]
    given_up_at: Mapped[Moment | None]
    problem: Mapped[str] = mapped_column(String(500), default="")

    def __str__(self) -> str:
        """Shown in lists."""
        return self.subject
