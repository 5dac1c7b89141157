"""Freezing release + tenant + overrides into the Blueprint of one deployment."""

from collections.abc import Mapping
from typing import Any

from tenantry.errors import Invalid
from tenantry.models import TemplateRelease, Tenant, TenantService
from tenantry.planning.blueprint import Blueprint, DatabaseSpec, EnvLayer, ServiceSpec
from tenantry.planning.environment import API_KEY_SECRET
from tenantry.planning.naming import target_name
from tenantry.planning.sources import Build, GitSource, ImageSource

_BUILD = (
    "type dockerfile context_path stage publish_directory static_spa heroku_version "
    "railpack_version".split()
)


def make(
    tenant: Tenant,
    release: TemplateRelease,
    secret_names: Mapping[str, int],
    overrides: Mapping[str, Any] | None = None,
) -> Blueprint:
    """
    Everything the planner and the handlers need, as plain values.

    `secret_names` are the product's own secrets (name → row id). `overrides` may hold `env`, the
    topmost layer of every service's environment.
    """
    frozen = release.snapshot
    rows = {row.name: row for row in tenant.services}
    layers = {
        "top": EnvLayer("product", frozen["default_env"]),
        "tenant": EnvLayer("tenant", tenant.env),
        "deployment": EnvLayer("this deployment", (overrides or {}).get("env", {})),
    }
    ids = {row_id: name for name, row_id in secret_names.items()}
    services = tuple(
        _service(item, rows[item["name"]], rank, layers, ids)
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
        api_key_secret=API_KEY_SECRET if API_KEY_SECRET in secret_names else None,
        notify_emails=tuple(dict.fromkeys([*frozen["notify_emails"], *tenant.notify_emails])),
        database=_database(frozen, rows),
        services=services,
        # The target's key opens every tenant's host: no application is ever given it.
        secrets={name: "" for name in secret_names if name != API_KEY_SECRET},
    )


def _database(frozen: Mapping[str, Any], rows: Mapping[str, TenantService]) -> DatabaseSpec | None:
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
    )


def _service(
    item: Mapping[str, Any],
    row: TenantService,
    rank: int,
    layers: Mapping[str, EnvLayer],
    secret_ids: Mapping[int, str],
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
    # Each of the two builders that take commands reads them under its own name.
    prefix = "RAILPACK" if config.get("type") == "railpack" else "NIXPACKS"
    commands = {
        f"{prefix}_BUILD_CMD": config.get("build_command"),
        f"{prefix}_START_CMD": config.get("start_command"),
    }
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
        provision_secret=secret_ids.get(item["token_secret_id"]),
        args=tuple(config.get("args", ())),
        env=(
            EnvLayer("build settings", {k: v for k, v in commands.items() if v}),
            layers["top"],
            EnvLayer(f"service {item['name']} of the product", item["env"]),
            layers["tenant"],
            EnvLayer(f"service {item['name']} of the tenant", row.env),
            layers["deployment"],
        ),
    )
