"""What a tenant's first page shows, in at most twelve queries however much it has."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, joinedload

from tenantry.errors import NotFound
from tenantry.models import (
    BackupRecord,
    Deployment,
    DeploymentStep,
    DriftFinding,
    FailureNote,
    JobRecord,
    ProjectTemplate,
    TemplateRelease,
    Tenant,
)
from tenantry.operations import hostnames, leaving
from tenantry.planning.states import ACTIVE_DEPLOYMENT, OPEN_JOB
from tenantry.web.life.deeds import offered, primary
from tenantry.web.life.standing import standings
from tenantry.web.panel.drift import OPEN, open_of
from tenantry.web.tenant.sparks import sparks

LATEST, MOST_JOBS = 10, 10


@dataclass(frozen=True, slots=True)
class Figures:
    """`release` is what its last good deployment ran, `hint` what staff know of its failure."""

    release: int | None
    backup: datetime | None
    jobs: int
    drift: int
    hint: str


def whole(session: Session, public_id: UUID) -> Tenant:
    """A tenant with its product and its services, in one query; also one that has left."""
    found = session.scalars(
        select(Tenant)
        .where(Tenant.public_id == public_id)
        .options(
            joinedload(Tenant.services),
            joinedload(Tenant.project).joinedload(ProjectTemplate.services),
        )
    )
    tenant: Tenant | None = found.unique().one_or_none()
    if tenant is None:
        raise NotFound("There is no such tenant")
    return tenant


def figures(session: Session, tenant: Tenant) -> Figures:
    """Five small questions as one."""
    own: Any = select(Deployment.id).where(Deployment.tenant_id == tenant.id)
    cause = (
        select(Deployment.cause)
        .where(Deployment.tenant_id == tenant.id)
        .order_by(Deployment.id.desc())
        .limit(1)
    )
    asked = (
        select(TemplateRelease.number).where(TemplateRelease.id == tenant.release_id),
        select(func.max(BackupRecord.started_at)).where(
            BackupRecord.tenant_id == tenant.id, BackupRecord.outcome == "done"
        ),
        select(func.count()).where(
            JobRecord.deployment_id.in_(own), JobRecord.status.in_(OPEN_JOB)
        ),
        select(func.count()).where(
            DriftFinding.tenant_id == tenant.id, DriftFinding.state.in_(OPEN)
        ),
        select(FailureNote.hint).where(FailureNote.cause == cause.scalar_subquery()),
    )
    row = session.execute(select(*(question.scalar_subquery() for question in asked))).one()
    return Figures(row[0], row[1], row[2] or 0, row[3] or 0, row[4] or "")


def facts(session: Session, tenant: Tenant) -> dict[str, Any]:
    """Everything for the page."""
    away = tenant.deleted_at is not None
    kept = leaving.volumes_kept(session, tenant) if away else []
    seen = figures(session, tenant)
    deployments = session.scalars(
        select(Deployment)
        .where(Deployment.tenant_id == tenant.id)
        .order_by(Deployment.id.desc())
        .limit(LATEST)
    ).all()
    return {
        "tenant": tenant,
        "services": [] if away else standings(session, tenant),
        "sparks": {} if away else sparks(session, [row.id for row in tenant.services]),
        "figures": seen,
        "release": seen.release,
        "deeds": [deed for deed in offered(tenant) if kept or not away],
        "first": primary(tenant),
        "certificate": leaving.certificate(session, tenant) if away else None,
        "kept": kept,
        "hostnames": hostnames.listed(session, tenant),
        "exposed": [] if away else [s for s in tenant.services if s.domain],
        "deployments": deployments,
        "active": next((d for d in deployments if d.status in ACTIVE_DEPLOYMENT), None),
        "drift": open_of(tenant.id) if seen.drift else [],
        "jobs": jobs(session, tenant) if seen.jobs else [],
        "scheme": "https" if tenant.project.https else "http",
    }


def jobs(session: Session, tenant: Tenant) -> list[Any]:
    """Open ones, what is due first on top, each with its step."""
    rows = session.execute(
        select(
            JobRecord.public_id,
            JobRecord.job_type,
            JobRecord.status,
            JobRecord.next_run_at,
            DeploymentStep.step_key,
            DeploymentStep.service_name,
            Deployment.public_id.label("deployment"),
        )
        .join(Deployment, Deployment.id == JobRecord.deployment_id)
        .join(DeploymentStep, DeploymentStep.id == JobRecord.step_id)
        .where(Deployment.tenant_id == tenant.id, JobRecord.status.in_(OPEN_JOB))
        .order_by(JobRecord.next_run_at)
        .limit(MOST_JOBS)
    )
    return list(rows)
