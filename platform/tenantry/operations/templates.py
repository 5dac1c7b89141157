"""Products: loading and changing a ProjectTemplate, and freezing its releases."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import exists, func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import (
    IntegrationSecret,
    ProjectTemplate,
    ServiceTemplate,
    TemplateRelease,
    Tenant,
    TenantService,
)
from tenantry.models.base import as_public_id
from tenantry.operations import secrets, targets
from tenantry.operations.actors import Actor, record
from tenantry.operations.checks import DB_SERVICE, checked
from tenantry.planning import databases
from tenantry.ports import SecretStore

_PLAIN = (
    "name description base_domain db_required db_type db_image db_url_secret default_env "
    "notify_emails https certificate server_id active".split()
)
_SERVICE_PLAIN = (
    "service_type order repo_url repo_branch image build_config port health_path expected_status "
    "health_retries internal_provision_endpoint active compose_file compose_service volumes "
    "replicas limits stop_first".split()
)


def save(session: Session, actor: Actor, document: object, store: SecretStore) -> ProjectTemplate:
    """
    Creates or changes a product from a whole document, and freezes a release if it changed.

    Found by slug. Services that are no longer named are deactivated, never deleted: tenants refer
    to them. Invalid names the first field that is wrong; nothing is stored then.
    """
    data = checked(document)
    # Locked, so that two who save at once do not freeze two releases of one number.
    template = session.scalar(
        select(ProjectTemplate)
        .where(ProjectTemplate.slug == data["slug"])
        .with_for_update(key_share=True)
    )
    targets.usable(session, data["target"])
    before = snapshot(template) if template else None
    if template is None:
        template = ProjectTemplate(slug=data["slug"], created_by_id=actor.user_id, services=[])
        session.add(template)
    else:
        _keep_their_data(session, template, data)
    for name in _PLAIN:
        setattr(template, name, data[name])
    template.target_name = data["target"]
    _flush(session, data)
    made_up = [name for name in data["secrets"] if name != data["db_url_secret"]]
    _need_secrets(session, actor, store, template, made_up)
    _save_services(session, template, data["services"])
    _keep_database(session, template)
    release = freeze(session, template, actor)
    record(
        session,
        actor,
        "template.save",
        template,
        before=before,
        after=snapshot(template) | {"release": release.number},
    )
    return template


def _keep_their_data(session: Session, template: ProjectTemplate, data: Mapping[str, Any]) -> None:
    """Invalid for a change that would leave data of tenants behind, or in front of what cannot
    read it.
    """
    if not _has_databases(session, template):
        return
    if template.db_type != data["db_type"]:
        # The next deployment would make an empty one of the other kind beside it.
        raise Invalid("db_type", f"tenants have databases of kind {template.db_type}")
    old, new = template.db_image, data["db_image"]
    if data["db_required"] and not databases.keeps_its_data(template.db_type, old, new):
        raise Invalid("db_image", f"tenants have data written by {old}: it needs a migration", new)


def _flush(session: Session, data: Mapping[str, Any]) -> None:
    try:
        session.flush()
    except IntegrityError as trouble:
        if "base_domain" in str(trouble.orig):
            raise Invalid(
                "base_domain", "belongs to another active product", data["base_domain"]
            ) from None
        raise Invalid("name", "belongs to another product", data["name"]) from None


def _save_services(
    session: Session, template: ProjectTemplate, services: list[dict[str, Any]]
) -> None:
    there = {s.name: s for s in template.services}
    for data in services:
        row = there.pop(data["name"], None)
        if row is not None and bool(row.compose_file) != bool(data["compose_file"]):
            _not_while_it_runs(session, row)
        if row is None:
            row = ServiceTemplate(name=data["name"], project=template)
            session.add(row)
        for name in _SERVICE_PLAIN:
            setattr(row, name, data[name])
        row.expose_domain = data["expose_domain"]
        row.default_env = data["env"]
        row.internal_provision_token_secret_id = _secret_id(
            session, template, data["internal_provision_token_secret"]
        )
    for row in there.values():
        if row.service_type != "db":
            row.active = False
    session.flush()


def _not_while_it_runs(session: Session, row: ServiceTemplate) -> None:
    """An application and a stack are two things on a target: the old one would run on."""
    made = or_(TenantService.app_id.is_not(None), TenantService.compose_id.is_not(None))
    of_row = (TenantService.service_template_id == row.id, made)
    living = (Tenant.id == TenantService.tenant_id, Tenant.deleted_at.is_(None))
    if session.scalar(select(exists().where(*of_row, *living))):
        what = "a compose stack" if row.compose_file else "an application"
        raise Invalid(
            "services", f"tenants run {row.name} as {what}: give the new one another name"
        )


def _keep_database(session: Session, template: ProjectTemplate) -> None:
    """Exactly one `db` ServiceTemplate while `db_required`; unchecking deactivates it."""
    row = next((s for s in template.services if s.service_type == "db"), None)
    if row is None and template.db_required:
        row = ServiceTemplate(
            name=DB_SERVICE,
            project=template,
            service_type="db",
            order=0,
            expose_domain=False,
            build_config={},
            default_env={},
        )
        session.add(row)
    if row is not None:
        row.active = template.db_required
        if template.db_required:
            row.port = databases.facts(template.db_type).port
    session.flush()


def _has_databases(session: Session, template: ProjectTemplate) -> bool:
    return bool(
        session.scalar(
            select(
                exists().where(
                    TenantService.tenant_id == Tenant.id,
                    Tenant.project_id == template.id,
                    Tenant.deleted_at.is_(None),
                    TenantService.service_type == "db",
                    or_(TenantService.db_id.is_not(None), TenantService.app_id.is_not(None)),
                )
            )
        )
    )


def _secret_id(session: Session, template: ProjectTemplate, name: str | None) -> int | None:
    """The secret's row; `_need_secrets` has made it."""
    if name is None:
        return None
    return session.scalar(
        select(IntegrationSecret.id).where(
            IntegrationSecret.project_id == template.id, IntegrationSecret.name == name
        )
    )


def _need_secrets(
    session: Session,
    actor: Actor,
    store: SecretStore,
    template: ProjectTemplate,
    names: list[str],
) -> None:
    """A secret that does not exist yet gets a random value; staff may set another later."""
    there = set(secret_names(session, template))
    for name in names:
        if name not in there:
            secrets.put(session, actor, store, name, secrets.generated(), project_id=template.id)


def secret_names(session: Session, template: ProjectTemplate) -> list[str]:
    """Names of the product's own secrets."""
    return list(
        session.scalars(
            select(IntegrationSecret.name)
            .where(IntegrationSecret.project_id == template.id)
            .order_by(IntegrationSecret.name)
        )
    )


def snapshot(template: ProjectTemplate) -> dict[str, Any]:
    """Everything a deployment needs of a product, without secrets; deterministic."""
    plain = {name: getattr(template, name) for name in _PLAIN if name != "active"}
    services = [
        {name: getattr(s, name) for name in _SERVICE_PLAIN if name != "active"}
        | {
            "id": s.id,
            "name": s.name,
            "env": s.default_env,
            "expose_domain": s.expose_domain,
            "token_secret_id": s.internal_provision_token_secret_id,
        }
        for s in template.services
        if s.active
    ]
    services.sort(key=lambda s: (s["order"], s["id"] or 0, s["name"]))
    return plain | {"slug": template.slug, "target": template.target_name, "services": services}


def freeze(session: Session, template: ProjectTemplate, actor: Actor) -> TemplateRelease:
    """The newest release where it equals the product as it stands, else a new one."""
    session.flush()
    session.refresh(template, ["services"])
    frozen = snapshot(template)
    digest = hashlib.sha256(json.dumps(frozen, sort_keys=True).encode()).hexdigest()
    newest = session.scalar(
        select(TemplateRelease)
        .where(TemplateRelease.project_id == template.id)
        .order_by(TemplateRelease.number.desc())
        .limit(1)
    )
    if newest is not None and newest.digest == digest:
        return newest
    release = TemplateRelease(
        project_id=template.id,
        number=(newest.number if newest else 0) + 1,
        snapshot=frozen,
        digest=digest,
        created_by_id=actor.user_id,
    )
    session.add(release)
    session.flush()
    return release


def find(session: Session, name: str) -> ProjectTemplate:
    """By slug or public id; NotFound otherwise."""
    found = session.scalar(select(ProjectTemplate).where(ProjectTemplate.slug == name))
    if found is None and (key := as_public_id(name)):
        found = session.scalar(select(ProjectTemplate).where(ProjectTemplate.public_id == key))
    if found is None:
        raise NotFound(f"There is no product {name}")
    return found


def delete(session: Session, actor: Actor, template: ProjectTemplate) -> None:
    """Only while no tenant, not even an archived one, refers to it; deactivate it instead."""
    used = session.scalar(select(exists().where(Tenant.project_id == template.id)))
    used_service = session.scalar(
        select(func.count())
        .select_from(TenantService)
        .join(ServiceTemplate, ServiceTemplate.id == TenantService.service_template_id)
        .where(ServiceTemplate.project_id == template.id)
    )
    if used or used_service:
        raise Conflict(f"{template.name} has tenants; deactivate it instead")
    record(session, actor, "template.delete", template, before=snapshot(template))
    # The database takes services, releases and secrets along; the mapper would try to orphan them.
    session.execute(delete_rows(ProjectTemplate).where(ProjectTemplate.id == template.id))
    session.expire_all()
