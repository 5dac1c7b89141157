"""
Tables, one file for a noun; no behaviour beyond what a row knows of itself.

Importing this package knows every table, which migrations and tests rely on.
"""

from tenantry.models.backup import BackupPolicy, BackupRecord
from tenantry.models.base import Base
from tenantry.models.deployment import Deployment, DeploymentStep, JobRecord, StepAttempt
from tenantry.models.drift import DriftFinding
from tenantry.models.environment import EnvVar, EnvVersion
from tenantry.models.history import AuditEntry, HealthCheck, LogEntry, StatusChange
from tenantry.models.panel import FailureNote, SavedView
from tenantry.models.running import ReplicaObservation, ResourceLimits
from tenantry.models.secret import IntegrationSecret
from tenantry.models.staff import Role, User, staff_roles
from tenantry.models.target import TargetRow
from tenantry.models.template import ProjectTemplate, ServiceTemplate, TemplateRelease
from tenantry.models.tenant import Tenant, TenantDomain, TenantService
from tenantry.models.watching import (
    HealthRollup,
    HostnameWatch,
    LetterOutbox,
    Outage,
    ServiceWatch,
)

__all__ = [
    "AuditEntry",
    "BackupPolicy",
    "BackupRecord",
    "Base",
    "Deployment",
    "DeploymentStep",
    "DriftFinding",
    "EnvVar",
    "EnvVersion",
    "FailureNote",
    "HealthCheck",
    "HealthRollup",
    "HostnameWatch",
    "IntegrationSecret",
    "JobRecord",
    "LetterOutbox",
    "LogEntry",
    "Outage",
    "ProjectTemplate",
    "ReplicaObservation",
    "ResourceLimits",
    "Role",
    "SavedView",
    "ServiceTemplate",
    "ServiceWatch",
    "StatusChange",
    "StepAttempt",
    "TargetRow",
    "TemplateRelease",
    "Tenant",
    "TenantDomain",
    "TenantService",
    "User",
    "staff_roles",
]
