"""Views of lists that staff keep under a name: each person's own."""

from collections.abc import Sequence
from unicodedata import category

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Denied, Invalid, NotFound
from tenantry.models import SavedView
from tenantry.operations.actors import Actor, record

MOST = 20
LONGEST_NAME = 60
LONGEST_QUERY = 1000


def listed(session: Session, user_id: int, place: str) -> Sequence[SavedView]:
    """This person's views of one list, by name."""
    return session.scalars(
        select(SavedView)
        .where(SavedView.user_id == user_id, SavedView.place == place)
        .order_by(func.lower(SavedView.name), SavedView.id)
    ).all()


def save(session: Session, actor: Actor, place: str, name: str, query: str) -> SavedView:
    """
    Keeps a query under a name; the same name again takes the new query.

    Invalid for a bad name or a query that is empty or too long, Conflict beyond twenty of a list.
    """
    words = " ".join(name.split())
    if not 1 <= len(words) <= LONGEST_NAME or any(category(c) in {"Cc", "Cs"} for c in words):
        raise Invalid("name", f"must have 1 to {LONGEST_NAME} characters")
    if not 1 <= len(query) <= LONGEST_QUERY:
        raise Invalid("query", "holds no filter, or too many to be kept")
    owner = _owner(actor)
    there = listed(session, owner, place)
    kept = next((view for view in there if view.name == words), None)
    if kept is None:
        if len(there) >= MOST:
            raise Conflict(f"You have {MOST} views of this list already: delete one first")
        kept = SavedView(user_id=owner, place=place, name=words, query=query)
        try:
            with session.begin_nested():
                session.add(kept)
                session.flush()
        except IntegrityError:
            raise Conflict(f"{words} was saved a moment ago") from None
    kept.query = query
    record(session, actor, "view.save", kept, after={"list": place, "query": query})
    return kept


def remove(session: Session, actor: Actor, place: str, public_id: object) -> str:
    """Lets one of one's own go; its name. NotFound for anybody else's."""
    view = session.scalar(
        select(SavedView).where(
            SavedView.public_id == public_id,
            SavedView.place == place,
            SavedView.user_id == _owner(actor),
        )
    )
    if view is None:
        raise NotFound("You have no such view")
    record(session, actor, "view.remove", view, before={"list": place, "query": view.query})
    name = view.name
    session.delete(view)
    return name


def _owner(actor: Actor) -> int:
    if actor.user_id is None:
        raise Denied("Only people keep views.")
    return actor.user_id
