"""The person behind a request, and the ladder of roles."""

from flask_security import current_user

from tenantry.errors import Denied
from tenantry.models import User

ROLES = {
    "viewer": "Reads everything but secrets, staff and the audit trail.",
    "operator": "Also adds tenants, and deploys, resumes, cancels, retries and skips.",
    "admin": "Also manages products, secrets, staff and targets.",
}
_RANKS = {name: place for place, name in enumerate(ROLES, start=1)}


def member() -> User | None:
    """The member of staff who is logged in and active, or None."""
    user: User | None = current_user._get_current_object() if current_user else None  # noqa: SLF001
    return user if user is not None and user.is_authenticated and user.active else None


def rank() -> int:
    """1 viewer, 2 operator, 3 admin; 0 for everybody else."""
    user = member()
    return max((_RANKS.get(role.name, 0) for role in user.roles), default=0) if user else 0


def may(role: str) -> bool:
    """Whether the person stands at least on that step of the ladder."""
    return rank() >= _RANKS[role]


def need(role: str) -> None:
    """Denied where the person may not."""
    if not may(role):
        raise Denied(f"This needs the role {role}.")


def role_name() -> str:
    """The highest role of the person, for the corner of the page."""
    return next((name for name, place in _RANKS.items() if place == rank()), "no role")
