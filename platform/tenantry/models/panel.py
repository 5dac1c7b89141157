"""What staff leave in the panel for themselves and for each other."""

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from tenantry.models.base import Base, Identified, Timestamped


class SavedView(Identified, Timestamped, Base):
    """
    Filters, order and search of one list, under a name of one member of staff.

    `place` is the list's endpoint, `query` the text behind the `?` of its address.
    """

    __tablename__ = "saved_view"
    __table_args__ = (UniqueConstraint("user_id", "place", "name"),)

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"))
    place: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(60))
    query: Mapped[str] = mapped_column(String(1000))

    def __str__(self) -> str:
        """Shown in lists."""
        return self.name


class FailureNote(Identified, Timestamped, Base):
    """
    What staff know of one cause of failures; shown wherever that cause is met again.

    `cause` is what `Deployment.cause` holds: a message without what differs between tenants.
    `note` is for staff, `hint` says what to do next. `author` is kept as it was.
    """

    __tablename__ = "failure_note"

    cause: Mapped[str] = mapped_column(String(300), unique=True)
    note: Mapped[str] = mapped_column(String(2000), default="")
    hint: Mapped[str] = mapped_column(String(500), default="")
    author: Mapped[str] = mapped_column(String(255), default="")

    def __str__(self) -> str:
        """Shown in lists."""
        return self.cause
