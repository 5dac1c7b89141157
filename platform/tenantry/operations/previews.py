"""What a deployment would do, in words, before anything is written."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from tenantry.models import Tenant
from tenantry.operations import certificates, everything
from tenantry.operations.actors import Actor
from tenantry.operations.preparing import prepare
from tenantry.operations.wishes import ROLLED_OUT, Shaped, Wish
from tenantry.planning.actions import SUSPEND, TEARDOWN
from tenantry.planning.catalogue import kind_of
from tenantry.planning.compose_file import lost_keys
from tenantry.planning.differences import PARTS
from tenantry.planning.planner import changes, plan
from tenantry.ports import SecretStore


@dataclass(frozen=True, slots=True)
class PlannedLine:
    """One step of the preview."""

    key: str
    service: str | None
    title: str


@dataclass(frozen=True, slots=True)
class Preview:
    """
    The plan and the difference.

    `nothing` means that there is nothing to do. `differing` is service → parts in people's words.
    `warnings` are what staff should know before the click.
    """

    nothing: bool
    release: int | None
    steps: tuple[PlannedLine, ...]
    differing: dict[str, tuple[str, ...]]
    warnings: tuple[str, ...]


def of(session: Session, actor: Actor, tenant: Tenant, store: SecretStore, wish: Wish) -> Preview:
    """The caller's transaction is to be thrown away: rows are brought up to the release in it."""
    shaped, release = prepare(session, actor, tenant, store, wish)
    steps = tuple(
        PlannedLine(step.key, step.service, kind.title if kind else step.key)
        for step in plan(shaped.blueprint)
        if step.gates
        for kind in [kind_of(step.key)]
    )
    return Preview(
        nothing=not changes(shaped.blueprint),
        release=release.number if release else None,
        steps=steps,
        differing={
            name: tuple(PARTS[part] for part in parts) for name, parts in shaped.differing.items()
        },
        warnings=(
            *_warnings(tenant, wish, shaped),
            *certificates.warnings(session, tenant, shaped.blueprint),
        ),
    )


def _warnings(tenant: Tenant, wish: Wish, shaped: Shaped) -> list[str]:
    blueprint = shaped.blueprint
    keys = {step.key for step in plan(blueprint)}
    found = []
    if "db.restart" in keys:
        found.append("The database takes new limits by a restart: its users are cut off for it.")
    found += [
        f"{spec.name} stops before it starts again: it is away for that time."
        for spec in blueprint.services
        if spec.once and spec.deeds != () and tenant.completed_at and wish.action in ROLLED_OUT
    ]
    found += [
        f"{spec.name}: its compose file does not refer to {', '.join(lost)}: they reach nothing."
        for spec in blueprint.services
        if spec.deeds != () and (lost := lost_keys(spec))
    ]
    if wish.action in ROLLED_OUT:
        found += everything.dropped(tenant, blueprint)
    if wish.rolled is not None and blueprint.database:
        found.append("The database's contents stay as they are: a rollback never touches them.")
    if wish.action == SUSPEND:
        found.append(
            "Targets remove unused images: if one is gone when the tenant wakes, it is built or "
            "pulled again from its recorded source."
        )
        if wish.with_database:
            found.append("A stopped database cannot be backed up.")
    if wish.action == TEARDOWN:
        found.append("Volumes and stored backups stay, and are named by the certificate.")
        if blueprint.database and not blueprint.gate:
            found.append("There is no last backup: no backup policy, or it was left out.")
    if wish.ungated:
        found.append(f"No backup is made first: {wish.ungated}")
    return found
