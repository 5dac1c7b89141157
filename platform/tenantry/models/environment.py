"""Environment values of a tenant or of one of its services, with every version kept sealed."""

from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy import UniqueConstraint as Unique
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tenantry.models.base import Base, Identified, Moment, Timestamped


class EnvVar(Identified, Timestamped, Base):
    """
    One key in one layer: a tenant's (no service) or one of its services'.

    `current` is the number of the version that holds; `removed_at` says that the key is no longer
    set, while its versions stay. `secret` values are masked everywhere.
    """

    __tablename__ = "env_var"
    __table_args__ = (
        Index(
            "uq_env_var_tenant_key",
            "tenant_id",
            "key",
            unique=True,
            postgresql_where=text("tenant_service_id IS NULL"),
            sqlite_where=text("tenant_service_id IS NULL"),
        ),
        Index(
            "uq_env_var_service_key",
            "tenant_service_id",
            "key",
            unique=True,
            postgresql_where=text("tenant_service_id IS NOT NULL"),
            sqlite_where=text("tenant_service_id IS NOT NULL"),
        ),
        Index("ix_env_var_tenant_id", "tenant_id"),
    )

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    tenant_service_id: Mapped[int | None] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="CASCADE")
    )
    key: Mapped[str] = mapped_column(String(128))
    secret: Mapped[bool] = mapped_column(Boolean, default=False)
    current: Mapped[int] = mapped_column(default=1)
    removed_at: Mapped[Moment | None]

    versions: Mapped[list["EnvVersion"]] = relationship(
        back_populates="var", order_by="EnvVersion.number"
    )

    @property
    def live(self) -> bool:
        """Whether the key is set."""
        return self.removed_at is None


class EnvVersion(Identified, Base):
    """
    One value that a key has had, sealed and bound to this row; never changed.

    A deployment refers to versions by `public_id`, which is how a rollback finds the values of
    then.
    """

    __tablename__ = "env_version"
    __table_args__ = (
        Unique("env_var_id", "number"),
        CheckConstraint("number >= 1", name="number_counts"),
        Index("ix_env_version_created_by_id", "created_by_id"),
    )

    env_var_id: Mapped[int] = mapped_column(ForeignKey("env_var.id", ondelete="CASCADE"))
    number: Mapped[int]
    encrypted_value: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(255), default="")
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    created_at: Mapped[Moment]

    var: Mapped[EnvVar] = relationship(back_populates="versions")

    @property
    def bound_to(self) -> str:
        """What the ciphertext is bound to: table, row and column."""
        return f"env_version|{self.public_id}|encrypted_value"
