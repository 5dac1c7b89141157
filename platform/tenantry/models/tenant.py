"""A client's copy: Tenant, its TenantServices, and the hostnames reserved for it."""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    UniqueConstraint,
    false,
    func,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tenantry.models.base import Base, Identified, JsonType, Moment, Timestamped, one_of
from tenantry.models.template import ProjectTemplate
from tenantry.planning.blueprint import SERVICE_TYPES
from tenantry.planning.states import TenantStatus

LIVE: dict[str, Any] = {
    "postgresql_where": text("deleted_at IS NULL"),
    "sqlite_where": text("deleted_at IS NULL"),
}


class Tenant(Identified, Timestamped, Base):
    """
    One client's copy of one product.

    `external_ref` is our marker on the target, made once; `dokploy_project_id` is known after
    `project.create`. `attention` is a failure of a later deployment, which leaves the status
    `running`. Soft-deleted rows (`deleted_at`) keep their history and free their names.
    `teardown_at` is when a tenant that is leaving will be torn down; until then it can be kept.
    `release_id` is the release that its last successful deployment ran. `adopted_at` is set for one
    that was taken over from an existing project.
    """

    __tablename__ = "tenant"
    __table_args__ = (
        one_of("status", TenantStatus),
        CheckConstraint("subdomain = lower(subdomain)", name="subdomain_lower"),
        Index("uq_tenant_subdomain_live", func.lower(text("subdomain")), unique=True, **LIVE),
        Index(
            "uq_tenant_client_ref_live",
            "project_id",
            "client_ref",
            unique=True,
            postgresql_where=text("deleted_at IS NULL AND client_ref IS NOT NULL"),
            sqlite_where=text("deleted_at IS NULL AND client_ref IS NOT NULL"),
        ),
        Index("ix_tenant_project_id_status", "project_id", "status"),
        Index("ix_tenant_status_created_at", "status", "created_at"),
        Index("ix_tenant_created_by_id", "created_by_id"),
        Index("ix_tenant_release_id", "release_id"),
        Index(
            "ix_tenant_teardown_at",
            "teardown_at",
            postgresql_where=text("teardown_at IS NOT NULL"),
            sqlite_where=text("teardown_at IS NOT NULL"),
        ),
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("project_template.id", ondelete="RESTRICT"))
    name: Mapped[str] = mapped_column(String(120))
    client_ref: Mapped[str | None] = mapped_column(String(120))
    subdomain: Mapped[str] = mapped_column(String(63))
    status: Mapped[str] = mapped_column(String(40), default=TenantStatus.PENDING)
    target_name: Mapped[str] = mapped_column(String(60))
    server_id: Mapped[str | None] = mapped_column(String(60))
    external_ref: Mapped[str] = mapped_column(String(80), unique=True)
    dokploy_project_id: Mapped[str | None] = mapped_column(String(40))
    dokploy_environment_id: Mapped[str | None] = mapped_column(String(40))
    notify_emails: Mapped[list[Any]] = mapped_column(JsonType, default=list)
    attention: Mapped[str] = mapped_column(String(500), default="")
    redeploy_requested_sha: Mapped[str | None] = mapped_column(String(64))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    completed_at: Mapped[Moment | None]
    teardown_at: Mapped[Moment | None]
    adopted_at: Mapped[Moment | None]
    release_id: Mapped[int | None] = mapped_column(
        ForeignKey("template_release.id", ondelete="SET NULL")
    )
    detail: Mapped[str] = mapped_column(String(500), default="")
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    deleted_at: Mapped[Moment | None]
    version: Mapped[int] = mapped_column(default=1)

    project: Mapped[ProjectTemplate] = relationship()
    services: Mapped[list["TenantService"]] = relationship(
        back_populates="tenant", order_by="TenantService.id"
    )

    def __str__(self) -> str:
        """Shown in lists."""
        return self.name


class TenantService(Identified, Timestamped, Base):
    """
    One service of one tenant: the target's ids, and flags that say what was brought about.

    Flags are hints for people; handlers look at the target. `target_replicas` and the limits of
    `ResourceLimits` are staff's own; NULL means the product's. `applied` holds the fingerprint of
    each part as it was last rolled out. `paused` are ids of schedules, and with `domain:` before
    them of domains, that a suspension switched off, to be switched on again.
    """

    __tablename__ = "tenant_service"
    __table_args__ = (
        one_of("service_type", SERVICE_TYPES),
        one_of("health_status", ("ok", "unhealthy", "unknown")),
        UniqueConstraint("tenant_id", "service_template_id"),
        CheckConstraint("target_replicas BETWEEN 0 AND 50", name="target_replicas_range"),
        UniqueConstraint("tenant_id", "name"),
        Index("ix_tenant_service_service_template_id", "service_template_id"),
    )

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    service_template_id: Mapped[int] = mapped_column(
        ForeignKey("service_template.id", ondelete="RESTRICT")
    )
    name: Mapped[str] = mapped_column(String(40))
    service_type: Mapped[str] = mapped_column(String(20))
    external_ref: Mapped[str] = mapped_column(String(80), unique=True)
    repo_url: Mapped[str | None] = mapped_column(String(300))
    repo_branch: Mapped[str | None] = mapped_column(String(200))
    image: Mapped[str | None] = mapped_column(String(255))
    source_overridden: Mapped[bool] = mapped_column(Boolean, default=False)
    app_id: Mapped[str | None] = mapped_column(String(40))
    app_name: Mapped[str | None] = mapped_column(String(80))
    compose_id: Mapped[str | None] = mapped_column(String(40))
    db_id: Mapped[str | None] = mapped_column(String(40))
    db_name: Mapped[str | None] = mapped_column(String(63))
    db_user: Mapped[str | None] = mapped_column(String(63))
    domain: Mapped[str | None] = mapped_column(String(253))
    domain_id: Mapped[str | None] = mapped_column(String(40))
    created: Mapped[bool] = mapped_column(Boolean, default=False)
    git_attached: Mapped[bool] = mapped_column(Boolean, default=False)
    build_configured: Mapped[bool] = mapped_column(Boolean, default=False)
    env_configured: Mapped[bool] = mapped_column(Boolean, default=False)
    env_fingerprint: Mapped[str | None] = mapped_column(String(64))
    deploy_triggered: Mapped[bool] = mapped_column(Boolean, default=False)
    deployed: Mapped[bool] = mapped_column(Boolean, default=False)
    build_trace: Mapped[dict[str, Any]] = mapped_column(JsonType, default=dict)
    last_build_id: Mapped[str | None] = mapped_column(String(40))
    commit_hash: Mapped[str | None] = mapped_column(String(64))
    image_digest: Mapped[str | None] = mapped_column(String(80))
    target_replicas: Mapped[int | None]
    running_replicas: Mapped[int | None]
    applied: Mapped[dict[str, Any]] = mapped_column(JsonType, default=dict, server_default="{}")
    paused: Mapped[list[Any]] = mapped_column(JsonType, default=list, server_default="[]")
    health_status: Mapped[str] = mapped_column(String(20), default="unknown")
    health_tries: Mapped[int] = mapped_column(default=0)
    next_wait_seconds: Mapped[int] = mapped_column(default=0)
    last_deployed_at: Mapped[Moment | None]
    detail: Mapped[str] = mapped_column(String(500), default="")

    tenant: Mapped[Tenant] = relationship(back_populates="services")

    def __str__(self) -> str:
        """Shown in lists."""
        return self.name


class TenantDomain(Identified, Timestamped, Base):
    """
    A hostname reserved for a tenant, from its creation on.

    Unique over all live tenants: `acme` with service `api` and a tenant `acme-api` would
    otherwise share one, and the target accepts the same host twice. An additional one needs proof
    of ownership (`proof`, a word in its TXT record) before it is used, and may redirect to the
    primary. `issued_at` is when a certificate for it was last asked of the authority, or set aside
    for that. `removed_at` says that staff took it back; its row goes (`deleted_at`) when the target
    routes it no more.
    """

    __tablename__ = "tenant_domain"
    __table_args__ = (
        Index("uq_tenant_domain_hostname_live", func.lower(text("hostname")), unique=True, **LIVE),
        Index("ix_tenant_domain_tenant_id", "tenant_id"),
        Index("ix_tenant_domain_tenant_service_id", "tenant_service_id"),
        Index(
            "ix_tenant_domain_issued_at",
            "issued_at",
            postgresql_where=text("issued_at IS NOT NULL"),
            sqlite_where=text("issued_at IS NOT NULL"),
        ),
    )

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"))
    tenant_service_id: Mapped[int | None] = mapped_column(
        ForeignKey("tenant_service.id", ondelete="SET NULL")
    )
    hostname: Mapped[str] = mapped_column(String(253))
    primary: Mapped[bool] = mapped_column("is_primary", Boolean, default=False)
    additional: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    redirect_to_primary: Mapped[bool] = mapped_column(
        Boolean, default=False, server_default=false()
    )
    proof: Mapped[str | None] = mapped_column(String(80))
    verified_at: Mapped[Moment | None]
    issued_at: Mapped[Moment | None]
    domain_id: Mapped[str | None] = mapped_column(String(40))
    removed_at: Mapped[Moment | None]
    deleted_at: Mapped[Moment | None]

    def __str__(self) -> str:
        """Shown in lists."""
        return self.hostname
