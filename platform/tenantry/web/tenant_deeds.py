"""What operators set for one tenant: environment values and additional hostnames."""

from collections.abc import Callable
from uuid import UUID

from flask import request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from tenantry.errors import Invalid
from tenantry.models import Tenant
from tenantry.operations import environments, hostnames, tenants
from tenantry.operations.actors import Actor
from tenantry.operations.environments import Place
from tenantry.web.deeds import answered, deeds, tenant_at
from tenantry.web.door import desk
from tenantry.web.security import actor

__all__ = ["deeds"]

NEXT = "The next deployment sets it on the target."


def _for_key(
    public_id: UUID, act: Callable[[Session, Actor, Place, str], str]
) -> ResponseReturnValue:
    """One deed on one key; back to the page of the tenant's environment."""
    subdomain, who = tenant_at(public_id).subdomain, actor()
    key = request.form.get("key", "").strip()
    service = request.form.get("service", "") or None
    back = url_for("tenants.environment", public_id=public_id)

    def do() -> tuple[str, str]:
        def inside(session: Session) -> str:
            tenant = tenants.find(session, subdomain)
            return act(session, who, environments.place_of(tenant, service), key)

        return back, desk().do(inside)

    return answered(do, back)


@deeds.post("/tenants/<uuid:public_id>/environment/set")
def set_value(public_id: UUID) -> ResponseReturnValue:
    """A value for a key; browsers send every line end of a text as two characters."""
    value = request.form.get("value", "").replace("\r\n", "\n")
    secret = True if request.form.get("secret") == "1" else None

    def act(session: Session, who: Actor, place: Place, key: str) -> str:
        store = desk().secrets
        new = environments.set_value(session, who, store, place, key, value, secret=secret)
        return f"{key} is set. {NEXT}" if new else f"{key} has this value already."

    return _for_key(public_id, act)


@deeds.post("/tenants/<uuid:public_id>/environment/unset")
def unset(public_id: UUID) -> ResponseReturnValue:
    """Takes a key back; what lies below holds again."""

    def act(session: Session, who: Actor, place: Place, key: str) -> str:
        environments.unset(session, who, place, key)
        return f"{key} is unset. {NEXT}"

    return _for_key(public_id, act)


@deeds.post("/tenants/<uuid:public_id>/environment/revert")
def revert(public_id: UUID) -> ResponseReturnValue:
    """Sets the value of an earlier version again."""
    number = request.form.get("version", "")

    def act(session: Session, who: Actor, place: Place, key: str) -> str:
        if not number.isascii() or not number.isdigit():
            raise Invalid("version", "must be a number")
        # More digits than that no version has, and no database takes.
        version = int(number[:9])
        environments.revert(session, who, desk().secrets, place, key, version)
        return f"{key} is as in version {version}. {NEXT}"

    return _for_key(public_id, act)


@deeds.post("/tenants/<uuid:public_id>/environment/mark-secret")
def mark_secret(public_id: UUID) -> ResponseReturnValue:
    """Masks every value of a key from now on."""

    def act(session: Session, who: Actor, place: Place, key: str) -> str:
        environments.mark_secret(session, who, place, key)
        return f"{key} is secret."

    return _for_key(public_id, act)


def _for_hostname(
    public_id: UUID, act: Callable[[Session, Actor, Tenant], str]
) -> ResponseReturnValue:
    """One deed on one hostname; back to the page of the tenant."""
    subdomain, who = tenant_at(public_id).subdomain, actor()
    back = url_for("tenants.page", public_id=public_id)
    return answered(
        lambda: (
            back,
            desk().do(lambda session: act(session, who, tenants.find(session, subdomain))),
        ),
        back,
    )


@deeds.post("/tenants/<uuid:public_id>/hostnames/add")
def add_hostname(public_id: UUID) -> ResponseReturnValue:
    """Reserves one; its owner is asked for a proof."""
    form = request.form

    def act(session: Session, who: Actor, tenant: Tenant) -> str:
        made = hostnames.add(
            session,
            who,
            tenant,
            form.get("service", ""),
            form.get("hostname", ""),
            redirect=form.get("redirect") == "1",
        )
        return f"{made.hostname} is reserved. Its owner makes the record below, then verify it."

    return _for_hostname(public_id, act)


@deeds.post("/tenants/<uuid:public_id>/hostnames/verify")
def verify_hostname(public_id: UUID) -> ResponseReturnValue:
    """Looks for the proof."""
    subdomain, who = tenant_at(public_id).subdomain, actor()
    hostname = request.form.get("hostname", "")
    back = url_for("tenants.page", public_id=public_id)

    def do() -> tuple[str, str]:
        desk().verify_hostname(who, subdomain, hostname)
        return back, f"{hostname} is proven. The next deployment routes it."

    return answered(do, back)


@deeds.post("/tenants/<uuid:public_id>/hostnames/remove")
def remove_hostname(public_id: UUID) -> ResponseReturnValue:
    """Takes one back."""
    hostname = request.form.get("hostname", "")

    def act(session: Session, who: Actor, tenant: Tenant) -> str:
        free = hostnames.remove(session, who, tenant, hostname)
        return f"{hostname} is {'free' if free else 'removed by the next deployment'}."

    return _for_hostname(public_id, act)


@deeds.post("/tenants/<uuid:public_id>/hostnames/redirect")
def redirect_hostname(public_id: UUID) -> ResponseReturnValue:
    """Whether its visitors are sent on."""
    hostname, on = request.form.get("hostname", ""), request.form.get("redirect") == "1"

    def act(session: Session, who: Actor, tenant: Tenant) -> str:
        hostnames.redirect(session, who, tenant, hostname, on=on)
        return "The next deployment does it."

    return _for_hostname(public_id, act)
