"""Clients to be added, one or a whole table; and what would happen, before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, TenantryError
from tenantry.models import Deployment, ProjectTemplate, Tenant, TenantDomain
from tenantry.models.base import as_public_id
from tenantry.operations import deployments, effective, templates, tenants
from tenantry.operations.actors import Actor
from tenantry.operations.preparing import prepare
from tenantry.operations.previews import PlannedLine
from tenantry.operations.wishes import Wish
from tenantry.planning import naming
from tenantry.planning.blueprint import Blueprint
from tenantry.planning.catalogue import kind_of
from tenantry.planning.planner import plan
from tenantry.ports import SecretStore

VERSION = 7
TAIL = (1 << 62) - 1


@dataclass(frozen=True, slots=True)
class Client:
    """One client as it was typed: its product's slug, and the document that `tenants.add` takes."""

    product: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Onboarded:
    """What came of one client; `deployment` where one was wanted, `new` False for a repeat."""

    tenant: str
    name: str
    new: bool
    deployment: str | None = None
    target_id: int | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a first deployment would do: its frozen plan, each step, and each service's values."""

    blueprint: Blueprint
    release: int | None
    steps: tuple[PlannedLine, ...]
    env: Mapping[str, Sequence[effective.Line]]


@dataclass(frozen=True, slots=True)
class Address:
    """One hostname that a tenant would have; `owner` has it or its subdomain already."""

    service: str
    hostname: str
    owner: Tenant | None = None


class RowRefused(TenantryError):
    """
    One of several clients is refused, so nothing is kept of any. `place` counts from 0.

    `deploying` where it could be added and only its deployment is refused.
    """

    def __init__(self, place: int, trouble: Conflict | Invalid, *, deploying: bool = False) -> None:
        super().__init__(str(trouble))
        self.place, self.trouble, self.deploying = place, trouble, deploying


def key_of(text: str) -> UUID:
    """The key of one form, from which the ids of what it adds are made; Invalid for another one."""
    key = as_public_id(text)
    if key is None or key.version != VERSION:
        raise Invalid("key", "must be a UUID of version 7")
    return key


def nth(key: UUID, place: int) -> UUID:
    """The public id of the client at this place: the same form gives the same ids again."""
    fixed = key.int & ~TAIL
    return UUID(int=fixed | ((key.int + place) & TAIL))


def was_added(session: Session, key: UUID, number: int) -> bool:
    """Whether this form has added so many clients already."""
    ids = (nth(key, 0), nth(key, number - 1))
    there = select(func.count()).select_from(Tenant).where(Tenant.public_id.in_(ids))
    return session.scalar(there) == len(set(ids))


def addresses(session: Session, template: ProjectTemplate, subdomain: str) -> list[Address]:
    """
    Every hostname of a tenant of that subdomain, each with the live tenant that has it already.

    Three queries. Invalid where the subdomain is none, or makes a label too long.
    """
    label = naming.subdomain(subdomain)
    wanted = tenants.hostnames(template, label)
    owners = _owners(session, [label], list(wanted.values()))
    same = owners.get(label)
    found = [Address(name, host, same or owners.get(host)) for name, host in wanted.items()]
    return found or [Address("", label, same)]


def taken(session: Session, wanted: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, Tenant]]:
    """Subdomain → what of it is taken and by whom, of many at once; two queries."""
    hosts = [host for some in wanted.values() for host in some]
    owners = _owners(session, list(wanted), hosts)
    found = {}
    for label, own in wanted.items():
        first = next((name for name in (label, *own) if name in owners), None)
        if first is not None:
            found[label] = (first, owners[first])
    return found


def _owners(session: Session, labels: list[str], hosts: list[str]) -> dict[str, Tenant]:
    """Subdomain or hostname → the live tenant that has it."""
    rows = session.scalars(
        select(Tenant).where(Tenant.deleted_at.is_(None), func.lower(Tenant.subdomain).in_(labels))
    )
    found = {row.subdomain: row for row in rows}
    pairs = session.execute(
        select(TenantDomain.hostname, Tenant)
        .join(Tenant, Tenant.id == TenantDomain.tenant_id)
        .where(TenantDomain.deleted_at.is_(None), func.lower(TenantDomain.hostname).in_(hosts))
    )
    return found | {hostname.lower(): tenant for hostname, tenant in pairs}


def rehearse(session: Session, actor: Actor, store: SecretStore, client: Client) -> Rehearsal:
    """
    What adding and deploying this client would do. The caller's transaction is to be thrown away.

    Invalid and Conflict as `tenants.add` and a deployment raise them.
    """
    template = templates.find(session, client.product)
    tenant = tenants.add(session, actor, template, client.document, store)
    shaped, release = prepare(session, actor, tenant, store, Wish())
    steps = tuple(
        PlannedLine(step.key, step.service, kind.title if kind else step.key)
        for step in plan(shaped.blueprint)
        if step.key != "email.notify_failure"
        for kind in [kind_of(step.key)]
    )
    env = effective.overview(session, store, tenant)
    return Rehearsal(shaped.blueprint, release.number if release else None, steps, env)


def add_all(
    session: Session,
    actor: Actor,
    store: SecretStore,
    clients: Sequence[Client],
    key: UUID,
    *,
    deploy: bool = False,
) -> list[Onboarded]:
    """
    Adds all of them or none, and starts a deployment of each where that is wanted.

    The same key again gives the first answer. RowRefused names the first that cannot be added.
    """
    done = []
    for place, client in enumerate(clients):
        public_id, deploying = nth(key, place), False
        try:
            tenant, new = _added(session, actor, store, client, public_id)
            deploying = deploy
            made = _deployed(session, actor, store, tenant) if deploy else None
        except (Conflict, Invalid) as trouble:
            raise RowRefused(place, trouble, deploying=deploying) from None
        ids = (str(made.public_id), made.target_id) if made else (None, None)
        done.append(Onboarded(str(public_id), tenant.name, new, *ids))
    return done


def _added(
    session: Session, actor: Actor, store: SecretStore, client: Client, public_id: UUID
) -> tuple[Tenant, bool]:
    """The tenant, and whether it is a new one."""
    there = _again(session, client, public_id)
    if there is not None:
        return there, False
    template = templates.find(session, client.product)
    try:
        made = tenants.add(session, actor, template, client.document, store, public_id=public_id)
    except Conflict:
        # The same form may have been sent twice at the same moment.
        there = _again(session, client, public_id)
        if there is None:
            raise
        return there, False
    return made, True


def _deployed(session: Session, actor: Actor, store: SecretStore, tenant: Tenant) -> Deployment:
    key = f"web:{tenant.public_id.hex}"
    return deployments.create(session, actor, tenant, store, request_key=key)


def _again(session: Session, client: Client, public_id: UUID) -> Tenant | None:
    there = session.scalar(select(Tenant).where(Tenant.public_id == public_id))
    if there is None:
        return None
    if there.subdomain != str(client.document.get("subdomain", "")).lower():
        raise Conflict(f"This form has added {there.name} already: begin a new one")
    return there
