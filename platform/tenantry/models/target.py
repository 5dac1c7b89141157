"""A Target: a row to lock, count under and show. Its URL and key stay in configuration."""

from typing import Any

from sqlalchemy import Boolean, String
from sqlalchemy.orm import Mapped, mapped_column

from tenantry.models.base import Base, Identified, JsonType, Moment, Timestamped


class TargetRow(Identified, Timestamped, Base):
    """
    One configured target, by name.

    `breaker_until` is set while its key check fails or it does not answer; no deployment is
    admitted and no step runs against it until then. `draining` admits nothing new.
    """

    __tablename__ = "target"

    name: Mapped[str] = mapped_column(String(60), unique=True)
    max_in_flight: Mapped[int] = mapped_column(default=10)
    draining: Mapped[bool] = mapped_column(Boolean, default=False)
    breaker_until: Mapped[Moment | None]
    breaker_reason: Mapped[str] = mapped_column(String(500), default="")
    breaker_count: Mapped[int] = mapped_column(default=0)
    version: Mapped[str] = mapped_column(String(40), default="")
    servers: Mapped[list[Any] | None] = mapped_column(JsonType)
    last_seen_at: Mapped[Moment | None]

    def __str__(self) -> str:
        """Shown in lists."""
        return self.name
