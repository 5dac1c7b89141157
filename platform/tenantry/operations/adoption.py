"""
Taking over a project that stands on a target already, as a tenant, without deploying anything.

Rows refer to what was found; the deployment of the action `adopt` then writes our marker and turns
automatic deploys off, and nothing else.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tenantry.engine.aftermath import let_go
from tenantry.engine.transitions import move
from tenantry.errors import Conflict, Invalid
from tenantry.models import (
    IntegrationSecret,
    ProjectTemplate,
    Tenant,
    TenantDomain,
    TenantService,
)
from tenantry.models.dbtime import db_now
from tenantry.operations import deployments, hostnames, secrets, targets, templates, tenants
from tenantry.operations.actors import Actor, record
from tenantry.operations.desk import Desk
from tenantry.operations.found_projects import Found
from tenantry.operations.wishes import Wish
from tenantry.planning.actions import ADOPT
from tenantry.planning.adoption import PROJECT
from tenantry.planning.databases import PASSWORD, keeps_its_data
from tenantry.ports import ComposeSeen, DatabaseSeen, SecretStore

OURS = "tenantry:"


@dataclass(frozen=True, slots=True)
class Adoption:
    """
    What is asked for.

    `password` is the database's own; None leaves it unknown: then whatever writes an environment
    with it fails, and says so, until it is set as a secret.
    """

    product: str
    subdomain: str
    name: str
    target: str | None = None
    client_ref: str | None = None
    notify_emails: tuple[str, ...] = ()
    db_name: str | None = None
    db_user: str | None = None
    password: str | None = field(default=None, repr=False)


def start(desk: Desk, actor: Actor, wanted: Adoption, found: Found, key: str | None = None) -> str:
    """Tenant and deployment in one transaction; the deployment's public id."""

    def act(session: Session) -> tuple[str, int]:
        targets.sync(session, desk.settings.targets)
        tenant = adopt(session, actor, desk.secrets, wanted, found)
        made = deployments.create(
            session, actor, tenant, desk.secrets, wish=wish_of(found), request_key=key
        )
        return str(made.public_id), made.target_id

    public_id, target_id = desk.do(act)
    desk.dispatcher.admit(target_id)
    return public_id


def wish_of(found: Found) -> Wish:
    """The deployment that marks what was found."""
    return Wish(action=ADOPT, marks=(PROJECT, *found.services), why="taken over")


def adopt(
    session: Session, actor: Actor, store: SecretStore, wanted: Adoption, found: Found
) -> Tenant:
    """
    The tenant and its services with the ids and names that were found, its hostnames reserved.

    Conflict where a tenant has the project, one of its services or a hostname already, or where
    something carries the marker of another installation. Nothing is stored then.
    """
    template = templates.find(session, wanted.product)
    target = wanted.target or template.target_name
    _refuse_known(session, target, found)
    _refuse_other_data(template, found)
    document: dict[str, Any] = {
        "name": wanted.name,
        "subdomain": wanted.subdomain,
        "client_ref": wanted.client_ref,
        "target": wanted.target,
        "notify_emails": list(wanted.notify_emails),
        "env": {},
    }
    tenant = tenants.add(session, actor, template, document, store)
    session.refresh(tenant)
    tenant.adopted_at = db_now()
    tenant.dokploy_project_id = found.project.id
    tenant.dokploy_environment_id = found.project.environment_id
    tenant.server_id = next(iter(seen.server_id for seen in found.services.values()))
    for row in tenant.services:
        _refer(row, found)
        _reserve(session, actor, tenant, row, found)
        if row.service_type == "db":
            _database(session, actor, store, row, wanted)
    session.flush()
    record(session, actor, "tenant.adopt", tenant, after=_words(found))
    session.refresh(tenant)
    return tenant


def _refuse_known(session: Session, target: str, found: Found) -> None:
    ids = [seen.id for seen in found.services.values()]
    known = session.scalar(
        select(Tenant)
        .outerjoin(TenantService, TenantService.tenant_id == Tenant.id)
        .where(
            Tenant.target_name == target,
            Tenant.deleted_at.is_(None),
            or_(
                Tenant.dokploy_project_id == found.project.id,
                TenantService.app_id.in_(ids),
                TenantService.compose_id.in_(ids),
                TenantService.db_id.in_(ids),
            ),
        )
        .limit(1)
    )
    if known is not None:
        raise Conflict(f"{known.name} ({known.subdomain}) has this project, or a service of it")
    described = [found.project.description, *(s.description for s in found.services.values())]
    marks = {word for words in described for word in words.split() if word.startswith(OURS)}
    for marker in sorted(marks):
        if not _was_ours(session, marker):
            raise Conflict(f"It carries the marker of another tenant, or another house: {marker}")


def _refuse_other_data(template: ProjectTemplate, found: Found) -> None:
    """A later deployment pins the product's image: it must be able to read what is there."""
    for seen in found.services.values():
        if not isinstance(seen, DatabaseSeen) or seen.kind == "libsql":
            continue
        if not keeps_its_data(seen.kind, seen.image, template.db_image):
            raise Conflict(
                f"The database's data was written by {seen.image}, which {template.db_image} of "
                "the product cannot read"
            )


def _was_ours(session: Session, marker: str) -> bool:
    """Whether a tenant of ours that is gone has left it behind."""
    found = session.scalar(
        select(Tenant.id)
        .outerjoin(TenantService, TenantService.tenant_id == Tenant.id)
        .where(
            Tenant.deleted_at.is_not(None),
            or_(Tenant.external_ref == marker, TenantService.external_ref == marker),
        )
        .limit(1)
    )
    return found is not None


def _refer(row: TenantService, found: Found) -> None:
    seen = found.services.get(row.name)
    if seen is None:
        return
    row.app_name = seen.app_name
    if isinstance(seen, DatabaseSeen):
        row.db_id = seen.id
    elif isinstance(seen, ComposeSeen):
        row.compose_id = seen.id
    else:
        row.app_id = seen.id


def _reserve(
    session: Session, actor: Actor, tenant: Tenant, row: TenantService, found: Found
) -> None:
    """
    Its own hostname stays as it is found; others that are routed wait for their owner's proof.

    Those that we may never route (names of other products) are left to the look for drift.
    """
    hosts = list(dict.fromkeys(d.host.lower() for d in found.domains(row.name)))
    if row.domain is None or not hosts:
        return
    if row.domain not in hosts:
        _rename(session, row, hosts[0])
    for host in hosts:
        if host != row.domain:
            try:
                hostnames.add(session, actor, tenant, row.name, host)
            except Invalid:
                continue


def _rename(session: Session, row: TenantService, host: str) -> None:
    reserved = session.scalars(
        select(TenantDomain).where(
            TenantDomain.tenant_service_id == row.id, TenantDomain.deleted_at.is_(None)
        )
    ).one()
    try:
        with session.begin_nested():
            reserved.hostname = row.domain = host
            session.flush()
    except IntegrityError:
        raise Conflict(f"hostname: {host} is reserved for another tenant") from None


def _database(
    session: Session, actor: Actor, store: SecretStore, row: TenantService, wanted: Adoption
) -> None:
    row.db_name = wanted.db_name or row.db_name
    row.db_user = wanted.db_user or row.db_user
    if row.db_id is None and row.app_id is None:
        return
    if wanted.password:
        secrets.put(
            session,
            actor,
            store,
            PASSWORD,
            wanted.password,
            secret_type="db_password",  # noqa: S106 — a kind, not a secret
            tenant_service_id=row.id,
        )
        return
    # A made-up one would be sent to the application as if it opened its database.
    session.execute(delete(IntegrationSecret).where(IntegrationSecret.tenant_service_id == row.id))


def _words(found: Found) -> Mapping[str, Any]:
    return {
        "project": found.project.id,
        "services": {name: seen.id for name, seen in found.services.items()},
    }


def give_up(session: Session, actor: Actor, tenant: Tenant) -> None:
    """
    Lets a take-over go that has not succeeded: its names are free, the target is not touched.

    Conflict for a tenant that was never taken over, or is up already.
    """
    if tenant.adopted_at is None or tenant.completed_at is not None:
        raise Conflict(f"{tenant.name} is not being taken over")
    deployments.refuse_if_active(session, tenant)
    session.flush()
    conn = session.connection()
    move(conn, "tenant", "archived", Tenant.id == tenant.id, reason="the take-over was given up")
    let_go(conn, tenant.id)
    session.refresh(tenant)
    tenant.deleted_at, tenant.active = db_now(), False
    record(session, actor, "tenant.give_up", tenant)
