"""Going back to an earlier deployment: what it ran, and what of that cannot come back."""

from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.errors import Conflict
from tenantry.models import Deployment, DeploymentStep, TemplateRelease, Tenant
from tenantry.operations import blueprints, deployments
from tenantry.operations.wishes import ROLLED_OUT, Wish
from tenantry.planning.actions import ROLLBACK
from tenantry.planning.blueprint import Blueprint, ServiceSpec, from_json
from tenantry.planning.catalogue import service_key
from tenantry.planning.sources import ImageSource


@dataclass(frozen=True, slots=True)
class Return:
    """
    A rollback as it would be.

    `cannot` are sentences on what will not be as it was then; staff see them before the click.
    """

    wish: Wish
    cannot: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Then:
    """What the history keeps of a service's last roll-out up to then."""

    digest: str | None
    commit: str | None
    rollback_id: str | None


def candidates(session: Session, tenant: Tenant, limit: int = 20) -> list[Deployment]:
    """Earlier successful roll-outs of a tenant, newest first, without the one that runs now."""
    found = session.scalars(
        select(Deployment)
        .where(
            Deployment.tenant_id == tenant.id,
            Deployment.status == "succeeded",
            Deployment.action.in_(ROLLED_OUT),
        )
        .order_by(Deployment.id.desc())
        .limit(limit + 1)
    ).all()
    return list(found[1:])


def prepare(session: Session, tenant: Tenant, public_id: str, why: str = "") -> Return:
    """
    The rollback to a deployment of this tenant.

    NotFound for another tenant's or none; Conflict for one that did not succeed, is the newest, or
    whose release or services are gone.
    """
    then = deployments.find(session, public_id)
    if then.tenant_id != tenant.id or then.action not in ROLLED_OUT:
        raise Conflict(f"That deployment is none of {tenant.name} that can be gone back to")
    if then.status != "succeeded":
        raise Conflict(f"That deployment is {then.status}: only what once ran can come back")
    newest = session.scalar(
        select(Deployment.id)
        .where(
            Deployment.tenant_id == tenant.id,
            Deployment.status == "succeeded",
            Deployment.action.in_(ROLLED_OUT),
        )
        .order_by(Deployment.id.desc())
        .limit(1)
    )
    if newest == then.id:
        raise Conflict("That deployment is what runs now")
    release = session.get(TemplateRelease, then.release_id) if then.release_id else None
    if release is None:
        raise Conflict("The release of that deployment is gone: its template was removed")
    snapshot = from_json(then.blueprint)
    _services_there(tenant, snapshot)
    rolled, cannot, deeds = _as_then(session, tenant, then, snapshot)
    now = blueprints.make(session, tenant, release)
    names = {spec.name: spec for spec in now.services}
    rolled = replace(
        rolled,
        # A hostname that was taken back since may be somebody else's by now.
        services=tuple(_with_names_of(names.get(spec.name), spec) for spec in rolled.services),
        tenant_name=tenant.name,
        notify_emails=now.notify_emails,
        backup=now.backup,
        # Secrets are as they are now: only their references are kept.
        secrets=now.secrets,
        api_key_secret=now.api_key_secret,
    )
    wish = Wish(
        action=ROLLBACK,
        release=release.number,
        rolled=rolled,
        deeds=deeds,
        why=why or f"back to {public_id}",
    )
    return Return(wish, tuple(cannot))


def _with_names_of(now: ServiceSpec | None, then: ServiceSpec) -> ServiceSpec:
    if now is None:
        return replace(then, aliases=(), retired=())
    # What staff have scaled since stays as they want it.
    return replace(
        then,
        aliases=now.aliases,
        retired=now.retired,
        replicas=now.replicas,
        limits=now.limits,
    )


def _services_there(tenant: Tenant, snapshot: Blueprint) -> None:
    rows = {row.name for row in tenant.services}
    gone = [spec.name for spec in snapshot.services if spec.name not in rows]
    if gone:
        raise Conflict(f"The service {gone[0]} of that deployment is gone")


def _as_then(
    session: Session, tenant: Tenant, then: Deployment, snapshot: Blueprint
) -> tuple[Blueprint, list[str], dict[str, tuple[str, ...]]]:
    rows = {row.name: row for row in tenant.services}
    services, cannot = [], []
    deeds: dict[str, tuple[str, ...]] = {}
    for spec in snapshot.services:
        was = _then(session, tenant, then, spec.name)
        now = rows[spec.name]
        plain = replace(spec, deeds=None, fresh_build=False, roll_back=None, roll_back_commit=None)
        if spec.image:
            plain, words = _image_of(plain, was)
            cannot += words
        elif spec.git and was.commit and was.commit != now.commit_hash:
            if was.rollback_id:
                plain = replace(plain, roll_back=was.rollback_id, roll_back_commit=was.commit)
                deeds[spec.name] = ("deploy",)
            else:
                cannot.append(
                    f"{spec.name} was commit {was.commit[:10]}; {spec.git.branch} may have moved "
                    "on since, and a commit by itself cannot be cloned: it is built as the branch "
                    "is now. A tag would come back exactly."
                )
        services.append(plain)
    if snapshot.database:
        cannot.append("The contents of the database stay as they are now.")
    return replace(snapshot, services=tuple(services)), cannot, deeds


def _image_of(spec: ServiceSpec, was: _Then) -> tuple[ServiceSpec, list[str]]:
    """The very image of then by its digest; by its tag where the digest was never told."""
    assert spec.image is not None
    name = spec.image.image.partition("@")[0]
    if was.digest:
        stem = name if ":" not in name.rpartition("/")[2] else name.rpartition(":")[0]
        return replace(spec, image=ImageSource(f"{stem}@{was.digest}")), [
            f"{spec.name} comes back only while its registry still has {was.digest[:19]}…"
        ]
    if "@" in spec.image.image:
        return spec, []
    return spec, [f"{spec.name} is pulled by its tag {name}, which may name another image now."]


def _then(session: Session, tenant: Tenant, then: Deployment, name: str) -> _Then:
    step = DeploymentStep
    details: Any = session.scalar(
        select(step.details)
        .join(Deployment, Deployment.id == step.deployment_id)
        .where(
            Deployment.tenant_id == tenant.id,
            Deployment.id <= then.id,
            step.step_key.in_((service_key(name, "wait_deploy"), service_key(name, "roll_back"))),
            step.status == "success",
        )
        .order_by(step.id.desc())
        .limit(1)
    )
    kept = details or {}
    return _Then(kept.get("digest"), kept.get("commit"), kept.get("rollbackId"))
