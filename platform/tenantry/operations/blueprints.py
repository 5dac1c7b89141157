"""Freezing release + tenant + overrides into the Blueprint of one deployment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from tenantry.errors import Invalid
from tenantry.models import (
    BackupPolicy,
    IntegrationSecret,
    ResourceLimits,
    TemplateRelease,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.operations import environments, layers
from tenantry.planning.blueprint import (
    Alias,
    BackupPlan,
    Blueprint,
    DatabaseSpec,
    ServiceSpec,
)
from tenantry.planning.environment import API_KEY_SECRET
from tenantry.planning.limits import Limits
from tenantry.planning.naming import target_name
from tenantry.planning.sources import Build, ComposeSource, GitSource, ImageSource, Volume

_BUILD = (
    "type dockerfile context_path stage publish_directory static_spa heroku_version "
    "railpack_version".split()
)


def make(
    session: Session,
    tenant: Tenant,
    release: TemplateRelease,
    overrides: Mapping[str, str] | None = None,
) -> Blueprint:
    """
    Everything the planner and the handlers need, as plain values; of a whole deployment.

    `overrides` is the topmost layer of every service's environment, checked already.
    """
    frozen = release.snapshot
    rows = {row.name: row for row in tenant.services}
    secrets = secret_marks(session, tenant.project_id)
    around = _Around(
        frozen=frozen,
        sealed=environments.sealed_layers(environments.holding(session, tenant)),
        overrides=overrides or {},
        secret_ids=_secret_ids(session, tenant.project_id),
        limits=_own_limits(session, tenant),
        hostnames=_hostnames(session, tenant),
    )
    services = tuple(
        _service(item, rows[item["name"]], rank, around)
        for rank, item in enumerate(frozen["services"])
        if item["service_type"] != "db" and item["name"] in rows
    )
    return Blueprint(
        template_name=frozen["name"],
        template_slug=frozen["slug"],
        base_domain=frozen["base_domain"],
        tenant_name=tenant.name,
        subdomain=tenant.subdomain,
        tenant_id=str(tenant.public_id),
        target=tenant.target_name,
        server_id=tenant.server_id,
        project_name=target_name(frozen["slug"], tenant.subdomain),
        https=frozen["https"],
        certificate=frozen["certificate"],
        api_key_secret=API_KEY_SECRET if API_KEY_SECRET in secrets else None,
        notify_emails=tuple(dict.fromkeys([*frozen["notify_emails"], *tenant.notify_emails])),
        database=_database(frozen, rows, around),
        services=services,
        # The target's key opens every tenant's host: no application is ever given it.
        secrets={name: mark for name, mark in secrets.items() if name != API_KEY_SECRET},
        backup=_backup(session, tenant),
        db_url_secret=frozen.get("db_url_secret"),
    )


@dataclass(frozen=True, slots=True)
class _Around:
    """What lies around a service's own row and its template."""

    frozen: Mapping[str, Any]
    sealed: layers.Sealed
    overrides: Mapping[str, str]
    secret_ids: Mapping[int, str]
    limits: Mapping[int, Limits]
    hostnames: Mapping[int, list[TenantDomain]]


def secret_marks(session: Session, project_id: int) -> dict[str, str]:
    """The product's own secrets by name, each with a mark that moves when its value is changed."""
    secret = IntegrationSecret
    rows = session.execute(
        select(secret.name, secret.public_id, secret.last_rotated_at).where(
            secret.project_id == project_id
        )
    )
    return {
        row.name: f"{row.public_id} {row.last_rotated_at.isoformat()}"
        if row.last_rotated_at
        else str(row.public_id)
        for row in rows
    }


def _secret_ids(session: Session, project_id: int) -> dict[int, str]:
    rows = session.execute(
        select(IntegrationSecret.id, IntegrationSecret.name).where(
            IntegrationSecret.project_id == project_id
        )
    )
    return {row.id: row.name for row in rows}


def _own_limits(session: Session, tenant: Tenant) -> dict[int, Limits]:
    rows = session.scalars(
        select(ResourceLimits).where(
            ResourceLimits.tenant_service_id.in_([row.id for row in tenant.services])
        )
    )
    return {
        row.tenant_service_id: Limits(row.cpu_cores, row.memory_mb, row.gpu_units, row.storage_gb)
        for row in rows
    }


def _hostnames(session: Session, tenant: Tenant) -> dict[int, list[TenantDomain]]:
    """Additional hostnames, by service."""
    rows = session.scalars(
        select(TenantDomain)
        .where(
            TenantDomain.tenant_id == tenant.id,
            TenantDomain.deleted_at.is_(None),
            TenantDomain.additional,
        )
        .order_by(TenantDomain.hostname)
    )
    found: dict[int, list[TenantDomain]] = {}
    for row in rows:
        if row.tenant_service_id is not None:
            found.setdefault(row.tenant_service_id, []).append(row)
    return found


def _backup(session: Session, tenant: Tenant) -> BackupPlan | None:
    """The tenant's own policy, else its product's; None where there is none."""
    policy = session.scalar(
        select(BackupPolicy)
        .where(
            or_(BackupPolicy.tenant_id == tenant.id, BackupPolicy.project_id == tenant.project_id)
        )
        .order_by(BackupPolicy.tenant_id.is_(None))
        .limit(1)
    )
    if policy is None:
        return None
    return BackupPlan(
        destination_id=policy.destination_id,
        schedule=policy.schedule,
        retention_days=policy.retention_days,
        gate=policy.gate,
        enabled=policy.enabled,
    )


def _database(
    frozen: Mapping[str, Any], rows: Mapping[str, TenantService], around: _Around
) -> DatabaseSpec | None:
    row = next((r for r in rows.values() if r.service_type == "db"), None)
    if not frozen["db_required"]:
        return None
    if row is None or not row.db_name or not row.db_user:
        raise Invalid("db_required", "the tenant has no database service; save the tenant again")
    return DatabaseSpec(
        service=row.name,
        kind=frozen["db_type"],
        image=frozen["db_image"],
        database=row.db_name,
        user=row.db_user,
        limits=around.limits.get(row.id, Limits()),
    )


def _service(
    item: Mapping[str, Any],
    row: TenantService,
    rank: int,
    around: _Around,
) -> ServiceSpec:
    config = item["build_config"]
    git = None
    if row.repo_url:
        git = GitSource(
            url=row.repo_url,
            branch=row.repo_branch or "main",
            build_path=config.get("build_path") or "/",
            ssh_key_id=config.get("ssh_key_id"),
            submodules=bool(config.get("submodules")),
        )
    hostnames = around.hostnames.get(row.id, [])
    return ServiceSpec(
        name=item["name"],
        service_type=item["service_type"],
        order=item["order"],
        rank=rank,
        expose_domain=item["expose_domain"],
        hostname=row.domain if item["expose_domain"] else None,
        git=git,
        image=ImageSource(row.image) if row.image else None,
        build=Build(**{name: config[name] for name in _BUILD if name in config}),
        port=item["port"],
        health_path=item["health_path"],
        expected_status=item["expected_status"],
        health_retries=item["health_retries"],
        provision_endpoint=item["internal_provision_endpoint"],
        provision_secret=around.secret_ids.get(item["token_secret_id"]),
        args=tuple(config.get("args", ())),
        env=layers.of_service(around.frozen, item, row.id, around.sealed, around.overrides),
        compose=_compose(item),
        replicas=item.get("replicas", 1) if row.target_replicas is None else row.target_replicas,
        limits=around.limits.get(row.id) or Limits(**item.get("limits", {})),
        volumes=tuple(Volume(**volume) for volume in item.get("volumes", ())),
        stop_first=item.get("stop_first", False),
        aliases=tuple(
            Alias(kept.hostname, kept.redirect_to_primary)
            for kept in hostnames
            if kept.removed_at is None and kept.verified_at is not None
        ),
        retired=tuple(kept.hostname for kept in hostnames if kept.removed_at is not None),
    )


def _compose(item: Mapping[str, Any]) -> ComposeSource | None:
    file = item.get("compose_file")
    return ComposeSource(file, item.get("compose_service") or "") if file else None
