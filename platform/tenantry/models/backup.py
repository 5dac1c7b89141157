"""How a product or tenant is backed up, and what came of it."""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column

from tenantry.models.base import Base, Identified, Moment, Timestamped, one_of

BACKUP_KINDS = ("nightly", "gate", "manual", "final", "volume")
BACKUP_OUTCOMES = ("running", "done", "failed")


class BackupPolicy(Identified, Timestamped, Base):
    """
    When and where to: of a product, or of one tenant, whose own one covers its product's.

    `schedule` is a cron line in UTC. `gate` wants a fresh backup before each redeploy.
    """

    __tablename__ = "backup_policy"
    __table_args__ = (
        CheckConstraint(
            "(CASE WHEN project_id IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN tenant_id IS NULL THEN 0 ELSE 1 END) = 1",
            name="one_scope",
        ),
        CheckConstraint("retention_days BETWEEN 1 AND 3650", name="retention_days_range"),
        *(
            Index(
                f"uq_backup_policy_{column}",
                column,
                unique=True,
                postgresql_where=text(f"{column} IS NOT NULL"),
                sqlite_where=text(f"{column} IS NOT NULL"),
            )
            for column in ("project_id", "tenant_id")
        ),
    )

    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("project_template.id", ondelete="CASCADE")
    )
    tenant_id: Mapped[int | None] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    destination_id: Mapped[str] = mapped_column(String(40))
    destination_name: Mapped[str] = mapped_column(String(120), default="")
    schedule: Mapped[str] = mapped_column(String(120), default="0 2 * * *")
    retention_days: Mapped[int] = mapped_column(default=7)
    enabled: Mapped[bool] = mapped_column(Boolean, default=True)
    gate: Mapped[bool] = mapped_column(Boolean, default=True)
    overdue_hours: Mapped[int] = mapped_column(default=36)


class BackupRecord(Identified, Timestamped, Base):
    """
    One backup that was tried. It counts only when its file was seen with a plausible size.

    Kept when the service, and with it the target's own memory, is gone: names stand here as they
    were. `crash_consistent` marks copies of a volume taken while its service ran.
    """

    __tablename__ = "backup_record"
    __table_args__ = (
        one_of("kind", BACKUP_KINDS),
        one_of("outcome", BACKUP_OUTCOMES),
        Index("ix_backup_record_tenant_id_started_at", "tenant_id", "started_at"),
        Index("ix_backup_record_tenant_service_id_outcome", "tenant_service_id", "outcome"),
        Index("ix_backup_record_deployment_id", "deployment_id"),
        Index("uq_backup_record_destination_path", "destination_id", "path", unique=True),
    )

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    tenant_service_id: Mapped[int | None] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="SET NULL")
    )
    deployment_id: Mapped[int | None] = mapped_column(
        ForeignKey("deployment.id", ondelete="SET NULL")
    )
    service_name: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(10))
    outcome: Mapped[str] = mapped_column(String(10))
    destination_id: Mapped[str] = mapped_column(String(40))
    path: Mapped[str | None] = mapped_column(String(400))
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    crash_consistent: Mapped[bool] = mapped_column(Boolean, default=False)
    problem: Mapped[str] = mapped_column(String(500), default="")
    started_at: Mapped[Moment]
    ended_at: Mapped[Moment | None]
