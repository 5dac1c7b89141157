"""
`db.settings` and `db.restart`: new limits, and the restart that brings them into force.

A target stores limits at once and applies them with the next deploy. Its "done" was there before
the restart as well, so the proof of one is that other containers run than before.
"""

from collections.abc import Sequence
from typing import Any

from tenantry.errors import Permanent, Transient
from tenantry.planning.blueprint import DatabaseSpec
from tenantry.planning.databases import IMAGE_KINDS, native
from tenantry.planning.differences import database_fingerprint
from tenantry.planning.limits import Limits
from tenantry.ports import ContainerSeen, DatabaseSeen
from tenantry.steps import database_image, things
from tenantry.steps.context import ServiceFacts, StepContext
from tenantry.steps.outcomes import Done, Wait


def configure(ctx: StepContext) -> Done:
    """Stores limits and the pinned image; the running database is not touched."""
    spec, own = ctx.the_database()
    if spec.kind in IMAGE_KINDS:
        _configure_image(ctx, spec, own)
    else:
        seen = _in_full(ctx, spec, own)
        _configure_native(ctx, spec, seen)
        if _stored(_in_full(ctx, spec, own)) != _wanted(spec.limits):
            raise Transient("The limits were stored but are not shown yet")
    return Done(
        f"{_words(spec.limits)}; in force after a restart",
        details={"memory": spec.limits.memory_bytes, "cpu": spec.limits.nano_cpus},
    )


def restart(ctx: StepContext) -> Done | Wait:
    """Restarts the database once, whatever becomes of the answer, and marks its new limits."""
    spec, own = ctx.the_database()
    if spec.kind in IMAGE_KINDS:
        return _restart_image(ctx, spec, own)
    seen = _in_full(ctx, spec, own)
    before = _answered(ctx)
    if before is None or seen.status in {"error", "idle"}:
        if _lost_but_done(ctx) is not None:
            return _restarted(spec, own)
        before = _live(ctx)
        _configure_native(ctx, spec, seen)
        ctx.intend("restart database", containers=before)
        ctx.target.deploy_database(native(spec.kind), seen.id, deadline=ctx.call_deadline)
        seen = _in_full(ctx, spec, own)
    if seen.status == "done":
        return _restarted(spec, own)
    if seen.status == "running":
        return Wait(
            ctx.poll_seconds, "The target is restarting the database", {}, _sent(ctx, before)
        )
    raise Transient(f"The database did not start again (status {seen.status})", most_tries=3)


def _restart_image(ctx: StepContext, spec: DatabaseSpec, own: ServiceFacts) -> Done | Wait:
    if own.app_id is None or "running" not in own.applied:
        raise Permanent("The database was never deployed: deploy it first")
    before = _answered(ctx)
    if before is None:
        before = _lost_but_done(ctx)
        if before is None:
            before = _live(ctx)
            _configure_image(ctx, spec, own)
            ctx.intend("restart database", containers=before)
            ctx.target.reload_application(own.app_id, own.app_name or "")
        return Wait(ctx.poll_seconds, "The database is restarting", {}, _sent(ctx, before))
    seen = _tasks(ctx)
    fresh = [c for c in seen if c.id not in before]
    if things.up_of(fresh):
        return _restarted(spec, own)
    problem = next((c.error for c in fresh if c.error), "")
    words = f"The database does not run yet{': ' + problem if problem else ''}"
    if not seen:
        words = "The target lists no containers, which may be an error of its own"
    return Wait(ctx.poll_seconds, words)


def _restarted(spec: DatabaseSpec, own: ServiceFacts) -> Done:
    return Done(
        f"The database was restarted with {_words(spec.limits)}",
        service={"applied": {**own.applied, "running": database_fingerprint(spec)}},
    )


def _configure_native(ctx: StepContext, spec: DatabaseSpec, seen: DatabaseSeen) -> None:
    # libSQL always shows and runs the target's own version.
    image = "" if spec.kind == "libsql" or seen.image == spec.image else spec.image
    if image or _stored(seen) != _wanted(spec.limits):
        ctx.intend("set database limits")
        ctx.target.configure_database(native(spec.kind), seen.id, spec.limits, image)


def _configure_image(ctx: StepContext, spec: DatabaseSpec, own: ServiceFacts) -> None:
    if own.app_id is None:
        raise Permanent("The database was not created")
    inner = database_image.as_application(ctx)
    service, _ = inner.the_service()
    seen = ctx.target.application(own.app_id)
    if seen is None:
        raise Permanent(f"The tenant's database {own.app_id} is gone from the target")
    ctx.intend("set database limits", app_id=own.app_id)
    ctx.target.configure_application(own.app_id, database_image.running_of(inner))
    if seen.image != spec.image and service.image is not None:
        ctx.intend("attach image", app_id=own.app_id)
        ctx.target.attach_image(own.app_id, service.image)


def _in_full(ctx: StepContext, spec: DatabaseSpec, own: ServiceFacts) -> DatabaseSeen:
    if own.db_id is None:
        raise Permanent("The database was not created")
    seen = ctx.target.database_in_full(native(spec.kind), own.db_id)
    if seen is None:
        raise Permanent(f"The tenant's database {own.db_id} is gone from the target")
    return seen


def _stored(seen: DatabaseSeen) -> tuple[str | None, str | None]:
    return seen.memory, seen.cpu


def _wanted(limits: Limits) -> tuple[str | None, str | None]:
    return limits.memory_bytes, limits.nano_cpus


def _words(limits: Limits) -> str:
    said = [] if limits.cpu_cores is None else [f"{limits.cpu_cores:g} cores"]
    said += [] if limits.memory_mb is None else [f"{limits.memory_mb} MB"]
    return ", ".join(said) or "no limits"


def _tasks(ctx: StepContext) -> Sequence[ContainerSeen]:
    _, own = ctx.the_database()
    return ctx.target.containers(own.app_name or "", ctx.blueprint.server_id)


def _live(ctx: StepContext) -> list[str]:
    return [c.id for c in _tasks(ctx) if c.wanted == "running"]


def _sent(ctx: StepContext, before: list[str]) -> dict[str, Any]:
    return {"restart": {"epoch": ctx.deployment.epoch, "before": before}}


def _answered(ctx: StepContext) -> list[str] | None:
    """What ran before the restart that the target has answered in this epoch; None without one."""
    known = ctx.memory.get("restart") or {}
    return list(known["before"]) if known.get("epoch") == ctx.deployment.epoch else None


def _lost_but_done(ctx: StepContext) -> list[str] | None:
    """What ran before a restart whose answer was lost, where other containers run by now."""
    before = (ctx.intent or {}).get("containers")
    live = _live(ctx) if before else []
    return list(before) if before and live and set(before).isdisjoint(live) else None
