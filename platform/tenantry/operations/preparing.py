"""From a tenant and a wish to the blueprint that would run; deployments and previews share it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from tenantry.errors import Invalid, NotFound
from tenantry.models import ProjectTemplate, TemplateRelease, Tenant
from tenantry.operations import blueprints, everything, templates, tenants
from tenantry.operations.actors import Actor
from tenantry.operations.wishes import ROLLED_OUT, Shaped, Wish, shape
from tenantry.planning import inputs
from tenantry.planning.differences import checks_only
from tenantry.planning.environment import check_overrides, known_names
from tenantry.planning.planner import changes
from tenantry.ports import SecretStore


def prepare(
    session: Session, actor: Actor, tenant: Tenant, store: SecretStore, wish: Wish
) -> tuple[Shaped, TemplateRelease | None]:
    """
    The blueprint that this wish would run, and its release.

    Brings the tenant's rows up to the release: in a transaction that is thrown away it is a
    preview.
    """
    if wish.rolled is not None:
        return shape(tenant, wish.rolled, wish), tenant_release(session, tenant, wish.release)
    if wish.action not in ROLLED_OUT:
        release = session.get(TemplateRelease, tenant.release_id) if tenant.release_id else None
        release = release or _release(session, tenant.project, actor)
        blueprint = blueprints.make(session, tenant, release)
        blueprint = everything.completed(session, tenant, blueprint, wish.action)
        return everything.of_what_is_there(tenant, shape(tenant, blueprint, wish)), release
    template = tenant.project
    tenants.sync_services(session, actor, tenant, template, store)
    if wish.release is None:
        release = _release(session, template, actor)
    else:
        release = tenant_release(session, tenant, wish.release)
    _copy_sources(tenant, release.snapshot)
    _set_refs(tenant, wish.refs)
    blueprint = blueprints.make(session, tenant, release, _overrides(session, release, wish))
    outside = blueprint.db_url_secret
    if outside and outside not in blueprint.secrets:
        raise Invalid("db_url_secret", "has no value yet: set the secret first", outside)
    shaped = shape(tenant, blueprint, wish)
    if not changes(shaped.blueprint) and _to_be_checked(session, tenant, release):
        shaped = replace(shaped, blueprint=checks_only(shaped.blueprint, wish.services))
    return shaped, release


def _to_be_checked(session: Session, tenant: Tenant, release: TemplateRelease) -> bool:
    """
    Whether a tenant of which nothing differs is to be looked at: its last deployment failed, or the
    release judges its health in another way than the one that it runs.
    """
    if tenant.completed_at is None or tenant.attention or tenant.release_id in {None, release.id}:
        return bool(tenant.completed_at and tenant.attention)
    runs = session.get(TemplateRelease, tenant.release_id)
    return runs is not None and _judged(runs) != _judged(release)


def _judged(release: TemplateRelease) -> list[tuple[Any, ...]]:
    names = ("name", "health_path", "expected_status", "health_retries")
    return [tuple(item.get(n) for n in names) for item in release.snapshot["services"]]


def _overrides(session: Session, release: TemplateRelease, wish: Wish) -> dict[str, str]:
    if wish.env == {}:
        return {}
    frozen = release.snapshot
    services = [s for s in frozen["services"] if s["service_type"] != "db"]
    known = known_names(
        [s["name"] for s in services],
        blueprints.secret_marks(session, release.project_id),
        database=frozen["db_required"],
        kind=frozen["db_type"],
        exposed=[s["name"] for s in services if s["expose_domain"]],
        outside=bool(frozen.get("db_url_secret")),
    )
    return check_overrides(wish.env, known)


def tenant_release(session: Session, tenant: Tenant, number: int | None) -> TemplateRelease:
    """The product's release of that number; NotFound where there is none."""
    found = session.scalar(
        select(TemplateRelease).where(
            TemplateRelease.project_id == tenant.project_id, TemplateRelease.number == number
        )
    )
    if found is None:
        raise NotFound(f"{tenant.project.name} has no release {number}")
    return found


def release_numbers(session: Session, project_id: int, most: int = 20) -> list[int]:
    """Of a product, newest first."""
    return list(
        session.scalars(
            select(TemplateRelease.number)
            .where(TemplateRelease.project_id == project_id)
            .order_by(TemplateRelease.number.desc())
            .limit(most)
        )
    )


def _release(session: Session, template: ProjectTemplate, actor: Actor) -> TemplateRelease:
    """
    The release of now.

    Made here only where an upgrade has changed what releases hold; two deployments may both do so.
    """
    try:
        with session.begin_nested():
            return templates.freeze(session, template, actor)
    except IntegrityError:
        return templates.freeze(session, template, actor)


def _copy_sources(tenant: Tenant, snapshot: Mapping[str, Any]) -> None:
    """Sources follow the release, except where staff have overridden them for this tenant."""
    by_name = {item["name"]: item for item in snapshot["services"]}
    for row in tenant.services:
        item = by_name.get(row.name)
        if item and not row.source_overridden:
            row.repo_url, row.repo_branch = item["repo_url"], item["repo_branch"]
            row.image = item["image"]


def _set_refs(tenant: Tenant, refs: Mapping[str, str]) -> None:
    """A branch, tag or image for a service; it stays with the tenant until staff let it go."""
    rows = {row.name: row for row in tenant.services}
    for name, ref in refs.items():
        row = rows.get(name)
        if row is None or row.service_type == "db":
            raise NotFound(f"{tenant.name} has no service {name}")
        if row.image is not None:
            at = "refs." + name
            plain = row.image.partition("@")[0].rpartition(":")
            stem = plain[0] if plain[1] and "/" not in plain[2] else row.image.partition("@")[0]
            full = f"{stem}@{ref}" if ref.startswith("sha256:") else f"{stem}:{ref}"
            row.image = inputs.image(ref if "/" in ref or ":" in ref[7:] else full, at)
        elif row.repo_url is not None:
            row.repo_branch = inputs.branch(ref, f"refs.{name}")
        else:
            raise Invalid(f"refs.{name}", "a compose stack has no branch or tag", ref)
        row.source_overridden = True
