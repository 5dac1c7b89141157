"""Blueprints of products: ProjectTemplate, its ServiceTemplates, and frozen TemplateReleases."""

from typing import Any

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    ForeignKey,
    Index,
    String,
    Text,
    UniqueConstraint,
    false,
    text,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from tenantry.models.base import Base, Identified, JsonType, Timestamped, one_of
from tenantry.planning.blueprint import SERVICE_TYPES

DB_TYPES = (
    "postgres",
    "mysql",
    "mariadb",
    "mongodb",
    "redis",
    "libsql",
    "keydb",
    "dragonfly",
    "clickhouse",
    "others",
)


class ProjectTemplate(Identified, Timestamped, Base):
    """A product, described once. Inactive ones refuse new tenants; used ones cannot be deleted."""

    __tablename__ = "project_template"
    __table_args__ = (
        one_of("db_type", DB_TYPES),
        CheckConstraint("slug = lower(slug)", name="slug_lower"),
        Index(
            "uq_project_template_base_domain_active",
            "base_domain",
            unique=True,
            postgresql_where=text("active"),
            sqlite_where=text("active = 1"),
        ),
        Index("ix_project_template_created_by_id", "created_by_id"),
    )

    name: Mapped[str] = mapped_column(String(120), unique=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    description: Mapped[str] = mapped_column(Text, default="")
    base_domain: Mapped[str] = mapped_column(String(190))
    db_required: Mapped[bool] = mapped_column(Boolean, default=False)
    db_type: Mapped[str] = mapped_column(String(20), default="postgres")
    db_image: Mapped[str] = mapped_column(String(255), default="")
    default_env: Mapped[dict[str, Any]] = mapped_column(JsonType, default=dict)
    db_url_secret: Mapped[str | None] = mapped_column(String(60))
    notify_emails: Mapped[list[Any]] = mapped_column(JsonType, default=list)
    https: Mapped[bool] = mapped_column(Boolean, default=True)
    certificate: Mapped[str] = mapped_column(String(20), default="letsencrypt")
    target_name: Mapped[str] = mapped_column(String(60), default="main")
    server_id: Mapped[str | None] = mapped_column(String(60))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    version: Mapped[int] = mapped_column(default=1)

    services: Mapped[list["ServiceTemplate"]] = relationship(
        back_populates="project", order_by="(ServiceTemplate.order, ServiceTemplate.id)"
    )

    def __str__(self) -> str:
        """Shown in lists."""
        return self.name


class ServiceTemplate(Identified, Timestamped, Base):
    """
    One service of a product: where it comes from, how it is built, how it runs and is judged.

    `volumes` are `{name, path}`; what has one runs once and stops before it starts. `limits` holds
    `cpu_cores`, `memory_mb`, `gpu_units` and `storage_gb` where they are set.
    """

    __tablename__ = "service_template"
    __table_args__ = (
        one_of("service_type", SERVICE_TYPES),
        CheckConstraint("port BETWEEN 1 AND 65535", name="port_range"),
        CheckConstraint("health_retries BETWEEN 0 AND 50", name="health_retries_range"),
        CheckConstraint(
            "(CASE WHEN repo_url IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN image IS NULL THEN 0 ELSE 1 END)"
            " + (CASE WHEN compose_file IS NULL THEN 0 ELSE 1 END) <= 1",
            name="one_source",
        ),
        CheckConstraint("replicas BETWEEN 0 AND 50", name="replicas_range"),
        UniqueConstraint("project_id", "name"),
        # `db_required` keeps exactly one of these.
        Index(
            "uq_service_template_db",
            "project_id",
            unique=True,
            postgresql_where=text("service_type = 'db'"),
            sqlite_where=text("service_type = 'db'"),
        ),
        Index("ix_service_template_provision_secret", "internal_provision_token_secret_id"),
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("project_template.id", ondelete="CASCADE"))
    name: Mapped[str] = mapped_column(String(40))
    service_type: Mapped[str] = mapped_column(String(20))
    repo_url: Mapped[str | None] = mapped_column(String(300))
    repo_branch: Mapped[str | None] = mapped_column(String(200))
    image: Mapped[str | None] = mapped_column(String(255))
    compose_file: Mapped[str | None] = mapped_column(Text)
    compose_service: Mapped[str | None] = mapped_column(String(63))
    volumes: Mapped[list[Any]] = mapped_column(JsonType, default=list, server_default="[]")
    replicas: Mapped[int] = mapped_column(default=1, server_default="1")
    limits: Mapped[dict[str, Any]] = mapped_column(JsonType, default=dict, server_default="{}")
    stop_first: Mapped[bool] = mapped_column(Boolean, default=False, server_default=false())
    build_config: Mapped[dict[str, Any]] = mapped_column(JsonType, default=dict)
    default_env: Mapped[dict[str, Any]] = mapped_column(JsonType, default=dict)
    port: Mapped[int] = mapped_column(default=3000)
    health_path: Mapped[str] = mapped_column(String(255), default="/")
    expected_status: Mapped[str] = mapped_column(String(60), default="200-399")
    health_retries: Mapped[int] = mapped_column(default=8)
    expose_domain: Mapped[bool] = mapped_column(Boolean, default=True)
    internal_provision_endpoint: Mapped[str | None] = mapped_column(String(200))
    internal_provision_token_secret_id: Mapped[int | None] = mapped_column(
        ForeignKey("integration_secret.id", ondelete="SET NULL", use_alter=True)
    )
    order: Mapped[int] = mapped_column("order", default=1)
    active: Mapped[bool] = mapped_column(Boolean, default=True)

    project: Mapped[ProjectTemplate] = relationship(back_populates="services")

    def __str__(self) -> str:
        """Shown in lists."""
        return self.name


class TemplateRelease(Identified, Timestamped, Base):
    """A frozen, numbered snapshot of a template; every deployment runs against one."""

    __tablename__ = "template_release"
    __table_args__ = (
        UniqueConstraint("project_id", "number"),
        Index("ix_template_release_created_by_id", "created_by_id"),
    )

    project_id: Mapped[int] = mapped_column(ForeignKey("project_template.id", ondelete="CASCADE"))
    number: Mapped[int]
    snapshot: Mapped[dict[str, Any]] = mapped_column(JsonType)
    digest: Mapped[str] = mapped_column(String(64))
    created_by_id: Mapped[int | None] = mapped_column(ForeignKey("user.id", ondelete="SET NULL"))

    def __str__(self) -> str:
        """Shown in lists."""
        return f"release {self.number}"
