"""What saving a product would change, and whom it touches; asked before anything is written."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from tenantry.errors import NotFound
from tenantry.models import ProjectTemplate, TemplateRelease, Tenant, User
from tenantry.models.base import as_public_id
from tenantry.operations import effective, templates, tenants
from tenantry.operations.actors import Actor
from tenantry.planning.environment import PLACEHOLDER, constant
from tenantry.planning.naming import hostname
from tenantry.planning.release_changes import Change, changes
from tenantry.ports import SecretStore

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Draft:
    """
    A product as it would be: its release number then, and what differs from now.

    `new` where there is no such product yet; `number` stays where nothing differs.
    """

    name: str
    new: bool
    number: int
    changes: Sequence[Change]
    activity: str = ""

    @property
    def nothing(self) -> bool:
        """Whether saving it would change nothing."""
        return not self.new and not self.changes and not self.activity


@dataclass(frozen=True, slots=True)
class Running:
    """How many live tenants run a release; None for those that never ran one."""

    number: int | None
    tenants: int


def draft(session: Session, slug: str | None, save: Callable[[], ProjectTemplate]) -> Draft:
    """What `save` changes of the product of that slug; the caller throws the transaction away."""
    there = templates.find(session, slug) if slug else None
    before = templates.snapshot(there) if there else {}
    was_active = there.active if there else True
    saved = save()
    told = changes(before, templates.snapshot(saved)) if there else []
    activity = ""
    if was_active != saved.active:
        activity = "takes new tenants again" if saved.active else "takes no new tenants any more"
    return Draft(saved.name, there is None, newest_number(session, saved), told, activity)


def newest_number(session: Session, template: ProjectTemplate) -> int:
    """The number of the newest release; 0 for none."""
    numbers = select(func.max(TemplateRelease.number)).where(
        TemplateRelease.project_id == template.id
    )
    return session.scalar(numbers) or 0


def running(session: Session, project_id: int) -> list[Running]:
    """Which releases live tenants run, the newest first; one query."""
    rows = session.execute(
        select(TemplateRelease.number, func.count(Tenant.id))
        .select_from(Tenant)
        .outerjoin(TemplateRelease, TemplateRelease.id == Tenant.release_id)
        .where(Tenant.project_id == project_id, Tenant.deleted_at.is_(None))
        .group_by(TemplateRelease.number)
        .order_by(TemplateRelease.number.desc())
    )
    found = [Running(row[0], row[1]) for row in rows]
    return sorted(found, key=lambda one: -(one.number or 0))


def touched(session: Session, project_id: int, number: int | None = None) -> Sequence[Tenant]:
    """Live tenants of a product by name, at most fifty; of one release where it is named."""
    query = select(Tenant).where(Tenant.project_id == project_id, Tenant.deleted_at.is_(None))
    if number is not None:
        query = query.join(TemplateRelease, TemplateRelease.id == Tenant.release_id).where(
            TemplateRelease.number == number
        )
    return session.scalars(query.order_by(func.lower(Tenant.name)).limit(SHOWN)).all()


def releases(session: Session, project_id: int, most: int = 20) -> Sequence[Any]:
    """Number, time and author of the newest releases; snapshots stay where they are."""
    release = TemplateRelease
    return session.execute(
        select(release.number, release.created_at, User.email)
        .select_from(release)
        .outerjoin(User, User.id == release.created_by_id)
        .where(release.project_id == project_id)
        .order_by(release.number.desc())
        .limit(most)
    ).all()


def between(
    session: Session, project_id: int, older: int, newer: int
) -> tuple[TemplateRelease, list[Change]]:
    """The newer release, and what differs from the older one (0: from nothing)."""
    rows = session.scalars(
        select(TemplateRelease).where(
            TemplateRelease.project_id == project_id, TemplateRelease.number.in_((older, newer))
        )
    )
    by_number = {row.number: row for row in rows}
    if newer not in by_number or (older and older not in by_number):
        raise NotFound("There is no such release")
    before = by_number[older].snapshot if older else {}
    return by_number[newer], changes(before, by_number[newer].snapshot)


def values_of(
    session: Session,
    actor: Actor,
    store: SecretStore,
    document: Mapping[str, Any],
    tenant_key: str,
) -> tuple[str, dict[str, list[effective.Line]]]:
    """
    What each service of a tenant would be given under this document; the caller throws it away.

    Placeholders that stand for plain facts are filled in, others stay. NotFound for a tenant of
    another product.
    """
    saved = templates.save(session, actor, document, store)
    tenant = session.scalar(
        select(Tenant).where(
            Tenant.public_id == as_public_id(tenant_key),
            Tenant.project_id == saved.id,
            Tenant.deleted_at.is_(None),
        )
    )
    if tenant is None:
        raise NotFound("There is no such tenant of this product")
    tenants.sync_services(session, actor, tenant, saved, store)
    facts = _facts(saved, tenant)
    found = {
        name: [_filled(line, facts) for line in lines]
        for name, lines in effective.overview(session, store, tenant).items()
    }
    return tenant.name, found


def _facts(template: ProjectTemplate, tenant: Tenant) -> dict[str, str]:
    """Placeholders whose values are no secret and known before a deployment."""
    scheme = "https" if template.https else "http"
    bare = hostname(tenant.subdomain, template.base_domain)
    facts = {
        "TENANT_ID": str(tenant.public_id),
        "TENANT_NAME": tenant.name,
        "TENANT_SUBDOMAIN": tenant.subdomain,
        "BASE_DOMAIN": template.base_domain,
    }
    for row in tenant.services:
        name = constant(row.name)
        if row.domain:
            facts[f"{name}_HOSTNAME"] = row.domain
            facts[f"{name}_URL"] = f"{scheme}://{row.domain}"
            if row.domain == bare:
                facts |= {"PRIMARY_HOSTNAME": bare, "PRIMARY_URL": f"{scheme}://{bare}"}
        if row.app_name and row.service_type != "db":
            facts[f"{name}_INTERNAL_HOST"] = row.app_name
    return facts


def _filled(line: effective.Line, facts: Mapping[str, str]) -> effective.Line:
    if line.secret:
        return line
    shown = PLACEHOLDER.sub(lambda match: facts.get(match[1], match[0]), line.shown)
    return replace(line, shown=shown)
