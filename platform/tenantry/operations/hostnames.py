"""
Additional hostnames of a tenant's services: a client's own domain, its www, its apex.

One is reserved when it is added, used only when its owner has proven that it is theirs, and taken
off the target by a deployment.
"""

import secrets as random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import (
    Deployment,
    HostnameWatch,
    ProjectTemplate,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.models.dbtime import db_now
from tenantry.operations.actors import Actor, record
from tenantry.planning.registered import additional_hostname
from tenantry.ports import TextAnswer

LABEL = "_tenantry"
WORD = "tenantry-verify="
MOST = 20


@dataclass(frozen=True, slots=True)
class Proof:
    """The TXT record that the owner of a hostname makes."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Listed:
    """
    One hostname as people see it.

    `state`: given (made by us), unproven, proven (the next deployment routes it), routed, leaving
    (the next deployment removes it). `watch` is what was last seen of it, where it is watched.
    """

    hostname: str
    service: str
    state: str
    redirect: bool = False
    proof: Proof | None = None
    watch: HostnameWatch | None = None


def add(
    session: Session,
    actor: Actor,
    tenant: Tenant,
    service: str,
    hostname: str,
    *,
    redirect: bool = False,
) -> TenantDomain:
    """
    Reserves a hostname for a service that has one already; it is not used before it is proven.

    Invalid for what is no public hostname or lies under a product's own domain, Conflict where it
    is reserved for anybody.
    """
    name = additional_hostname(hostname)
    row = _service(tenant, service)
    _not_our_own(session, name)
    if redirect:
        _may_redirect(row)
    there = [d for d, _ in _rows(session, tenant) if d.additional]
    if len(there) >= MOST:
        raise Conflict(f"{tenant.name} has {MOST} additional hostnames already")
    made = TenantDomain(
        tenant_id=tenant.id,
        tenant_service_id=row.id,
        hostname=name,
        additional=True,
        redirect_to_primary=redirect,
        proof=WORD + random.token_hex(16),
    )
    try:
        with session.begin_nested():
            session.add(made)
            session.flush()
    except IntegrityError:
        raise Conflict(f"hostname: {name} is reserved already") from None
    after = {"hostname": name, "service": service, "redirect": redirect}
    record(session, actor, "hostname.add", tenant, after=after)
    return made


def _service(tenant: Tenant, name: str) -> TenantService:
    found = next((row for row in tenant.services if row.name == name), None)
    if found is None:
        raise NotFound(f"{tenant.name} has no service {name}")
    if found.domain is None:
        raise Invalid("service", "has no hostname of its own: it is not exposed", name)
    return found


def _not_our_own(session: Session, name: str) -> None:
    """Names under a product's domain are given to tenants as they come."""
    for base in session.scalars(select(ProjectTemplate.base_domain)):
        if name == base or name.endswith(f".{base}"):
            raise Invalid("hostname", f"lies under {base}, whose names are given by us", name)


def _may_redirect(row: TenantService) -> None:
    template = next(s for s in row.tenant.project.services if s.id == row.service_template_id)
    if template.compose_file:
        raise Invalid("redirect", "a compose stack has no redirects: its own proxy must do it")


def proof_of(row: TenantDomain) -> Proof | None:
    """None for what needs none, or is leaving."""
    if row.proof is None or row.removed_at is not None:
        return None
    return Proof(f"{LABEL}.{row.hostname}", row.proof)


def verify(
    session: Session,
    actor: Actor,
    tenant: Tenant,
    hostname: str,
    proof: Proof,
    answers: Sequence[TextAnswer],
) -> None:
    """
    Notes that the owner has proven the hostname, by what the resolvers answered for `proof`.

    Conflict, with what was seen, unless every resolver that answered knows the record and at least
    one did. A hostname that was proven stays so.
    """
    row = find(session, tenant, hostname)
    if row.verified_at is not None:
        return
    if proof != proof_of(row):
        raise Conflict(f"{row.hostname} has another proof by now; look it up again")
    knows = [a for a in answers if proof.value in [text.strip() for text in a.texts]]
    without = [a for a in answers if a not in knows and (a.texts or _absent(a))]
    if not knows or without:
        raise Conflict(_unproven(proof, answers, some=bool(knows)))
    row.verified_at = db_now()
    session.flush()
    record(session, actor, "hostname.verify", tenant, after={"hostname": row.hostname})


def _absent(answer: TextAnswer) -> bool:
    """Whether it said that there is no record, rather than nothing."""
    return answer.problem.startswith(("NXDOMAIN", "the name has no"))


def _unproven(proof: Proof, answers: Sequence[TextAnswer], *, some: bool) -> str:
    if some:
        return f"{proof.name} is not known to every resolver yet; try again in a few minutes"
    if any(answer.texts for answer in answers):
        return f"{proof.name} has a TXT record, but not {proof.value}"
    why = next((a.problem for a in answers if a.problem), "no resolver is configured")
    return f"{proof.name} has no TXT record {proof.value}: {why}"


def redirect(session: Session, actor: Actor, tenant: Tenant, hostname: str, *, on: bool) -> None:
    """Whether visitors are sent on to the service's own hostname; the next deployment does it."""
    row = find(session, tenant, hostname)
    if on:
        _may_redirect(next(s for s in tenant.services if s.id == row.tenant_service_id))
    if row.redirect_to_primary == on:
        return
    row.redirect_to_primary = on
    after = {"hostname": row.hostname, "redirect": on}
    record(session, actor, "hostname.redirect", tenant, after=after)


def remove(session: Session, actor: Actor, tenant: Tenant, hostname: str) -> bool:
    """
    Takes a hostname back; True where it is free at once.

    What a deployment may have routed stays reserved until the next one has removed it there:
    otherwise another tenant could get it while it leads here.
    """
    row = find(session, tenant, hostname)
    at_once = row.domain_id is None and not _was_planned(session, row)
    if at_once:
        row.deleted_at = db_now()
    else:
        row.removed_at = db_now()
    session.flush()
    record(session, actor, "hostname.remove", tenant, after={"hostname": row.hostname})
    return at_once


def _was_planned(session: Session, row: TenantDomain) -> bool:
    """Whether a deployment was made since it was proven, and may have routed it."""
    if row.verified_at is None:
        return False
    since = select(Deployment.id).where(
        Deployment.tenant_id == row.tenant_id, Deployment.created_at >= row.verified_at
    )
    return session.scalar(since.limit(1)) is not None


def find(session: Session, tenant: Tenant, hostname: str) -> TenantDomain:
    """An additional hostname of the tenant that was not taken back; NotFound otherwise."""
    row = session.scalar(
        select(TenantDomain).where(
            TenantDomain.tenant_id == tenant.id,
            func.lower(TenantDomain.hostname) == hostname.strip().lower(),
            TenantDomain.additional,
            TenantDomain.removed_at.is_(None),
            TenantDomain.deleted_at.is_(None),
        )
    )
    if row is None:
        raise NotFound(f"{tenant.name} has no additional hostname {hostname}")
    return row


def listed(session: Session, tenant: Tenant) -> list[Listed]:
    """Every hostname of a tenant, the given ones first."""
    names = {row.id: row.name for row in tenant.services}
    return [
        Listed(
            row.hostname,
            names.get(row.tenant_service_id or 0, ""),
            _state(row),
            row.redirect_to_primary,
            None if row.verified_at else proof_of(row),
            watch,
        )
        for row, watch in _rows(session, tenant)
    ]


def _rows(session: Session, tenant: Tenant) -> Sequence[Any]:
    return session.execute(
        select(TenantDomain, HostnameWatch)
        .outerjoin(HostnameWatch, HostnameWatch.tenant_domain_id == TenantDomain.id)
        .where(TenantDomain.tenant_id == tenant.id, TenantDomain.deleted_at.is_(None))
        .order_by(TenantDomain.additional, TenantDomain.primary.desc(), TenantDomain.hostname)
    ).all()


def _state(row: TenantDomain) -> str:
    if row.removed_at is not None:
        return "leaving"
    if not row.additional:
        return "given"
    if row.verified_at is None:
        return "unproven"
    return "routed" if row.domain_id else "proven"
