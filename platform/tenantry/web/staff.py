"""
Members of staff: adding them, their role, their passwords, deactivating them.

Each function takes a Session and never commits; panel and command line open the transaction at
the desk. A changed role, password or activity ends every session of that person.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

from flask import Flask
from flask_security.utils import hash_password
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import Role, User
from tenantry.operations.actors import SYSTEM, Actor, record
from tenantry.operations.secrets import ALPHABET
from tenantry.planning import inputs
from tenantry.web.door import desk_of
from tenantry.web.people import ROLES

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 200
GENERATED_LENGTH = 20


def add_staff(app: Flask, email: str, role: str, password: str | None) -> tuple[bool, str | None]:
    """
    Adds a member of staff, or changes role and password of one that is there.

    Answers whether it is a new one, and the password where `None` asked for one to be made up:
    it is stored nowhere else. Invalid for a bad address, role or password.
    """
    made_up = generated() if password is None else None
    with app.app_context():
        new = desk_of(app).do(
            lambda session: put(session, SYSTEM, email, role, made_up or password or "")
        )
    return new, made_up


def generated() -> str:
    """A password of letters and digits that can be read aloud; about 115 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(GENERATED_LENGTH))


def put(session: Session, actor: Actor, email: str, role: str, password: str) -> bool:
    """Adds or changes; True where it is new. The audit row never holds the password."""
    address = inputs.email(email.strip()).lower()
    held = roles(session)
    if role not in held:
        raise Invalid("role", f"must be one of {', '.join(ROLES)}", role)
    user = session.scalar(select(User).where(func.lower(User.email) == address))
    new = user is None
    if user is None:
        user = User(email=address, active=True, roles=[])
    before = None if new else _facts(user)
    with _an_admin_stays(session):
        user.password = hash_password(checked_password(password))
        user.fs_uniquifier = uuid4().hex
        user.active = True
        user.roles = [held[role]]
        session.add(user)
    action = "staff.add" if new else "staff.change"
    record(session, actor, action, user, before=before, after=_facts(user))
    return new


def set_role(session: Session, actor: Actor, user: User, role: str) -> None:
    """Exactly one role for a person; Conflict where the last admin would go."""
    held = roles(session)
    if role not in held:
        raise Invalid("role", f"must be one of {', '.join(ROLES)}", role)
    before = _facts(user)
    with _an_admin_stays(session):
        user.roles = [held[role]]
        user.fs_uniquifier = uuid4().hex
    record(session, actor, "staff.role", user, before=before, after=_facts(user))


def set_active(session: Session, actor: Actor, user: User, *, active: bool) -> None:
    """Rows are never deleted: history points at them."""
    before = _facts(user)
    with _an_admin_stays(session):
        user.active = active
        user.fs_uniquifier = uuid4().hex
    record(session, actor, "staff.active", user, before=before, after=_facts(user))


def set_password(session: Session, actor: Actor, user: User, password: str) -> None:
    """Another password; the audit row says that, never what."""
    user.password = hash_password(checked_password(password))
    user.fs_uniquifier = uuid4().hex
    record(session, actor, "staff.password", user)


def find(session: Session, public_id: object) -> User:
    """By public id; NotFound otherwise."""
    user = session.scalar(select(User).where(User.public_id == public_id))
    if user is None:
        raise NotFound("There is no such member of staff")
    return user


def roles(session: Session) -> dict[str, Role]:
    """The three roles by name, made when missing."""
    there = {role.name: role for role in session.scalars(select(Role))}
    for name, words in ROLES.items():
        if name not in there:
            there[name] = Role(name=name, description=words)
            session.add(there[name])
    session.flush()
    return {name: there[name] for name in ROLES}


def checked_password(text: str) -> str:
    """Long enough to be strong, short enough to hash."""
    if not SHORTEST_PASSWORD <= len(text) <= LONGEST_PASSWORD:
        raise Invalid("password", f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters")
    return text


def _facts(user: User) -> dict[str, object]:
    return {"role": ", ".join(role.name for role in user.roles), "active": user.active}


@contextmanager
def _an_admin_stays(session: Session) -> Iterator[None]:
    """Somebody must be able to let people in again."""
    before = _has_admin(session)
    yield
    session.flush()
    if before and not _has_admin(session):
        raise Conflict("This would leave nobody who is an admin")


def _has_admin(session: Session) -> bool:
    some = select(User.id).where(User.active, User.roles.any(Role.name == "admin")).limit(1)
    return session.scalar(some) is not None
