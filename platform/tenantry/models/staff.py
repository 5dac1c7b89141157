"""
Staff and their roles.

The one table module that knows Flask-Security: its login works only with its own mixins as class
bases (docs/adr/0006). Engine and steps never import it.
"""

from flask_security import RoleMixin, UserMixin
from sqlalchemy import Boolean, Column, ForeignKey, String, Table, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tenantry.models.base import Base, Identified, Moment, Timestamped

staff_roles = Table(
    "staff_roles",
    Base.metadata,
    Column("user_id", ForeignKey("user.id", ondelete="CASCADE"), primary_key=True),
    Column("role_id", ForeignKey("role.id", ondelete="CASCADE"), primary_key=True, index=True),
)


class Role(Identified, Base, RoleMixin):
    """viewer, operator or admin."""

    __tablename__ = "role"

    name: Mapped[str] = mapped_column(String(80), unique=True)
    description: Mapped[str] = mapped_column(String(255), default="")

    def __str__(self) -> str:
        """Shown in lists."""
        return self.name


class User(Identified, Timestamped, Base, UserMixin):
    """A member of staff. Rows are deactivated; history outlives even a deleted one."""

    __tablename__ = "user"

    email: Mapped[str] = mapped_column(String(255), unique=True)
    password: Mapped[str] = mapped_column(String(255))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    fs_uniquifier: Mapped[str] = mapped_column(String(64), unique=True)
    confirmed_at: Mapped[Moment | None]
    last_login_at: Mapped[Moment | None]  # type: ignore[assignment]
    current_login_at: Mapped[Moment | None]  # type: ignore[assignment]
    last_login_ip: Mapped[str | None] = mapped_column(String(64))
    current_login_ip: Mapped[str | None] = mapped_column(String(64))
    login_count: Mapped[int] = mapped_column(default=0)
    tf_primary_method: Mapped[str | None] = mapped_column(String(64))
    tf_totp_secret: Mapped[str | None] = mapped_column(Text)
    tf_phone_number: Mapped[str | None] = mapped_column(String(128))
    us_totp_secrets: Mapped[str | None] = mapped_column(Text)
    us_phone_number: Mapped[str | None] = mapped_column(String(128))
    roles: Mapped[list[Role]] = relationship(  # type: ignore[assignment]
        secondary=staff_roles, lazy="selectin"
    )

    def __str__(self) -> str:
        """Shown in lists and history."""
        return self.email
