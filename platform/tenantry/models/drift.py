"""Drift: where our record, the product and the target say different things."""

from sqlalchemy import ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from tenantry.models.base import Base, Identified, Moment, Timestamped, one_of

DRIFT_STATES = ("open", "adopted", "reverted", "ignored", "gone")
MOVERS = ("target", "product", "tenant", "unknown")


class DriftFinding(Identified, Timestamped, Base):
    """
    One field of one thing that differs.

    `ours` and `theirs` are for people: fingerprints in place of values that may be secret. `mover`
    says who moved: somebody on the target, the product's template, or the tenant's own settings.
    At most one is open for a field; it is closed when a later check finds it equal again (`gone`),
    or by a person.
    """

    __tablename__ = "drift_finding"
    __table_args__ = (
        one_of("state", DRIFT_STATES),
        one_of("mover", MOVERS),
        Index(
            "uq_drift_finding_open",
            "tenant_id",
            "thing",
            "field",
            unique=True,
            postgresql_where=text("state IN ('open','ignored') AND tenant_id IS NOT NULL"),
            sqlite_where=text("state IN ('open','ignored') AND tenant_id IS NOT NULL"),
        ),
        Index(
            "uq_drift_finding_open_foreign",
            "target_name",
            "thing",
            "field",
            unique=True,
            postgresql_where=text("state IN ('open','ignored') AND tenant_id IS NULL"),
            sqlite_where=text("state IN ('open','ignored') AND tenant_id IS NULL"),
        ),
        Index("ix_drift_finding_tenant_service_id", "tenant_service_id"),
        Index("ix_drift_finding_state_seen_at", "state", "seen_at"),
        Index("ix_drift_finding_tenant_id", "tenant_id"),
    )

    tenant_id: Mapped[int | None] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    tenant_service_id: Mapped[int | None] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="CASCADE")
    )
    target_name: Mapped[str] = mapped_column(String(60))
    thing: Mapped[str] = mapped_column(String(120))
    field: Mapped[str] = mapped_column(String(60))
    ours: Mapped[str] = mapped_column(String(500), default="")
    theirs: Mapped[str] = mapped_column(String(500), default="")
    mover: Mapped[str] = mapped_column(String(10))
    state: Mapped[str] = mapped_column(String(10), default="open")
    first_seen_at: Mapped[Moment]
    seen_at: Mapped[Moment]
    ignored_until: Mapped[Moment | None]
    closed_by: Mapped[str] = mapped_column(String(255), default="")
    closed_at: Mapped[Moment | None]

    def __str__(self) -> str:
        """Shown in lists."""
        return f"{self.thing}: {self.field}"
