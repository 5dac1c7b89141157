"""Who asks: for audit rows and for the deployments they start."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from tenantry.journal import audited


@dataclass(frozen=True, slots=True)
class Actor:
    """A person or a program. `creator` says through which door it came."""

    name: str
    user_id: int | None = None
    creator: str = "manual"
    address: str = ""
    request_id: str = ""


SYSTEM = Actor("tenantry")


def record(
    session: Session,
    actor: Actor,
    action: str,
    thing: Any,
    *,
    reason: str = "",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """One audit row for something that was done to a row with a public id."""
    session.flush()
    audited(
        session.connection(),
        actor=actor.name,
        user_id=actor.user_id,
        action=action,
        object_type=type(thing).__name__,
        object_id=str(thing.public_id),
        object_name=str(thing),
        reason=reason,
        before=before,
        after=after,
        address=actor.address,
        request_id=actor.request_id,
    )
