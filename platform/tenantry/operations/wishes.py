"""What is asked of a deployment beside "now": which part, which version, how."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tenantry.errors import Invalid, NotFound
from tenantry.models import Tenant
from tenantry.planning import differences
from tenantry.planning.actions import ACTIONS, DEPLOY, RESTORE, ROLLBACK, SCALE, TEARDOWN
from tenantry.planning.adoption import PROJECT
from tenantry.planning.blueprint import Blueprint, DatabaseSpec, RestorePlan, ServiceSpec

ROLLED_OUT = (DEPLOY, ROLLBACK)


@dataclass(frozen=True, slots=True)
class Wish:
    """
    One deployment as it is asked for.

    `services` are the chosen ones, empty for all. `refs` name a branch, tag or image for a service
    and stay with the tenant. `release` is a number, None the newest. `force` takes every step even
    where nothing differs; `deeds` takes these steps with a service in any case. `ungated` is the
    reason for changing something without a backup first. `with_database` also stops the database
    of a suspended tenant. `rolled` is the blueprint of the deployment that is gone back to. `marks`
    names what is to carry our marker (again).
    """

    action: str = DEPLOY
    services: tuple[str, ...] = ()
    refs: Mapping[str, str] = field(default_factory=dict)
    release: int | None = None
    force: bool = False
    fresh_build: bool = False
    env: Mapping[str, Any] = field(default_factory=dict)
    deeds: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ungated: str = ""
    with_database: bool = False
    restore: RestorePlan | None = None
    volumes: tuple[str, ...] = ()
    rolled: Blueprint | None = None
    marks: tuple[str, ...] = ()
    why: str = ""

    def as_details(self) -> dict[str, Any]:
        """What history keeps of it; environment values only by name."""
        kept: dict[str, Any] = {
            "services": list(self.services),
            "refs": dict(self.refs),
            "env": sorted(self.env),
            "force": self.force,
            "fresh_build": self.fresh_build,
            "ungated": self.ungated,
            "deeds": {name: list(deeds) for name, deeds in self.deeds.items()},
            "marks": list(self.marks),
            "why": self.why,
        }
        return {name: value for name, value in kept.items() if value}


@dataclass(frozen=True, slots=True)
class Shaped:
    """The blueprint as it will run, and service → parts that differ (empty where all is taken)."""

    blueprint: Blueprint
    differing: Mapping[str, tuple[str, ...]]


def shape(tenant: Tenant, blueprint: Blueprint, wish: Wish) -> Shaped:
    """
    The tenant's blueprint cut to the wish. Writes nothing.

    NotFound for a service that the tenant does not have, Invalid for an action of another name.
    """
    if wish.action not in ACTIONS:
        raise Invalid("action", f"must be one of {', '.join(ACTIONS)}", wish.action)
    _known_services(blueprint, wish)
    made = replace(
        blueprint,
        action=wish.action,
        with_database=wish.with_database,
        restore=wish.restore,
        volumes=wish.volumes,
        marks=wish.marks,
        gate=_gated(tenant, blueprint, wish),
    )
    if wish.action in ROLLED_OUT:
        return _rolled_out(tenant, made, wish)
    chosen = tuple(
        spec if not wish.services or spec.name in wish.services else replace(spec, deeds=())
        for spec in made.services
    )
    made = replace(made, services=chosen)
    return Shaped(_scaled(tenant, made, wish) if wish.action == SCALE else made, {})


def _scaled(tenant: Tenant, made: Blueprint, wish: Wish) -> Blueprint:
    """Only what does not run so yet: a scale that failed is taken up by the next one."""
    applied = {row.name: row.applied.get("running") for row in tenant.services}
    services = tuple(
        replace(spec, deeds=())
        if applied.get(spec.name) == differences.fingerprints(made, spec)["running"]
        else spec
        for spec in made.services
    )
    database = made.database
    if database:
        same = applied.get(database.service) == differences.database_fingerprint(database)
        taken = database.service in wish.services and not same
        database = replace(database, deeds=("settings",) if taken else ())
    return replace(made, services=services, database=database)


def _known_services(blueprint: Blueprint, wish: Wish) -> None:
    there = {spec.name for spec in blueprint.services}
    if blueprint.database:
        there.add(blueprint.database.service)
    for name in (*wish.services, *wish.refs, *wish.deeds, *wish.marks):
        if name not in there and name != PROJECT:
            raise NotFound(f"{blueprint.tenant_name} has no service {name}")


def _gated(tenant: Tenant, blueprint: Blueprint, wish: Wish) -> bool:
    """Whether a fresh backup comes first: what never ran has nothing to lose."""
    if blueprint.backup is None or blueprint.database is None or wish.ungated:
        return False
    if wish.action in {TEARDOWN, RESTORE}:
        return tenant.completed_at is not None
    ran = tenant.completed_at is not None
    return ran and blueprint.backup.gate and wish.action in ROLLED_OUT


def _rolled_out(tenant: Tenant, made: Blueprint, wish: Wish) -> Shaped:
    applied = {row.name: row.applied for row in tenant.services if row.applied}
    if wish.force:
        applied = {name: there for name, there in applied.items() if name not in _named(made, wish)}
    wanted = replace(
        made,
        services=tuple(
            replace(spec, deeds=wish.deeds.get(spec.name), fresh_build=wish.fresh_build)
            for spec in made.services
        ),
    )
    cut, found = differences.only_what_differs(wanted, applied)
    if wish.services:
        cut = replace(
            cut,
            services=tuple(
                spec if spec.name in wish.services else replace(spec, deeds=())
                for spec in cut.services
            ),
        )
        found = {name: parts for name, parts in found.items() if name in wish.services}
    gate = cut.gate and any(_changes(spec) for spec in cut.services)
    return Shaped(replace(cut, gate=gate, database=_database(cut, wish)), found)


def _database(cut: Blueprint, wish: Wish) -> DatabaseSpec | None:
    """Its deeds, where it was rolled out before: those asked for, and its own unless left out."""
    database = cut.database
    if database is None:
        return None
    if wish.rolled is not None:
        # A rollback never touches a database by itself.
        return replace(database, deeds=())
    if database.deeds is None:
        return database
    left_out = wish.services and database.service not in wish.services
    asked = wish.deeds.get(database.service, ())
    kept = () if left_out else database.deeds
    return replace(database, deeds=tuple(sorted({*kept, *asked})))


def _named(made: Blueprint, wish: Wish) -> set[str]:
    """Services that a forced deployment takes whole; a database is never made anew by force."""
    return set(wish.services) or {spec.name for spec in made.services}


def _changes(spec: ServiceSpec) -> bool:
    return spec.deeds is None or bool(spec.deeds)
