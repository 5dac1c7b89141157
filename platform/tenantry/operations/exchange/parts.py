"""The parts of a tenant, brought to what a document says."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid
from tenantry.models import BackupPolicy, ResourceLimits, Tenant, TenantDomain, TenantService
from tenantry.operations import backups, environments
from tenantry.operations.actors import Actor
from tenantry.operations.exchange.shapes import TYPE_NAMES
from tenantry.planning import inputs, limits, naming
from tenantry.ports import DestinationSeen, SecretStore

Destinations = Mapping[str, DestinationSeen]


def values(
    session: Session,
    actor: Actor,
    store: SecretStore,
    place: environments.Place,
    wanted: list[Mapping[str, Any]],
    secret_values: Mapping[str, str],
) -> None:
    """Sets what is listed and unsets what is not; a secret without a value keeps what it has."""
    service = place.service.name if place.service else ""
    for variable in wanted:
        value = variable["value"]
        if variable["secret"]:
            value = secret_values.get(f"{place.tenant.subdomain}/{service}/{variable['key']}")
        if value is None and variable["secret"]:
            # Its value comes from a bundle or from staff; the name alone says that one is missing.
            continue
        if value is None:
            raise Invalid(f"environment.{variable['key']}", "needs a value, or secret: true")
        environments.set_value(
            session, actor, store, place, variable["key"], value, secret=variable["secret"]
        )
    names = {variable["key"] for variable in wanted}
    service_id = place.service.id if place.service else None
    for var, _ in environments.holding(session, place.tenant):
        if var.tenant_service_id == service_id and var.key not in names:
            environments.unset(session, actor, place, var.key)


def application(
    session: Session,
    actor: Actor,
    store: SecretStore,
    row: Tenant,
    wanted: Mapping[str, Any],
    secret_values: Mapping[str, str],
) -> None:
    """Source, replicas, limits, hostnames and environment of one service."""
    service = _service(row, wanted["name"])
    template = next(s for s in row.project.services if s.id == service.service_template_id)
    for name, key in (("buildCommand", "build_command"), ("startCommand", "start_command")):
        if wanted[name] is not None and wanted[name] != template.build_config.get(key):
            raise Invalid(
                f"applications.{service.name}.{name}", "is the product's: change it there"
            )
    if wanted["overridden"]:
        service.source_overridden = True
        if wanted["image"]:
            service.image = inputs.image(wanted["image"])
        if wanted["branch"]:
            service.repo_branch = inputs.branch(wanted["branch"])
    stateful = bool(template.volumes) or template.stop_first
    service.target_replicas = (
        None
        if wanted["replicas"] is None
        else limits.replicas(wanted["replicas"], stateful=stateful)
    )
    _limits(session, service, wanted["limits"])
    _hostnames(session, row, service, wanted["domains"])
    place = environments.Place(row, service)
    values(session, actor, store, place, wanted["environment"], secret_values)


def _service(row: Tenant, name: str) -> TenantService:
    found = next((s for s in row.services if s.name == name), None)
    if found is None:
        raise Invalid("applications", f"{row.project.slug} has no service of this name", name)
    return found


def _limits(session: Session, service: TenantService, wanted: Mapping[str, Any] | None) -> None:
    stored = session.scalar(
        select(ResourceLimits).where(ResourceLimits.tenant_service_id == service.id)
    )
    if wanted is None:
        if stored is not None:
            session.delete(stored)
        return
    checked = limits.limits(wanted)
    if stored is None:
        stored = ResourceLimits(tenant_service_id=service.id)
        session.add(stored)
    for name in ("cpu_cores", "memory_mb", "gpu_units", "storage_gb"):
        setattr(stored, name, getattr(checked, name))
    session.flush()


def _hostnames(session: Session, row: Tenant, service: TenantService, wanted: list[Any]) -> None:
    """Reserves what is listed; an additional one must be proven again before it is used."""
    there = {
        domain.hostname: domain
        for domain in session.scalars(
            select(TenantDomain).where(
                TenantDomain.tenant_service_id == service.id, TenantDomain.deleted_at.is_(None)
            )
        )
    }
    for one in wanted:
        plain = isinstance(one, str)
        if not plain and not (isinstance(one, Mapping) and isinstance(one.get("host"), str)):
            raise Invalid("domains", "must be a hostname, or {host, redirectToPrimary}", one)
        host = naming.base_domain(one if plain else one["host"], "domains")
        found = there.get(host)
        if plain:
            _own(session, service, there, host)
        elif found is None:
            _additional(session, row, service, host, redirect=bool(one.get("redirectToPrimary")))
        else:
            found.redirect_to_primary = bool(one.get("redirectToPrimary"))


def _own(
    session: Session, service: TenantService, there: Mapping[str, TenantDomain], host: str
) -> None:
    """The service's own hostname stays as it was given there, also under an older base domain."""
    if host in there:
        return
    derived = next((d for d in there.values() if not d.additional), None)
    if derived is None or service.created:
        raise Invalid("domains", "is not this service's hostname", host)
    derived.hostname = service.domain = host
    _reserved(session, host)


def _additional(
    session: Session, row: Tenant, service: TenantService, host: str, *, redirect: bool
) -> None:
    session.add(
        TenantDomain(
            tenant_id=row.id,
            tenant_service_id=service.id,
            hostname=host,
            additional=True,
            redirect_to_primary=redirect,
            proof=f"tenantry-{row.public_id.hex[:20]}",
        )
    )
    _reserved(session, host)


def _reserved(session: Session, host: str) -> None:
    try:
        with session.begin_nested():
            session.flush()
    except IntegrityError:
        raise Conflict(f"domains: {host} is reserved for another tenant") from None


def database(
    session: Session,
    actor: Actor,
    row: Tenant,
    wanted: Mapping[str, Any],
    destinations: Destinations,
) -> None:
    """Limits and backups of the tenant's database; kind and version must be the product's."""
    kind = row.project.db_type
    service = next((s for s in row.services if s.service_type == "db"), None)
    if service is None or wanted["type"] not in {kind, TYPE_NAMES.get(kind)}:
        raise Invalid("databases.type", f"the product's database is {kind}", wanted["type"])
    version = row.project.db_image.rpartition("/")[2].partition(":")[2]
    if str(wanted["version"]) != version:
        raise Invalid("databases.version", f"the product runs {version}", wanted["version"])
    _limits(session, service, wanted["limits"])
    if wanted["backupSchedule"] is None:
        own = session.scalar(select(BackupPolicy).where(BackupPolicy.tenant_id == row.id))
        if own is not None:
            backups.drop_policy(session, actor, row)
        return
    given = {
        "destination": wanted["backupDestination"],
        "schedule": wanted["backupSchedule"],
        "retention_days": wanted["backupRetention"],
        "gate": wanted["backupGate"],
        "enabled": wanted["backupEnabled"],
        "overdue_hours": wanted["backupOverdueHours"],
    }
    given = {name: value for name, value in given.items() if value is not None}
    backups.set_policy(session, actor, row, given, destinations)
