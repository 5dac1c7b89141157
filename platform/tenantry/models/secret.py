"""IntegrationSecret: sealed values. Nothing but the vault ever opens them."""

from sqlalchemy import CheckConstraint, ForeignKey, Index, LargeBinary, String, text
from sqlalchemy.orm import Mapped, mapped_column

from tenantry.models.base import Base, Identified, Moment, Timestamped, one_of

SECRET_TYPES = (
    "provision_token",
    "dokploy_api_key",
    "db_password",
    "git_token",
    "webhook_secret",
    "registry",
    "smtp",
    "env",
    "notification_token",
)
_SCOPES = ("project_id", "service_template_id", "tenant_service_id")


class IntegrationSecret(Identified, Timestamped, Base):
    """
    A secret of a product, of one of its services, or of one tenant's service.

    `encrypted_value` is bound to this row, its column and its scope: moved elsewhere it does not
    open. `key_id` says which key of the ring sealed it.
    """

    __tablename__ = "integration_secret"
    __table_args__ = (
        one_of("secret_type", SECRET_TYPES),
        CheckConstraint(
            " + ".join(f"(CASE WHEN {c} IS NULL THEN 0 ELSE 1 END)" for c in _SCOPES) + " = 1",
            name="one_scope",
        ),
        *(
            Index(
                f"uq_integration_secret_{column}_name",
                column,
                "name",
                unique=True,
                postgresql_where=text(f"{column} IS NOT NULL"),
                sqlite_where=text(f"{column} IS NOT NULL"),
            )
            for column in _SCOPES
        ),
        Index("ix_integration_secret_created_by_id", "created_by_id"),
    )

    project_id: Mapped[int | None] = mapped_column(
        ForeignKey("project_template.id", ondelete="CASCADE")
    )
    service_template_id: Mapped[int | None] = mapped_column(
        ForeignKey("service_template.id", ondelete="CASCADE")
    )
    tenant_service_id: Mapped[int | None] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="CASCADE")
    )
    name: Mapped[str] = mapped_column(String(60))
    secret_type: Mapped[str] = mapped_column(String(30))
    encrypted_value: Mapped[bytes] = mapped_column(LargeBinary)
    key_id: Mapped[str] = mapped_column(String(40))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    last_rotated_at: Mapped[Moment | None]

    @property
    def bound_to(self) -> str:
        """What the ciphertext is bound to: table, row, column and scope."""
        scope = next(
            (f"{column}={value}" for column in _SCOPES if (value := getattr(self, column))), ""
        )
        return f"integration_secret|{self.public_id}|encrypted_value|{scope}"

    def __str__(self) -> str:
        """Shown in lists; never the value."""
        return self.name
