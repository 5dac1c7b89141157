"""Flask-Admin, mounted at the root: every model under one secure base view."""

from collections.abc import Iterator
from typing import Any

from flask import Flask
from flask_admin import Admin
from flask_admin.theme import BootstrapTheme

from tenantry.models import (
    AuditEntry,
    BackupPolicy,
    BackupRecord,
    Deployment,
    DeploymentStep,
    DriftFinding,
    EnvVar,
    EnvVersion,
    FailureNote,
    HealthCheck,
    HostnameWatch,
    IntegrationSecret,
    JobRecord,
    LetterOutbox,
    LogEntry,
    Outage,
    ProjectTemplate,
    ReplicaObservation,
    ResourceLimits,
    Role,
    ServiceTemplate,
    ServiceWatch,
    StatusChange,
    StepAttempt,
    TargetRow,
    TemplateRelease,
    Tenant,
    TenantDomain,
    TenantService,
    User,
)
from tenantry.web.headers import nonce
from tenantry.web.panel.audit import AuditView
from tenantry.web.panel.blueprints import ReleaseView, ServiceTemplateView
from tenantry.web.panel.deployments import DeploymentView
from tenantry.web.panel.drift import DriftView
from tenantry.web.panel.failures import FailureView
from tenantry.web.panel.history import ChangeView, HealthView, LogView
from tenantry.web.panel.jobs import JobView
from tenantry.web.panel.overview import OverviewView
from tenantry.web.panel.products import ProductView
from tenantry.web.panel.secrets import SecretView
from tenantry.web.panel.services import DomainView, ServiceView
from tenantry.web.panel.staff import RoleView, StaffView
from tenantry.web.panel.steps import AttemptView, FailedStepView, StepView
from tenantry.web.panel.targets import TargetView
from tenantry.web.panel.tenants import TenantView
from tenantry.web.panel.watched import (
    HostnameWatchView,
    KeyView,
    LetterView,
    OutageView,
    VersionView,
    WatchView,
)
from tenantry.web.panel.years import BackupView, LimitView, PolicyView, ReplicaView
from tenantry.web.places import Entry, set_up_places

# Category → its entries: view, model, name, endpoint. The order is the sidebar's.
VIEWS: dict[str, tuple[tuple[Any, Any, str, str], ...]] = {
    "Fleet": (
        (TenantView, Tenant, "Tenants", "tenants"),
        (DeploymentView, Deployment, "Deployments", "deployments"),
        (JobView, JobRecord, "Jobs", "jobs"),
        (FailureView, FailureNote, "Failures", "failures"),
        (DriftView, DriftFinding, "Drift", "drift"),
    ),
    "Blueprints": (
        (ProductView, ProjectTemplate, "Products", "products"),
        (ReleaseView, TemplateRelease, "Releases", "releases"),
    ),
    "Security": (
        (SecretView, IntegrationSecret, "Secrets", "secrets"),
        (AuditView, AuditEntry, "Audit", "audit"),
        (StaffView, User, "Staff", "staff"),
    ),
    "Tools": ((TargetView, TargetRow, "Targets", "targets"),),
    "Records": (
        (ServiceTemplateView, ServiceTemplate, "Service templates", "service-templates"),
        (ServiceView, TenantService, "Tenant services", "services"),
        (DomainView, TenantDomain, "Hostnames", "hostnames"),
        (StepView, DeploymentStep, "Steps", "steps"),
        (FailedStepView, DeploymentStep, "Failed steps", "failed-steps"),
        (AttemptView, StepAttempt, "Attempts", "attempts"),
        (LogView, LogEntry, "Log lines", "log-lines"),
        (ChangeView, StatusChange, "Status changes", "status-changes"),
        (HealthView, HealthCheck, "Health checks", "health-checks"),
        (BackupView, BackupRecord, "Backups", "backups"),
        (PolicyView, BackupPolicy, "Backup policies", "backup-policies"),
        (OutageView, Outage, "Outages", "outages"),
        (WatchView, ServiceWatch, "Watched services", "watched-services"),
        (HostnameWatchView, HostnameWatch, "Watched hostnames", "watched-hostnames"),
        (LetterView, LetterOutbox, "Letters", "letters"),
        (KeyView, EnvVar, "Environment keys", "environment-keys"),
        (VersionView, EnvVersion, "Environment versions", "environment-versions"),
        (LimitView, ResourceLimits, "Limits", "limits"),
        (ReplicaView, ReplicaObservation, "Containers", "containers"),
        (RoleView, Role, "Roles", "roles"),
    ),
}


def set_up_panel(app: Flask) -> None:
    """Registers every view."""
    admin = Admin(
        app,
        name="Tenantry",
        index_view=OverviewView(name="Overview", endpoint="overview", url="/"),
        theme=BootstrapTheme(folder="bootstrap4", base_template="frame.html"),
        # Its own scripts and styles are not served at all: no page of ours asks for them.
        static_url_path="/unused",
        csp_nonce_generator=nonce,
    )
    for category, entries in VIEWS.items():
        for view, model, name, endpoint in entries:
            admin.add_view(view(model, name=name, endpoint=endpoint, category=category))
    set_up_places(app, _entries())


def _entries() -> Iterator[Entry]:
    yield Entry("Overview", OverviewView.icon, "overview.index", "", "viewer")
    for group, entries in VIEWS.items():
        for view, _, name, endpoint in entries:
            yield Entry(name, view.icon, f"{endpoint}.index_view", group, view.role)
        if group == "Tools":
            yield Entry("Flower", "flower-2", "flower.look", group, "operator")
