"""How a tenant's service is to run, and what was seen of it."""

from sqlalchemy import Boolean, CheckConstraint, Float, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tenantry.models.base import Base, Identified, Moment, Timestamped


class ResourceLimits(Identified, Timestamped, Base):
    """
    Staff's own limits for one tenant's service, in place of the product's.

    A column that is NULL means no limit; ranges are those of `planning.limits`.
    """

    __tablename__ = "resource_limits"
    __table_args__ = (
        CheckConstraint("cpu_cores BETWEEN 0.5 AND 32", name="cpu_cores_range"),
        CheckConstraint("memory_mb BETWEEN 512 AND 65536", name="memory_mb_range"),
        CheckConstraint("gpu_units BETWEEN 0 AND 8", name="gpu_units_range"),
        CheckConstraint("storage_gb BETWEEN 1 AND 1024", name="storage_gb_range"),
    )

    tenant_service_id: Mapped[int] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="CASCADE"), unique=True
    )
    cpu_cores: Mapped[float | None] = mapped_column(Float)
    memory_mb: Mapped[int | None]
    gpu_units: Mapped[int] = mapped_column(default=0)
    storage_gb: Mapped[int | None]


class ReplicaObservation(Identified, Timestamped, Base):
    """
    One task of a service as the target showed it.

    `state` is the real state, `wanted` the desired one. Times are exact where the server could
    inspect the container, else when we saw it, and `exact` says which. `gone_at` is when it was no
    longer listed.
    """

    __tablename__ = "replica_observation"
    __table_args__ = (
        UniqueConstraint("tenant_service_id", "task_id"),
        Index("ix_replica_observation_tenant_service_id_state", "tenant_service_id", "state"),
    )

    tenant_service_id: Mapped[int] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="CASCADE")
    )
    task_id: Mapped[str] = mapped_column(String(80))
    container_id: Mapped[str | None] = mapped_column(String(80))
    node: Mapped[str] = mapped_column(String(120), default="")
    state: Mapped[str] = mapped_column(String(20))
    wanted: Mapped[str] = mapped_column(String(20), default="")
    error: Mapped[str] = mapped_column(String(500), default="")
    started_at: Mapped[Moment | None]
    stopped_at: Mapped[Moment | None]
    exact: Mapped[bool] = mapped_column(Boolean, default=False)
    seen_at: Mapped[Moment]
    gone_at: Mapped[Moment | None]
