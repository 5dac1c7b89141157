"""
Taking the target's value into our record, where there is a place for it.

What was rolled out counts as moved along with it, so that the next look finds both sides equal and
a deployment has nothing to do. Everything that belongs to the product, and every value that we
would have to read out of the target, is refused with the reason.
"""

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid
from tenantry.models import DriftFinding, TemplateRelease, Tenant, TenantDomain, TenantService
from tenantry.operations import blueprints, deployments, drifting, scaling
from tenantry.operations.actors import Actor
from tenantry.operations.scaling import Scale
from tenantry.planning import inputs
from tenantry.planning.blueprint import Blueprint
from tenantry.planning.differences import database_fingerprint, fingerprints
from tenantry.planning.drift import DOUBLED, EXTRA, MISSING, NOTHING, TARGET, THE_PROJECT
from tenantry.planning.limits import Capabilities
from tenantry.planning.recorded import NO_LIMIT

REASONS: Mapping[str, str] = {
    "environment": (
        "values are never read out of a target: set them with `tenantry env`, then deploy"
    ),
    "arguments": "they belong to the product: change it there",
    "update order": "it follows from the product's volumes: change it there",
    "automatic deploys": "every push would deploy behind our back: revert it",
    "marker": "without it the next deployment would make a second one: revert it",
    "build cache": "it is switched for one build at a time: revert it",
    "rollback": "we keep no record of it: ignore it",
    "external port": "a database is never open to the world in our record: close it, or ignore it",
    "compose file": "it belongs to the product: change it there",
    "repository": "it belongs to the product: change it there",
    "source": "where a service comes from belongs to the product: change it there",
    "state": "suspend the tenant, or scale the service to 0",
    MISSING: "what is gone cannot be taken over: revert it",
    DOUBLED: "only one of two can be ours: take the other one away on the target",
}
IN_PRODUCT = "it belongs to the product: change it there"
BACKUPS = "change the backup policy, then deploy"


def adopt(session: Session, actor: Actor, row: DriftFinding) -> str:
    """
    Stores the target's value as ours; what was stored, in words.

    Conflict with the reason where that cannot be, and while a deployment of the tenant is active.
    Invalid where the value is none that we could ever send.
    """
    tenant = drifting.tenant_of(session, row)
    if row.state not in drifting.OPEN:
        raise Conflict(f"{row.thing}, {row.field}: it is {row.state} already")
    if row.mover != TARGET:
        raise Conflict("nobody changed the target: deploy the tenant instead")
    deployments.refuse_if_active(session, tenant)
    service = session.get(TenantService, row.tenant_service_id) if row.tenant_service_id else None
    if service is None or row.thing == THE_PROJECT:
        raise Conflict(REASONS.get(row.field, "it is no part of any service of ours"))
    words = _adopted(session, actor, tenant, service, row)
    drifting.close(session, actor, row, "adopted")
    return words


def _adopted(
    session: Session, actor: Actor, tenant: Tenant, service: TenantService, row: DriftFinding
) -> str:
    kind = row.thing.removeprefix(service.name).strip().partition(" ")[0]
    if kind == "domain" and row.field == EXTRA:
        return _hostname(session, tenant, service, row)
    if kind == "schedule" and row.field in {EXTRA, "schedule"}:
        return _schedule(service, row)
    if kind == "backup":
        raise Conflict(BACKUPS)
    take = None if kind else _TAKERS.get(row.field)
    if take is None:
        raise Conflict(REASONS.get(row.field, IN_PRODUCT))
    before = _blueprint(session, tenant)
    take(session, actor, tenant, service, row.theirs)
    session.flush()
    _move_record(service, before, _blueprint(session, tenant))
    return f"{row.field} of {service.name} is {row.theirs} from now on"


def _blueprint(session: Session, tenant: Tenant) -> Blueprint:
    """The release that runs, under the tenant's settings as they are at this moment."""
    release = session.get(TemplateRelease, tenant.release_id) if tenant.release_id else None
    if release is None:
        raise Conflict(f"{tenant.name} runs no known release: deploy it first")
    return blueprints.make(session, tenant, release)


def _move_record(service: TenantService, before: Blueprint, after: Blueprint) -> None:
    """A part that was rolled out as it should be counts so again; what waits, goes on waiting."""
    old, new = _marks(before, service.name), _marks(after, service.name)
    moved = {
        part: mark
        for part, mark in new.items()
        if service.applied.get(part) == old.get(part) and mark != old.get(part)
    }
    service.applied = {**service.applied, **moved}


def _marks(blueprint: Blueprint, name: str) -> dict[str, str]:
    spec = blueprint.service(name)
    if spec is not None:
        return fingerprints(blueprint, spec)
    database = blueprint.database
    return {"running": database_fingerprint(database)} if database else {}


def _hostname(session: Session, tenant: Tenant, service: TenantService, row: DriftFinding) -> str:
    """Only what the client has proven to be theirs; everything else could be anybody's."""
    host = row.thing.removeprefix(f"{service.name} domain ")
    found = session.scalar(
        select(TenantDomain).where(
            TenantDomain.tenant_id == tenant.id,
            func.lower(TenantDomain.hostname) == host.lower(),
            TenantDomain.deleted_at.is_(None),
        )
    )
    if found is None or found.verified_at is None:
        raise Conflict(f"{host} is not proven: add it to {tenant.name} and prove it first")
    found.tenant_service_id = service.id
    return f"{host} is an additional hostname of {service.name}; its next deployment settles it"


def _schedule(service: TenantService, row: DriftFinding) -> str:
    words = row.theirs.removeprefix("schedule ")
    known = {**(service.applied.get("schedules") or {}), row.thing: words}
    service.applied = {**service.applied, "schedules": known}
    return f"{row.thing} is known from now on"


def _replicas(
    session: Session, actor: Actor, tenant: Tenant, service: TenantService, theirs: str
) -> None:
    number = int(theirs) if theirs.isdigit() else None
    if number is None:
        raise Invalid("replicas", "is no number that we could store", theirs)
    _scale(session, actor, tenant, Scale(service.name, replicas=number))


def _memory(
    session: Session, actor: Actor, tenant: Tenant, service: TenantService, theirs: str
) -> None:
    amount = theirs.removesuffix(" MB")
    if theirs != NO_LIMIT and not amount.isdigit():
        raise Invalid("memory", "is no whole number of MB: revert it, or set a limit", theirs)
    limit = None if theirs == NO_LIMIT else int(amount)
    _scale(session, actor, tenant, Scale(service.name, limits={"memory_mb": limit}))


def _cpu(
    session: Session, actor: Actor, tenant: Tenant, service: TenantService, theirs: str
) -> None:
    amount = theirs.removesuffix(" cores")
    if theirs != NO_LIMIT and (amount == theirs or not amount.replace(".", "", 1).isdigit()):
        raise Invalid("cpu", "is no number of cores: revert it, or set a limit", theirs)
    limit = None if theirs == NO_LIMIT else float(amount)
    _scale(session, actor, tenant, Scale(service.name, limits={"cpu_cores": limit}))


def _scale(session: Session, actor: Actor, tenant: Tenant, wanted: Scale) -> None:
    scaling.store(session, actor, tenant, wanted, Capabilities())


def _branch(
    _session: Session, _actor: Actor, _tenant: Tenant, service: TenantService, theirs: str
) -> None:
    service.repo_branch = inputs.branch(theirs, "branch")
    service.source_overridden = True


def _image(
    _session: Session, _actor: Actor, _tenant: Tenant, service: TenantService, theirs: str
) -> None:
    if service.service_type == "db" or service.image is None or theirs == NOTHING:
        raise Conflict(IN_PRODUCT)
    service.image = inputs.image(theirs, "image")
    service.source_overridden = True


_TAKERS: Mapping[str, Callable[[Session, Actor, Tenant, TenantService, Any], None]] = {
    "replicas": _replicas,
    "memory": _memory,
    "cpu": _cpu,
    "branch": _branch,
    "image": _image,
}
