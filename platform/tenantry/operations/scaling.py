"""Replicas and limits of a tenant's services: checked, stored, and applied by a deployment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.errors import Invalid, NotFound
from tenantry.models import ReplicaObservation, ResourceLimits, Tenant, TenantService
from tenantry.operations.actors import Actor, record
from tenantry.operations.wishes import Wish
from tenantry.planning import limits as rules
from tenantry.planning.actions import SCALE
from tenantry.planning.limits import Capabilities, Limits

UNCHANGED: Any = object()
WORDS = {
    "replicas": "replicas",
    "cpu_cores": "CPU cores",
    "memory_mb": "memory in MB",
    "gpu_units": "GPUs",
    "storage_gb": "storage in GB",
}


@dataclass(frozen=True, slots=True)
class Scale:
    """
    What one service is to have. None for `replicas` leaves them as they are.

    `limits` holds cpu_cores, memory_mb, gpu_units, storage_gb; a name that is absent keeps its
    value, None lifts the limit.
    """

    service: str
    replicas: int | None = None
    limits: Mapping[str, Any] | None = None


def store(
    session: Session, actor: Actor, tenant: Tenant, wanted: Scale, able: Capabilities
) -> Wish:
    """
    Checks and stores one service's wish; the deployment that applies it is the caller's, in the
    same transaction, so that nothing is kept where another one is active.

    Invalid names the field, its range and the value. Where the service runs so already, the
    deployment says that there is nothing to do.
    """
    row = _service(tenant, wanted.service)
    before = _as_words(session, row)
    if wanted.replicas is not None:
        if row.service_type == "db":
            raise Invalid("replicas", "a database always runs once", wanted.replicas)
        _not_a_stack(tenant, row)
        row.target_replicas = rules.replicas(wanted.replicas, stateful=_once(row))
    if wanted.limits:
        if row.service_type != "db":
            _not_a_stack(tenant, row)
        _limits(session, row, wanted.limits, able)
    after = _as_words(session, row)
    record(session, actor, "service.scale", row, before=before, after=after)
    return Wish(action=SCALE, services=(row.name,), why=_why(row.name, before, after))


def _service(tenant: Tenant, name: str) -> TenantService:
    found = next((row for row in tenant.services if row.name == name), None)
    if found is None:
        raise NotFound(f"{tenant.name} has no service {name}")
    return found


def _template(row: TenantService) -> Any:
    return next(s for s in row.tenant.project.services if s.id == row.service_template_id)


def _once(row: TenantService) -> bool:
    template = _template(row)
    return bool(template.volumes) or template.stop_first


def _not_a_stack(tenant: Tenant, row: TenantService) -> None:
    if _template(row).compose_file:
        raise Invalid("service", f"{row.name} of {tenant.name} is a compose stack: its file says")


def _limits(
    session: Session, row: TenantService, given: Mapping[str, Any], able: Capabilities
) -> None:
    stored = _stored(session, row)
    now = _of(stored) if stored else Limits(**_template(row).limits)
    merged = {name: getattr(now, name) for name in Limits.__dataclass_fields__} | dict(given)
    checked = rules.limits(merged, able)
    if stored is None:
        stored = ResourceLimits(tenant_service_id=row.id)
        session.add(stored)
    for name in Limits.__dataclass_fields__:
        setattr(stored, name, getattr(checked, name))
    session.flush()


def _stored(session: Session, row: TenantService) -> ResourceLimits | None:
    return session.scalar(select(ResourceLimits).where(ResourceLimits.tenant_service_id == row.id))


def _of(stored: ResourceLimits) -> Limits:
    return Limits(stored.cpu_cores, stored.memory_mb, stored.gpu_units, stored.storage_gb)


def wanted_of(session: Session, row: TenantService) -> tuple[int, Limits]:
    """The replicas and limits that a service should have: its own, else its product's."""
    template = _template(row)
    stored = _stored(session, row)
    replicas = template.replicas if row.target_replicas is None else row.target_replicas
    return replicas, _of(stored) if stored else Limits(**template.limits)


def wanted_of_all(session: Session, tenant: Tenant) -> dict[int, tuple[int, Limits]]:
    """The same for every service of a tenant, by id; one query for what is its own."""
    stored = {
        row.tenant_service_id: row
        for row in session.scalars(
            select(ResourceLimits).where(
                ResourceLimits.tenant_service_id.in_([row.id for row in tenant.services])
            )
        )
    }
    templates = {template.id: template for template in tenant.project.services}
    found = {}
    for row in tenant.services:
        template = templates[row.service_template_id]
        replicas = template.replicas if row.target_replicas is None else row.target_replicas
        own = stored.get(row.id)
        found[row.id] = replicas, _of(own) if own else Limits(**template.limits)
    return found


def _as_words(session: Session, row: TenantService) -> dict[str, Any]:
    replicas, limits = wanted_of(session, row)
    return {
        "replicas": replicas,
        "cpu_cores": limits.cpu_cores,
        "memory_mb": limits.memory_mb,
        "gpu_units": limits.gpu_units,
        "storage_gb": limits.storage_gb,
    }


def _said(value: float | None) -> str:
    return "no limit" if value is None else f"{value:g}"


def _why(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    moved = [
        f"{words} {_said(before[key])} → {_said(after[key])}"
        for key, words in WORDS.items()
        if before[key] != after[key]
    ]
    return f"{name}: {', '.join(moved) or 'once more'}"


def replicas_seen(session: Session, services: list[int]) -> dict[int, list[ReplicaObservation]]:
    """Tasks that are wanted, as they were when last looked for, by service; one query."""
    rows = session.scalars(
        select(ReplicaObservation)
        .where(
            ReplicaObservation.tenant_service_id.in_(services),
            ReplicaObservation.gone_at.is_(None),
            ReplicaObservation.wanted == "running",
        )
        .order_by(ReplicaObservation.node, ReplicaObservation.task_id)
    )
    found: dict[int, list[ReplicaObservation]] = {}
    for row in rows:
        found.setdefault(row.tenant_service_id, []).append(row)
    return found
