"""What every table shares: names for constraints, UTC times, public ids, checks."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import uuid_utils
from sqlalchemy import JSON, CheckConstraint, DateTime, MetaData, String, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


class UTCDateTime(TypeDecorator[datetime]):
    """Aware in Python, `timestamptz` on PostgreSQL, naive UTC text of one length on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuses naive times: nobody knows what they mean."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        utc = value.astimezone(UTC)
        return utc.replace(tzinfo=None) if dialect.name == "sqlite" else utc

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Always aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


JsonType = JSON().with_variant(JSONB(), "postgresql")
Json = Annotated[dict[str, Any], mapped_column(JsonType)]
JsonList = Annotated[list[Any], mapped_column(JsonType)]
Moment = Annotated[datetime, mapped_column(UTCDateTime())]
Key = Annotated[int, mapped_column(primary_key=True)]
Short = Annotated[str, mapped_column(String(200))]
Line = Annotated[str, mapped_column(String(500))]


def uuid7() -> UUID:
    """A new public id: sorts by time, tells nothing of the integer key."""
    return UUID(str(uuid_utils.uuid7()))


class Base(DeclarativeBase):
    """Plain SQLAlchemy; handed to Flask-SQLAlchemy at the door."""

    metadata = MetaData(naming_convention=CONVENTION)
    type_annotation_map = {  # noqa: RUF012 — SQLAlchemy reads it from the class
        datetime: UTCDateTime(),
        dict[str, Any]: JsonType,
        list[Any]: JsonType,
    }


class Identified:
    """An integer key for the database and a UUIDv7 for everyone else."""

    id: Mapped[Key]
    public_id: Mapped[UUID] = mapped_column(Uuid(), default=uuid7, unique=True)


class Timestamped:
    """When the row was made and last changed; the database's clock."""

    created_at: Mapped[Moment] = mapped_column(server_default=func.current_timestamp())
    updated_at: Mapped[Moment] = mapped_column(
        server_default=func.current_timestamp(), onupdate=func.current_timestamp()
    )


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """A named CHECK that `column` holds one of the values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f'"{column}" IN ({listed})', name=f"{column}_known")
