"""What every table shares: names for constraints, UTC times, public ids, checks."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import uuid_utils
from sqlalchemy import JSON, CheckConstraint, MetaData, String, Uuid, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from tenantry.models.dbtime import UTCDateTime, db_now

CONVENTION = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


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


def as_public_id(text: str) -> UUID | None:
    """The public id that a text spells; None where it spells none."""
    try:
        return UUID(text)
    except ValueError:
        return None


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

    created_at: Mapped[Moment] = mapped_column(
        default=db_now(), server_default=func.current_timestamp()
    )
    updated_at: Mapped[Moment] = mapped_column(
        default=db_now(), server_default=func.current_timestamp(), onupdate=db_now()
    )


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """A named CHECK that `column` holds one of the values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f'"{column}" IN ({listed})', name=f"{column}_known")
