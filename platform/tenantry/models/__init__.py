"""
Tables, one file for a noun; no behaviour beyond what a row knows of itself.

Importing this package knows every table, which migrations and tests rely on.
"""

from tenantry.models.base import Base
from tenantry.models.deployment import Deployment, DeploymentStep, JobRecord, StepAttempt
from tenantry.models.history import AuditEntry, HealthCheck, LogEntry, StatusChange
from tenantry.models.secret import IntegrationSecret
from tenantry.models.staff import Role, User, staff_roles
from tenantry.models.target import TargetRow
from tenantry.models.template import ProjectTemplate, ServiceTemplate, TemplateRelease
from tenantry.models.tenant import Tenant, TenantDomain, TenantService

__all__ = [
    "AuditEntry",
    "Base",
    "Deployment",
    "DeploymentStep",
    "HealthCheck",
    "IntegrationSecret",
    "JobRecord",
    "LogEntry",
    "ProjectTemplate",
    "Role",
    "ServiceTemplate",
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
