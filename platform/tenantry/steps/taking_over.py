"""
`adopt.project`, `service.<name>.adopt` and `db.adopt`: our marker on what stands there already.

Only descriptions and automatic deploys are written, and what a description said before stays
behind the marker. In a take-over, what is found becomes the record: a part that is as the product
says counts as rolled out, so that a later deployment plans only what really differs.
"""

from collections.abc import Mapping
from typing import Any

from tenantry.errors import Permanent, TenantryError
from tenantry.planning import recorded
from tenantry.planning.actions import ADOPT
from tenantry.planning.adoption import FOUND
from tenantry.planning.blueprint import DatabaseSpec, ServiceSpec
from tenantry.planning.databases import IMAGE_KINDS, native
from tenantry.planning.differences import database_fingerprint
from tenantry.planning.drift import Environment
from tenantry.planning.environment import dotenv, resolve, winners
from tenantry.planning.recorded import Kept
from tenantry.ports import ApplicationSeen, ComposeSeen, DatabaseSeen
from tenantry.steps import shown, things
from tenantry.steps.adoption import describe
from tenantry.steps.context import ServiceFacts, StepContext
from tenantry.steps.environment import KEYS
from tenantry.steps.outcomes import Done
from tenantry.steps.placeholders import values_for

OURS = "tenantry:"
UNKNOWN = Environment("unknown")


def project(ctx: StepContext) -> Done:
    """Marks the project that the tenant's row refers to."""
    project_id = ctx.tenant.project_id
    seen = ctx.target.project(project_id) if project_id else None
    if seen is None:
        raise Permanent("The project is not on the target")
    _mark(ctx, "project", seen.id, seen.description, ctx.tenant.marker)
    return Done(
        f"Project {seen.name} is marked",
        tenant={
            "dokploy_project_id": seen.id,
            "dokploy_environment_id": seen.environment_id,
        },
    )


def service(ctx: StepContext) -> Done:
    """Marks the application or stack, and turns its automatic deploys off."""
    spec, own = ctx.the_service()
    object_id = things.object_id(ctx)
    if things.is_stack(ctx):
        stack = ctx.target.compose(object_id)
        if stack is None:
            raise Permanent("The stack is not on the target")
        _mark(ctx, "compose", stack.id, stack.description, own.marker, deploys=stack.auto_deploy)
        facts = _of_stack(ctx, spec, own, stack) if _takes_over(ctx) else {}
        return Done(f"Stack {stack.name} is marked", service=facts)
    seen = ctx.target.application(object_id)
    if seen is None:
        raise Permanent("The application is not on the target")
    _mark(ctx, "application", seen.id, seen.description, own.marker, deploys=seen.auto_deploy)
    facts = _of_application(ctx, spec, own, seen) if _takes_over(ctx) else {}
    return Done(f"Application {seen.name} is marked", service=facts)


def database(ctx: StepContext) -> Done:
    """Marks the database."""
    spec, own = ctx.the_database()
    if spec.kind in IMAGE_KINDS:
        return _image_database(ctx, own)
    seen = ctx.target.database_in_full(native(spec.kind), own.db_id) if own.db_id else None
    if seen is None:
        raise Permanent("The database is not on the target")
    _mark(ctx, seen.kind, seen.id, seen.description, own.marker)
    facts = _of_database(spec, own, seen) if _takes_over(ctx) else {}
    return Done(f"Database {seen.name} is marked", service=facts)


def _image_database(ctx: StepContext, own: ServiceFacts) -> Done:
    seen = ctx.target.application(own.app_id) if own.app_id else None
    if seen is None:
        raise Permanent("The database is not on the target")
    _mark(ctx, "application", seen.id, seen.description, own.marker, deploys=seen.auto_deploy)
    facts = {"app_name": seen.app_name, "created": True, "deployed": True}
    marks = {"applied": {**own.applied, "running": FOUND}}
    return Done(
        f"Database {seen.name} is marked", service=facts | marks if _takes_over(ctx) else {}
    )


def _takes_over(ctx: StepContext) -> bool:
    return ctx.blueprint.action == ADOPT


def _mark(
    ctx: StepContext, kind: str, object_id: str, words: str, marker: str, *, deploys: bool = False
) -> None:
    others = [w for w in words.split() if w.startswith(OURS) and w != marker]
    if others and not _takes_over(ctx):
        # In a take-over it was seen before: left behind by a tenant of ours that is gone.
        raise Permanent(f"It carries the marker of another tenant: {others[0]}")
    if marker in words.split() and not deploys and not others:
        return
    rest = " ".join(w for w in words.split(" ") if w not in {marker, *others}).strip()
    ctx.intend("mark", kind=kind, id=object_id)
    ctx.target.adopt(kind, object_id, describe(marker, rest or ctx.blueprint.tenant_name))


def _of_application(
    ctx: StepContext, spec: ServiceSpec, own: ServiceFacts, seen: ApplicationSeen
) -> dict[str, Any]:
    kept = _kept(ctx, own, seen.app_name)
    theirs = shown.application(kept, seen, ctx.tenant.marker)
    fields = theirs[own.name].fields
    same = {part: _equal(recorded.of_part(part, spec), fields) for part in _PARTS}
    same["env"] = fields["environment"] == "as set"
    same["volumes"] = _holds(recorded.mounts(kept, spec), theirs)
    same["domains"] = _holds(recorded.domains(own.name, ctx.blueprint, spec), theirs)
    domain = next((d for d in seen.domains if d.host == spec.hostname), None)
    return {
        **_facts(ctx, own, same, seen.env),
        "app_name": seen.app_name,
        "deployed": seen.status == "done",
        "domain_id": domain.id if domain else None,
    }


_PARTS = ("source", "build", "running")


def _of_stack(
    ctx: StepContext, spec: ServiceSpec, own: ServiceFacts, seen: ComposeSeen
) -> dict[str, Any]:
    kept = _kept(ctx, own, seen.app_name)
    theirs = shown.stack(kept, seen, ctx.tenant.marker)
    fields = theirs[own.name].fields
    same = {part: _equal(recorded.of_part(part, spec), fields) for part in _PARTS}
    same["env"] = fields["environment"] == "as set"
    same["volumes"] = not spec.volumes
    same["domains"] = _holds(recorded.domains(own.name, ctx.blueprint, spec), theirs)
    return {
        **_facts(ctx, own, same, seen.env),
        "app_name": seen.app_name,
        "deployed": seen.status == "done",
    }


def _of_database(spec: DatabaseSpec, own: ServiceFacts, seen: DatabaseSeen) -> dict[str, Any]:
    limits = recorded.limits(spec.limits.memory_bytes, spec.limits.nano_cpus)
    same = limits == recorded.limits(seen.memory, seen.cpu) and spec.image == seen.image
    mark = database_fingerprint(spec) if same else FOUND
    return {
        "app_name": seen.app_name,
        "created": True,
        "deployed": seen.status == "done",
        "applied": {**own.applied, "running": mark},
    }


def _facts(
    ctx: StepContext, own: ServiceFacts, same: Mapping[str, bool], text: str
) -> dict[str, Any]:
    """The record of what was found: fingerprints, and the environment as it stands there."""
    marks = ctx.marks()
    there = shown.read_environment(ctx.tenant.marker, text)
    applied = {part: marks[part] if same[part] else FOUND for part in marks}
    return {
        "created": True,
        "git_attached": same["source"],
        "build_configured": same["build"],
        "env_configured": same["env"],
        "env_fingerprint": there.whole,
        "applied": {**own.applied, **applied, KEYS: dict(there.keys)},
    }


def _kept(ctx: StepContext, own: ServiceFacts, app_name: str) -> Kept:
    object_id = own.app_id or own.compose_id
    return Kept(own.name, own.marker, object_id, app_name, own.applied, _wanted(ctx))


def _wanted(ctx: StepContext) -> Environment:
    """The environment that the product says; unknown where a value for it is."""
    spec, _ = ctx.the_service()
    try:
        plain = {
            key: one.value if one.version is None else ctx.open_version(one.version)
            for key, one in winners(spec.env).items()
        }
        values = resolve(plain, values_for(ctx, plain.values()))
        return shown.read_environment(ctx.tenant.marker, dotenv(values))
    except TenantryError:
        return UNKNOWN


def _equal(wanted: Mapping[str, str], there: Mapping[str, str]) -> bool:
    return all(there.get(label) == value for label, value in wanted.items())


def _holds(wanted: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    return all(
        name in theirs and _equal(thing.fields, theirs[name].fields)
        for name, thing in wanted.items()
    )
