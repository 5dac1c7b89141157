"""
Where secrets are used: in which environments, for which calls, by how many tenants.

Told from names alone. Values that a tenant has set itself are sealed and are not looked through.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from tenantry.models import (
    IntegrationSecret,
    ProjectTemplate,
    ServiceTemplate,
    Tenant,
    TenantService,
)
from tenantry.planning.environment import API_KEY_SECRET, constant


@dataclass(frozen=True, slots=True)
class Uses:
    """
    `owner` is what the secret belongs to, `places` where it is used, in words; `tenants` are those
    that are here and would be given it by their next deployment.
    """

    owner: str
    places: tuple[str, ...]
    tenants: int


NOWHERE = Uses("", (), 0)


def uses(session: Session, rows: Sequence[IntegrationSecret]) -> dict[int, Uses]:
    """By the secret's id; four queries however many there are."""
    services = _of_templates(session, {row.service_template_id for row in rows})
    wanted = {row.project_id for row in rows} | {one.project_id for one in services.values()}
    products = _products(session, wanted)
    counts = _tenants(session, products)
    own = _own_services(session, {row.tenant_service_id for row in rows})
    found = {}
    for row in rows:
        service = services.get(row.service_template_id or 0)
        product = products.get(row.project_id or (service.project_id if service else 0))
        if row.tenant_service_id:
            found[row.id] = own.get(row.tenant_service_id, NOWHERE)
        elif product is not None:
            places = tuple(_places(row, product, [service] if service else product.services))
            owner = f"{product.name} · {service.name}" if service else product.name
            found[row.id] = Uses(owner, places, counts.get(product.id, 0) if places else 0)
    return found


def _places(
    row: IntegrationSecret, product: ProjectTemplate, services: Iterable[ServiceTemplate]
) -> Iterable[str]:
    mark = f"${{SECRET_{constant(row.name)}}}"
    if row.name == API_KEY_SECRET:
        yield f"the target's API key of {product.name}"
    if product.db_url_secret == row.name:
        yield f"the database's URL of {product.name}"
    for key in _keys(product.default_env, mark):
        yield f"{key}, in every service of {product.name}"
    for service in services:
        if service.internal_provision_token_secret_id == row.id:
            yield f"the provisioning call of {product.name} · {service.name}"
        for key in _keys(service.default_env, mark):
            yield f"{key}, in {product.name} · {service.name}"
        if mark in (service.compose_file or ""):
            yield f"the compose file of {product.name} · {service.name}"


def _keys(env: Mapping[str, Any], mark: str) -> list[str]:
    return sorted(key for key, value in (env or {}).items() if mark in str(value))


def _of_templates(session: Session, ids: set[int | None]) -> dict[int, ServiceTemplate]:
    known = ids - {None}
    if not known:
        return {}
    rows = session.scalars(select(ServiceTemplate).where(ServiceTemplate.id.in_(known)))
    return {row.id: row for row in rows}


def _products(session: Session, ids: set[int | None]) -> dict[int, ProjectTemplate]:
    known = ids - {None}
    if not known:
        return {}
    rows = session.scalars(
        select(ProjectTemplate)
        .where(ProjectTemplate.id.in_(known))
        .options(joinedload(ProjectTemplate.services))
    )
    return {row.id: row for row in rows.unique()}


def _tenants(session: Session, products: Mapping[int, Any]) -> dict[int, int]:
    if not products:
        return {}
    rows = session.execute(
        select(Tenant.project_id, func.count().label("number"))
        .where(Tenant.project_id.in_(products), Tenant.deleted_at.is_(None))
        .group_by(Tenant.project_id)
    )
    return {row.project_id: row.number for row in rows}


def _own_services(session: Session, ids: set[int | None]) -> dict[int, Uses]:
    known = ids - {None}
    if not known:
        return {}
    rows = session.execute(
        select(TenantService.id, TenantService.name, Tenant.name.label("tenant"))
        .join(Tenant, Tenant.id == TenantService.tenant_id)
        .where(TenantService.id.in_(known), Tenant.deleted_at.is_(None))
    )
    return {
        row.id: Uses(f"{row.tenant} · {row.name}", (f"{row.name} of {row.tenant}",), 1)
        for row in rows
    }
