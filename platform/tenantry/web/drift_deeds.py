"""What operators do about a finding of drift: revert, adopt, ignore."""

from datetime import timedelta
from uuid import UUID

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from tenantry.clock import utcnow
from tenantry.errors import Conflict, Invalid
from tenantry.models import DriftFinding, Tenant
from tenantry.operations import drift_adoption, drifting
from tenantry.web.database import db
from tenantry.web.deeds import answered
from tenantry.web.door import desk
from tenantry.web.security import actor
from tenantry.web.tenant_deeds import deeds

__all__ = ["deeds"]

LONGEST_IGNORED = 3650


@deeds.post("/drift/<uuid:public_id>/revert")
def revert_drift(public_id: UUID) -> ResponseReturnValue:
    """A deployment puts the target back; leads to it."""
    who, key = actor(), str(public_id)
    subdomain = db.session.scalar(
        select(Tenant.subdomain)
        .join(DriftFinding, DriftFinding.tenant_id == Tenant.id)
        .where(DriftFinding.public_id == public_id)
    )

    def act() -> tuple[str, str]:
        if subdomain is None:
            with desk().reading() as session:
                drifting.find(session, key)
            raise Conflict("it belongs to no tenant of ours: there is nothing to put back")
        started = desk().deploy(who, subdomain, wish=drifting.revert_one(who, key))
        return url_for("deployments.page", public_id=started), "It is being put back."

    return answered(act, _page(public_id))


@deeds.post("/drift/<uuid:public_id>/adopt")
def adopt_drift(public_id: UUID) -> ResponseReturnValue:
    """Our record takes what the target says."""
    who, key = actor(), str(public_id)

    def act() -> tuple[str, str]:
        words = desk().do(lambda s: drift_adoption.adopt(s, who, drifting.find(s, key)))
        return _page(public_id), f"{words[:1].upper()}{words[1:]}."

    return answered(act, _page(public_id))


@deeds.post("/drift/<uuid:public_id>/ignore")
def ignore_drift(public_id: UUID) -> ResponseReturnValue:
    """Says nothing of it for some days, unless what is there changes."""
    who, key, days = actor(), str(public_id), request.form.get("days", "")

    def act() -> tuple[str, str]:
        until = utcnow() + timedelta(days=_days(days))
        desk().do(lambda s: drifting.ignore(s, who, drifting.find(s, key), until))
        return _page(public_id), f"Ignored until {until:%Y-%m-%d}, unless what is there changes."

    return answered(act, _page(public_id))


def _page(public_id: UUID) -> str:
    return url_for("drift.details_view", id=public_id)


def _days(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) < LONGEST_IGNORED:
        raise Invalid("days", f"must be from 1 to {LONGEST_IGNORED - 1}", text[:20])
    return int(text)
