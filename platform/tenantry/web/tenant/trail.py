"""What people did to one tenant, its services, hostnames, deployments and their steps."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import literal, or_, select, union_all
from sqlalchemy.orm import Session

from tenantry.models import (
    AuditEntry,
    Deployment,
    DeploymentStep,
    DriftFinding,
    Tenant,
    TenantService,
)

PAGE = 50
# Of the newest deployments; of fewer of them also what was done to single steps.
MOST_DEPLOYMENTS, WITH_STEPS = 300, 30


def of_tenant(session: Session, tenant: Tenant, before: int | None = None) -> Sequence[AuditEntry]:
    """One more than a page, the newest first; two queries."""
    ids: dict[str, list[str]] = {"Tenant": [str(tenant.public_id)]}
    for row in session.execute(union_all(*_things(tenant))):
        ids.setdefault(row.thing, []).append(str(row.public_id))
    asked = select(AuditEntry).where(
        or_(
            *(
                (AuditEntry.object_type == thing) & AuditEntry.object_id.in_(found)
                for thing, found in ids.items()
            )
        )
    )
    if before is not None:
        asked = asked.where(AuditEntry.id < before)
    return session.scalars(asked.order_by(AuditEntry.id.desc()).limit(PAGE + 1)).all()


def _things(tenant: Tenant) -> list[Any]:
    newest = (
        select(Deployment.id, Deployment.public_id)
        .where(Deployment.tenant_id == tenant.id)
        .order_by(Deployment.id.desc())
    )
    own, few = newest.limit(MOST_DEPLOYMENTS).subquery(), newest.limit(WITH_STEPS).subquery()

    def of(thing: str, public_id: Any) -> Any:
        return select(literal(thing).label("thing"), public_id.label("public_id"))

    return [
        of("Deployment", own.c.public_id),
        of("DeploymentStep", DeploymentStep.public_id).join(
            few, few.c.id == DeploymentStep.deployment_id
        ),
        of("TenantService", TenantService.public_id).where(TenantService.tenant_id == tenant.id),
        of("DriftFinding", DriftFinding.public_id).where(DriftFinding.tenant_id == tenant.id),
    ]
