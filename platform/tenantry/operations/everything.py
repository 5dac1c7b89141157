"""
All that was ever made of a tenant, also where its release does not hold it.

A product drops services and its database, and a release that failed leaves new ones behind. What
stops or removes a tenant must know them all; what wakes it looks only at what was made.
"""

from collections.abc import Iterator
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.models import Deployment, ServiceTemplate, Tenant, TenantService
from tenantry.operations.wishes import Shaped
from tenantry.planning.actions import RESTART, SUSPEND, TEARDOWN, UNSUSPEND
from tenantry.planning.blueprint import Blueprint, DatabaseSpec, ServiceSpec, from_json
from tenantry.planning.sources import Build, ComposeSource, GitSource, ImageSource

_OF_WHAT_IS_THERE = (SUSPEND, UNSUSPEND, RESTART)
_LOOKED_BACK = 50
# Of a stack whose product has no file any more; it is only stopped and removed.
_NO_FILE = "services: {gone: {}}"


def is_there(row: TenantService) -> bool:
    """Whether the target's id of it is known."""
    return bool(row.app_id or row.compose_id or row.db_id)


def completed(session: Session, tenant: Tenant, blueprint: Blueprint, action: str) -> Blueprint:
    """
    The blueprint with what its release does not hold, for a suspension and a teardown.

    A teardown takes rows without an id too: the answer to a creation may have been lost, and its
    steps look for our marker. What a product has dropped rests on when the tenant wakes.
    """
    if action not in {SUSPEND, TEARDOWN}:
        return blueprint
    missing = [row for row in _missing(tenant, blueprint) if action == TEARDOWN or is_there(row)]
    services = [_service(session, row) for row in missing if row.service_type != "db"]
    database = blueprint.database
    for row in missing:
        if row.service_type == "db" and database is None:
            database = _database(session, tenant, row)
    return replace(blueprint, services=(*blueprint.services, *services), database=database)


def of_what_is_there(tenant: Tenant, shaped: Shaped) -> Shaped:
    """
    Cut to what was made: what was never created is neither woken nor restarted.

    And no last backup is wanted of a database that is not there.
    """
    blueprint = shaped.blueprint
    rows = {row.name: row for row in tenant.services}
    if blueprint.action in _OF_WHAT_IS_THERE:
        services = tuple(
            spec if is_there(rows[spec.name]) else replace(spec, deeds=())
            for spec in blueprint.services
        )
        blueprint = replace(blueprint, services=services)
    database = blueprint.database
    if blueprint.action == TEARDOWN and database:
        row = rows[database.service]
        gate = blueprint.gate and row.created and is_there(row)
        blueprint = replace(blueprint, gate=gate)
    return replace(shaped, blueprint=blueprint)


def dropped(tenant: Tenant, blueprint: Blueprint) -> list[str]:
    """What runs on beside a roll-out, in words for its preview."""
    return [
        f"{row.name} is no part of this release: it is left as it is until the tenant is torn down."
        for row in _missing(tenant, blueprint)
        if is_there(row)
    ]


def _missing(tenant: Tenant, blueprint: Blueprint) -> Iterator[TenantService]:
    known = {spec.name for spec in blueprint.services}
    if blueprint.database:
        known.add(blueprint.database.service)
    return (row for row in tenant.services if row.name not in known)


def _service(session: Session, row: TenantService) -> ServiceSpec:
    """Enough to stop and to remove it: no environment, and nothing that would be built."""
    template = session.get(ServiceTemplate, row.service_template_id)
    file = template.compose_file if template else None
    compose = git = image = None
    if row.compose_id or (file and not row.app_id):
        compose = ComposeSource(file or _NO_FILE, (template and template.compose_service) or "")
    elif row.image:
        image = ImageSource(row.image)
    else:
        git = GitSource(url=row.repo_url or "", branch=row.repo_branch or "main")
    return ServiceSpec(
        name=row.name,
        service_type=row.service_type,
        order=template.order if template else 1,
        rank=row.id,
        expose_domain=row.domain is not None,
        hostname=row.domain,
        git=git,
        image=image,
        build=Build(),
        port=template.port if template else 3000,
        health_path="/",
        expected_status="200-399",
        health_retries=0,
        compose=compose,
    )


def _database(session: Session, tenant: Tenant, row: TenantService) -> DatabaseSpec:
    """As the newest deployment that had one froze it, else as the product says now."""
    frozen = session.scalars(
        select(Deployment.blueprint)
        .where(Deployment.tenant_id == tenant.id)
        .order_by(Deployment.id.desc())
        .limit(_LOOKED_BACK)
    )
    for blueprint in frozen:
        if blueprint.get("database"):
            spec = from_json(blueprint).database
            if spec and spec.service == row.name:
                return replace(spec, deeds=None)
    product = tenant.project
    return DatabaseSpec(
        service=row.name,
        kind=product.db_type,
        image=product.db_image,
        database=row.db_name or "",
        user=row.db_user or "",
    )
