"""Writing the document: everything that staff have decided, in one stable order."""

from collections.abc import Iterable, Mapping
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from tenantry.models import (
    BackupPolicy,
    EnvVar,
    EnvVersion,
    IntegrationSecret,
    ProjectTemplate,
    ResourceLimits,
    ServiceTemplate,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.operations import documents, environments
from tenantry.operations.exchange.shapes import TYPE_NAMES, VERSION
from tenantry.ports import SecretStore


def text(session: Session, store: SecretStore, tenant: Tenant | None = None) -> str:
    """
    The whole installation, or one tenant with its product, as YAML.

    The same state gives the same bytes. Values that are marked secret are left out by name.
    """
    return yaml.safe_dump(
        document(session, store, tenant), sort_keys=False, allow_unicode=True, width=100
    )


def document(session: Session, store: SecretStore, tenant: Tenant | None = None) -> dict[str, Any]:
    """The same as plain values."""
    products = select(ProjectTemplate).order_by(ProjectTemplate.slug)
    tenants = (
        select(Tenant)
        .where(Tenant.deleted_at.is_(None))
        .options(selectinload(Tenant.services), selectinload(Tenant.project))
        .order_by(Tenant.subdomain)
    )
    if tenant is not None:
        products = products.where(ProjectTemplate.id == tenant.project_id)
        tenants = tenants.where(Tenant.id == tenant.id)
    return {
        "version": VERSION,
        "products": [product_entry(session, row) for row in session.scalars(products)],
        "tenants": [tenant_entry(session, store, row) for row in session.scalars(tenants)],
    }


def product_entry(session: Session, template: ProjectTemplate) -> dict[str, Any]:
    """One product: its own document, and its backup policy."""
    secrets = {
        row.id: row.name
        for row in session.execute(
            select(IntegrationSecret.id, IntegrationSecret.name).where(
                IntegrationSecret.project_id == template.id,
                IntegrationSecret.name != "dokploy_api_key",
            )
        )
    }
    entry: dict[str, Any] = {"template": yaml.safe_load(documents.write(template, secrets))}
    policy = session.scalar(select(BackupPolicy).where(BackupPolicy.project_id == template.id))
    if policy:
        entry["backup"] = {
            "destination": policy.destination_name,
            "schedule": policy.schedule,
            "retention": policy.retention_days,
            "gate": policy.gate,
            "enabled": policy.enabled,
            "overdueHours": policy.overdue_hours,
        }
    return entry


def tenant_entry(session: Session, store: SecretStore, tenant: Tenant) -> dict[str, Any]:
    """One client, with the key names of seed 001."""
    values = environments.holding(session, tenant)
    templates = {s.id: s for s in tenant.project.services}
    limits = {
        row.tenant_service_id: row
        for row in session.scalars(
            select(ResourceLimits).where(
                ResourceLimits.tenant_service_id.in_([s.id for s in tenant.services])
            )
        )
    }
    domains = _domains(session, tenant)
    entry = {
        "subdomain": tenant.subdomain,
        "name": tenant.name,
        "product": tenant.project.slug,
        "clientRef": tenant.client_ref,
        "target": tenant.target_name,
        "notifyEmails": list(tenant.notify_emails) or None,
        "applications": [
            _application(
                row,
                templates[row.service_template_id],
                limits.get(row.id),
                domains.get(row.id, []),
                _variables(store, values, row.id),
            )
            for row in sorted(tenant.services, key=lambda s: s.name)
            if row.service_type != "db"
        ],
        "databases": [
            _database(session, tenant, row, limits.get(row.id))
            for row in tenant.services
            if row.service_type == "db"
        ]
        or None,
        "environment": _variables(store, values, None) or None,
        "secrets": secret_names(session, tenant) or None,
    }
    return _without_empty(entry)


def _without_empty(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value is not None}


def _application(
    row: TenantService,
    template: ServiceTemplate,
    limits: ResourceLimits | None,
    domains: list[Any],
    variables: list[dict[str, Any]],
) -> dict[str, Any]:
    build = template.build_config
    return _without_empty(
        {
            "name": row.name,
            "repository": row.repo_url,
            "branch": row.repo_branch,
            "image": row.image,
            "overridden": row.source_overridden or None,
            "buildCommand": build.get("build_command"),
            "startCommand": build.get("start_command"),
            "replicas": row.target_replicas,
            "limits": _limits(limits),
            "domains": domains or None,
            "environment": variables or None,
        }
    )


def _limits(row: ResourceLimits | None) -> dict[str, Any] | None:
    if row is None:
        return None
    given = {
        "cpu_cores": row.cpu_cores,
        "memory_mb": row.memory_mb,
        "gpu_units": row.gpu_units or None,
        "storage_gb": row.storage_gb,
    }
    return {name: value for name, value in given.items() if value is not None}


def _database(
    session: Session, tenant: Tenant, row: TenantService, limits: ResourceLimits | None
) -> dict[str, Any]:
    kind, image = tenant.project.db_type, tenant.project.db_image
    policy = session.scalar(select(BackupPolicy).where(BackupPolicy.tenant_id == tenant.id))
    return _without_empty(
        {
            "name": row.name,
            "type": TYPE_NAMES.get(kind, kind),
            "version": image.rpartition("/")[2].partition(":")[2],
            "limits": _limits(limits),
            "backupSchedule": policy.schedule if policy else None,
            "backupRetention": policy.retention_days if policy else None,
            "backupDestination": policy.destination_name if policy else None,
            "backupGate": policy.gate if policy else None,
            "backupEnabled": policy.enabled if policy else None,
            "backupOverdueHours": policy.overdue_hours if policy else None,
        }
    )


def _domains(session: Session, tenant: Tenant) -> dict[int, list[Any]]:
    rows = session.scalars(
        select(TenantDomain)
        .where(TenantDomain.tenant_id == tenant.id, TenantDomain.deleted_at.is_(None))
        .order_by(TenantDomain.additional, TenantDomain.hostname)
    )
    found: dict[int, list[Any]] = {}
    for row in rows:
        if row.tenant_service_id is None:
            continue
        more = {"host": row.hostname, "redirectToPrimary": row.redirect_to_primary}
        found.setdefault(row.tenant_service_id, []).append(more if row.additional else row.hostname)
    return found


def _variables(
    store: SecretStore, values: Iterable[tuple[EnvVar, EnvVersion]], service_id: int | None
) -> list[dict[str, Any]]:
    found = []
    for var, version in sorted(values, key=lambda pair: pair[0].key):
        if var.tenant_service_id != service_id:
            continue
        if var.secret:
            found.append({"key": var.key, "secret": True})
        else:
            found.append({"key": var.key, "value": environments.open_version(store, version)})
    return found


def secret_names(session: Session, tenant: Tenant) -> list[str]:
    """`service/name` of each secret of the tenant's own."""
    names = {row.id: row.name for row in tenant.services}
    rows = session.execute(
        select(IntegrationSecret.name, IntegrationSecret.tenant_service_id).where(
            IntegrationSecret.tenant_service_id.in_(list(names))
        )
    )
    return sorted(f"{names[row.tenant_service_id]}/{row.name}" for row in rows)
