"""Tenants: adding a client, with everything that must exist before the first deployment."""

from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.journal import status_changed
from tenantry.models import (
    ProjectTemplate,
    ServiceTemplate,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.models.base import as_public_id, uuid7
from tenantry.operations import environments, secrets, targets
from tenantry.operations.actors import Actor, record
from tenantry.operations.shapes import TenantShape, load
from tenantry.planning import databases, environment, inputs, naming
from tenantry.planning.states import NEW
from tenantry.ports import SecretStore

LONGEST_DATABASE_NAME = 30


def add(
    session: Session,
    actor: Actor,
    template: ProjectTemplate,
    document: object,
    store: SecretStore,
    *,
    even_inactive: bool = False,
    public_id: UUID | None = None,
) -> Tenant:
    """
    A new tenant with its services, hostnames and database password; nothing is deployed yet.

    An inactive product takes none, unless one that it has had elsewhere comes back. `public_id` is
    for a caller who may ask twice and must find what came of the first time.

    Every hostname it will use is reserved here, and every marker and password is made here once,
    before anything uses it. Conflict where the subdomain or a hostname is taken, also by somebody
    at the same moment; Invalid for bad input. Nothing is stored then.
    """
    data = load(TenantShape(), document)
    if not template.active and not even_inactive:
        raise Conflict(f"{template.name} is not active and takes no new tenants")
    subdomain = naming.subdomain(data["subdomain"])
    target = targets.usable(session, data["target"] or template.target_name)
    env = environment.check_values(data["env"], environments.known_of(session, template))
    tenant = Tenant(
        public_id=(own_id := public_id or uuid7()),
        project_id=template.id,
        name=" ".join(data["name"].split()),
        client_ref=data["client_ref"],
        subdomain=subdomain,
        target_name=target.name,
        server_id=template.server_id,
        external_ref=naming.marker(own_id),
        notify_emails=list(inputs.emails(data["notify_emails"])),
        created_by_id=actor.user_id,
    )
    if not tenant.name:
        raise Invalid("name", "must not be empty")
    try:
        with session.begin_nested():
            session.add(tenant)
            session.flush()
            _came(session, actor, "tenant", tenant.id, "pending")
            for service in _live(template):
                _add_service(session, actor, tenant, service, store)
            _reserve(session, tenant, template)
            environments.set_first(session, actor, store, tenant, env)
    except IntegrityError as trouble:
        raise _taken(trouble, data, subdomain) from None
    record(session, actor, "tenant.add", tenant, after={"subdomain": subdomain})
    return tenant


def _live(template: ProjectTemplate) -> list[ServiceTemplate]:
    return sorted((s for s in template.services if s.active), key=lambda s: (s.order, s.id))


def _came(session: Session, actor: Actor, thing: str, row_id: int, state: str) -> None:
    status_changed(session.connection(), thing, [row_id], NEW, state, "added", actor.name)


def _add_service(
    session: Session,
    actor: Actor,
    tenant: Tenant,
    service: ServiceTemplate,
    store: SecretStore,
) -> TenantService:
    row = TenantService(
        public_id=(public_id := uuid7()),
        tenant_id=tenant.id,
        service_template_id=service.id,
        name=service.name,
        service_type=service.service_type,
        external_ref=naming.marker(public_id),
        repo_url=service.repo_url,
        repo_branch=service.repo_branch,
        image=service.image,
    )
    session.add(row)
    session.flush()
    _came(session, actor, "service", row.id, "unknown")
    if service.service_type == "db":
        row.db_name = row.db_user = database_name(tenant.subdomain)
        secrets.put(
            session,
            actor,
            store,
            databases.PASSWORD,
            secrets.generated(32),
            secret_type="db_password",  # noqa: S106 — a kind, not a secret
            tenant_service_id=row.id,
        )
    return row


def database_name(subdomain: str) -> str:
    """Letters, digits and _, beginning with a letter: legal in every kind."""
    return ("t_" + subdomain.replace("-", "_"))[:LONGEST_DATABASE_NAME]


def hostnames(template: ProjectTemplate, subdomain: str) -> dict[str, str]:
    """
    Service → hostname. The frontend, else the first exposed service, owns the bare one.

    Pure but for reading the template's services; Invalid where a label grows too long.
    """
    exposed = [s for s in _live(template) if s.expose_domain and s.service_type != "db"]
    exposed.sort(key=lambda s: s.service_type != "frontend")
    return {
        service.name: naming.hostname(
            subdomain, template.base_domain, service.name if place else None
        )
        for place, service in enumerate(exposed)
    }


def _reserve(session: Session, tenant: Tenant, template: ProjectTemplate) -> None:
    rows = {
        s.name: s
        for s in session.scalars(select(TenantService).where(TenantService.tenant_id == tenant.id))
    }
    bare = naming.hostname(tenant.subdomain, template.base_domain)
    for name, hostname in hostnames(template, tenant.subdomain).items():
        rows[name].domain = hostname
        session.add(
            TenantDomain(
                tenant_id=tenant.id,
                tenant_service_id=rows[name].id,
                hostname=hostname,
                primary=hostname == bare,
            )
        )
    session.flush()


def _taken(trouble: IntegrityError, data: dict[str, Any], subdomain: str) -> Exception:
    words = str(trouble.orig)
    if "client_ref" in words:
        return Conflict(f"client_ref: {data['client_ref']!r} belongs to another tenant")
    if "hostname" in words:
        return Conflict(f"subdomain: a hostname of {subdomain!r} is reserved for another tenant")
    return Conflict(f"subdomain: {subdomain!r} belongs to another tenant")


def sync_services(
    session: Session, actor: Actor, tenant: Tenant, template: ProjectTemplate, store: SecretStore
) -> None:
    """
    Rows and hostnames for what the product has gained since the tenant was added: services, and
    services that are exposed now. A hostname once given stays with its service.
    """
    there = {s.service_template_id for s in tenant.services}
    new = [s for s in _live(template) if s.id not in there]
    for service in new:
        _add_service(session, actor, tenant, service, store)
    if new:
        session.expire(tenant, ["services"])
    rows = {s.name: s for s in tenant.services}
    wanted = hostnames(template, tenant.subdomain)
    without = {name: host for name, host in wanted.items() if rows[name].domain is None}
    if not without:
        return
    taken = set(
        session.scalars(
            select(TenantDomain.hostname).where(
                TenantDomain.tenant_id == tenant.id, TenantDomain.deleted_at.is_(None)
            )
        )
    )
    bare = naming.hostname(tenant.subdomain, template.base_domain)
    for name, wish in without.items():
        # Another service of the tenant may own the bare one since before this one came.
        own = naming.hostname(tenant.subdomain, template.base_domain, name)
        hostname = own if wish in taken else wish
        rows[name].domain = hostname
        session.add(
            TenantDomain(
                tenant_id=tenant.id,
                tenant_service_id=rows[name].id,
                hostname=hostname,
                primary=hostname == bare,
            )
        )
    try:
        session.flush()
    except IntegrityError:
        raise Conflict("a hostname of a new service is reserved for another tenant") from None


def find(session: Session, name: str, *, away: bool = False) -> Tenant:
    """
    A live tenant by subdomain or public id; NotFound otherwise.

    `away` finds one that has left too, the newest of that subdomain.
    """
    live = select(Tenant) if away else select(Tenant).where(Tenant.deleted_at.is_(None))
    row = session.scalar(
        live.where(func.lower(Tenant.subdomain) == name.lower())
        .order_by(Tenant.deleted_at.is_not(None), Tenant.id.desc())
        .limit(1)
    )
    if row is None and (key := as_public_id(name)):
        row = session.scalar(live.where(Tenant.public_id == key))
    if row is None:
        raise NotFound(f"There is no tenant {name}")
    return row
