"""What taking a project over would write, and what there differs from the product."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from tenantry.errors import Invalid
from tenantry.models import Tenant
from tenantry.operations import adoption, targets
from tenantry.operations.actors import Actor
from tenantry.operations.adoption import Adoption, wish_of
from tenantry.operations.desk import Desk
from tenantry.operations.found_projects import Found
from tenantry.operations.preparing import prepare
from tenantry.planning import drift, recorded, recorded_databases
from tenantry.planning.blueprint import Blueprint, ServiceSpec
from tenantry.planning.databases import facts
from tenantry.planning.dotenv import read
from tenantry.planning.drift import THE_PROJECT, Difference, Thing
from tenantry.planning.environment import names_in, winners
from tenantry.planning.recorded import Kept
from tenantry.ports import ApplicationSeen, ComposeSeen, DatabaseSeen
from tenantry.steps import shown

# What is written anyway, or tells nothing of the product.
WRITTEN = frozenset({"marker", "automatic deploys", "environment", "state"})


@dataclass(frozen=True, slots=True)
class Preview:
    """`writes` are all changes on the target; `differing` is what a deployment would change."""

    writes: tuple[str, ...]
    differing: tuple[Difference, ...]
    notes: tuple[str, ...]


def preview(desk: Desk, actor: Actor, wanted: Adoption, found: Found) -> Preview:
    """As if it were taken over now; everything is thrown away. Raises what that would raise."""
    with desk.sessions() as session:
        try:
            targets.sync(session, desk.settings.targets)
            tenant = adoption.adopt(session, actor, desk.secrets, wanted, found)
            return _of(session, desk, actor, tenant, wanted, found)
        finally:
            session.rollback()


def _of(
    session: Session, desk: Desk, actor: Actor, tenant: Tenant, wanted: Adoption, found: Found
) -> Preview:
    shaped, _ = prepare(session, actor, tenant, desk.secrets, wish_of(found))
    kept = {
        row.name: Kept(
            row.name,
            row.external_ref,
            row.app_id or row.compose_id or row.db_id,
            row.app_name or "",
            is_stack=row.compose_id is not None,
        )
        for row in tenant.services
    }
    differing = [
        one
        for name in found.services
        for one in _differences(shaped.blueprint, kept[name], found)
        if one.field not in WRITTEN
    ]
    notes = [*_notes(tenant, wanted, found), *_of_environments(shaped.blueprint, found)]
    return Preview(tuple(_writes(found)), tuple(differing), tuple(notes))


def _writes(found: Found) -> Iterator[str]:
    yield f"project {found.project.name}: our marker in its description"
    for name, seen in found.services.items():
        deploys = "" if isinstance(seen, DatabaseSeen) else ", automatic deploys off"
        yield f"{name} ({seen.name}): our marker in its description{deploys}"


def _differences(blueprint: Blueprint, kept: Kept, found: Found) -> list[Difference]:
    seen, spec = found.services[kept.name], blueprint.service(kept.name)
    if isinstance(seen, DatabaseSeen):
        kept = replace(kept, applied=recorded_databases.applied(blueprint))
        ours = recorded_databases.database(kept, [blueprint], None, suspended=False)
        theirs = shown.database(kept, seen, "")
    elif spec is None:
        return []
    else:
        ours = recorded.service(kept, recorded.everything(blueprint, spec), suspended=False)
        theirs = _shown(kept, seen, spec)
    there = {THE_PROJECT: Thing({})} | theirs
    return drift.compare({THE_PROJECT: Thing({})} | ours, there)


def _shown(kept: Kept, seen: ApplicationSeen | ComposeSeen, spec: ServiceSpec) -> dict[str, Thing]:
    if isinstance(seen, ComposeSeen):
        return shown.stack(kept, seen, "")
    return shown.application(kept, seen, "", [alias.hostname for alias in spec.aliases])


def _of_environments(blueprint: Blueprint, found: Found) -> Iterator[str]:
    """By key: a deployment replaces the whole text, so what only stands there would be lost."""
    for name, seen in found.services.items():
        spec = blueprint.service(name)
        if spec is None or isinstance(seen, DatabaseSeen):
            continue
        wanted = winners(spec.env)
        try:
            there = read(seen.env).values
        except Invalid:
            yield f"{name}: its environment cannot be read"
            continue
        lost = sorted(set(there) - set(wanted))
        new = sorted(set(wanted) - set(there))
        other = sorted(
            key
            for key, one in wanted.items()
            if key in there and one.version is None and not names_in(one.value)
            if there[key] != one.value
        )
        if lost:
            yield (
                f"{name}: a deployment would remove {', '.join(lost)} from its environment; set "
                "them for the tenant first"
            )
        if new:
            yield f"{name}: a deployment would add {', '.join(new)} to its environment"
        if other:
            yield f"{name}: a deployment would change {', '.join(other)} in its environment"


def _notes(tenant: Tenant, wanted: Adoption, found: Found) -> Iterator[str]:
    for row in tenant.services:
        if row.name not in found.services:
            yield f"{row.name} was found nowhere: the next deployment would create it"
        elif row.domain:
            yield f"{row.name} keeps its hostname {row.domain}"
    for left in found.left():
        yield f"{left.kind} {left.name} ({left.id}) belongs to nothing of the product: left alone"
    database = next((s for s in found.services.values() if isinstance(s, DatabaseSeen)), None)
    if database is None:
        return
    row = next(r for r in tenant.services if r.service_type == "db")
    if facts(database.kind).has_name:
        yield f"its database is taken to be {row.db_name}, of the user {row.db_user}"
    if not wanted.password:
        yield (
            "the database's password is unknown: until it is set as a secret, no environment that "
            "uses it can be written"
        )
