"""What the end of a deployment makes of its tenant, in the transaction that ends it."""

from typing import Any

from sqlalchemy import Connection, delete, func, select, update

from tenantry.engine.transitions import move
from tenantry.journal import cap_line
from tenantry.models import (
    EnvVar,
    EnvVersion,
    IntegrationSecret,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.models.dbtime import db_now
from tenantry.planning.actions import (
    ACTIONS,
    ADOPT,
    BACKUP,
    DEPLOY,
    REMOVE_VOLUMES,
    ROLLBACK,
    TEARDOWN,
    UNSUSPEND,
)
from tenantry.planning.states import DeploymentStatus, TenantStatus

# What a tenant may begin with.
FIRST = (DEPLOY, ADOPT)
# What changes nothing of the tenant, however it ends.
HARMLESS = (BACKUP, REMOVE_VOLUMES)
# What a deployment's success does not touch: onboarding that staff have closed stays closed.
STAYS_AS_IT_IS = (TenantStatus.SUSPENDED, TenantStatus.COMPLETED)


def tenant_after(conn: Connection, deployment: Any, outcome: str, summary: str) -> None:
    """Moves the tenant, whose row is locked, by what the deployment was and how it ended."""
    if outcome == DeploymentStatus.SUCCEEDED:
        _succeeded(conn, deployment)
    elif outcome == DeploymentStatus.FAILED:
        _failed(conn, deployment, summary)
    elif deployment.started_at is not None:
        _cancelled(conn, deployment)


def _cancelled(conn: Connection, deployment: Any) -> None:
    if deployment.action in HARMLESS:
        return
    if deployment.action not in FIRST:
        words = f"A {deployment.action} was cancelled half-way: resume it, or put things right"
        conn.execute(
            update(Tenant).where(Tenant.id == deployment.tenant_id).values(attention=words)
        )
        return
    move(
        conn,
        "tenant",
        TenantStatus.PENDING,
        Tenant.id == deployment.tenant_id,
        Tenant.completed_at.is_(None),
        Tenant.status.in_((TenantStatus.PROVISIONING, TenantStatus.WAITING_FOR_INTERNAL_PROVISION)),
        reason="its first deployment was cancelled",
    )


def _succeeded(conn: Connection, deployment: Any) -> None:
    tenant = Tenant.id == deployment.tenant_id
    new = ACTIONS[deployment.action].success
    # A backup that went well says nothing of what else is wrong.
    values: dict[str, Any] = {} if deployment.action in HARMLESS else {"attention": ""}
    values["detail"] = ""
    if deployment.action in {DEPLOY, ROLLBACK, ADOPT}:
        values |= {
            "completed_at": func.coalesce(Tenant.completed_at, db_now()),
            "release_id": func.coalesce(deployment.release_id, Tenant.release_id),
        }
        stays: Any = Tenant.status.not_in(STAYS_AS_IT_IS)
    elif deployment.action == UNSUSPEND:
        # It may also put a suspension right that ended half-way.
        stays = Tenant.status == TenantStatus.SUSPENDED
    else:
        stays = Tenant.status != new
    if new is not None:
        words = "a deployment succeeded" if new == "running" else f"{deployment.action} succeeded"
        move(conn, "tenant", new, tenant, stays, reason=words)
    if deployment.action == TEARDOWN:
        values |= {"deleted_at": db_now(), "teardown_at": None, "active": False}
        let_go(conn, deployment.tenant_id)
    conn.execute(update(Tenant).where(tenant).values(**values))


def let_go(conn: Connection, tenant_id: int) -> None:
    """Hostnames become free, its own secrets are forgotten, its values wiped; history stays."""
    conn.execute(
        update(TenantDomain)
        .where(TenantDomain.tenant_id == tenant_id, TenantDomain.deleted_at.is_(None))
        .values(deleted_at=db_now(), domain_id=None)
    )
    services = select(TenantService.id).where(TenantService.tenant_id == tenant_id)
    conn.execute(delete(IntegrationSecret).where(IntegrationSecret.tenant_service_id.in_(services)))
    keys = select(EnvVar.id).where(EnvVar.tenant_id == tenant_id)
    conn.execute(
        update(EnvVersion)
        .where(EnvVersion.env_var_id.in_(keys))
        .values(encrypted_value=b"", key_id="")
    )


def _failed(conn: Connection, deployment: Any, summary: str) -> None:
    tenant = Tenant.id == deployment.tenant_id
    moved = deployment.action in FIRST and move(
        conn,
        "tenant",
        TenantStatus.FAILED,
        tenant,
        Tenant.completed_at.is_(None),
        reason="its deployment failed",
    )
    values = {"detail": cap_line(summary)}
    if not moved:
        # It serves its clients as before; the failure is a flag beside that.
        values["attention"] = cap_line(summary)
    conn.execute(update(Tenant).where(tenant).values(**values))
