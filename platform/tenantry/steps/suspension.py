"""
A tenant that rests, and its way back: schedules, routers and containers.

The target's own `start` ignores the wanted replicas, so the way back is a reload; where the image
is gone (targets prune unused images every night), a build of the recorded source.
"""

from typing import Any

from tenantry.errors import Permanent
from tenantry.planning.databases import native
from tenantry.steps import build, things
from tenantry.steps.application import running_of
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done, Skip, Wait

NO_IMAGE = ("no such image", "not found", "pull access denied", "manifest unknown")
LOOKS_FOR_AN_IMAGE = 6


def schedules_off(ctx: StepContext) -> Done:
    """Pauses what would fire into a stopped service; remembers which, for the way back."""
    _, own = ctx.the_service()
    running = [s for s in ctx.target.schedules_of(ctx.app_id()) if s.enabled]
    for schedule in running:
        ctx.intend("pause schedule", schedule_id=schedule.id)
        ctx.target.enable_schedule(schedule, enabled=False)
    paused = sorted({*own.paused, *(s.id for s in running)})
    return Done(_counted(len(running), "schedule", "paused"), service={"paused": paused})


def schedules_on(ctx: StepContext) -> Done:
    """Switches on those that the suspension had paused, and no others."""
    _, own = ctx.the_service()
    ours = [
        s for s in ctx.target.schedules_of(ctx.app_id()) if s.id in own.paused and not s.enabled
    ]
    for schedule in ours:
        ctx.intend("resume schedule", schedule_id=schedule.id)
        ctx.target.enable_schedule(schedule, enabled=True)
    return Done(_counted(len(ours), "schedule", "resumed"), service={"paused": []})


def domains_off(ctx: StepContext) -> Done:
    """Takes the routers away; the domain objects stay."""
    return _switch(ctx, enabled=False)


def domains_on(ctx: StepContext) -> Done:
    """Brings the routers back."""
    return _switch(ctx, enabled=True)


def _switch(ctx: StepContext, *, enabled: bool) -> Done:
    wrong = [d for d in ctx.target.domains(ctx.app_id()) if d.enabled is not enabled]
    for domain in wrong:
        ctx.intend("switch domain", domain_id=domain.id, enabled=enabled)
        ctx.target.enable_domain(domain.id, enabled=enabled)
    return Done(_counted(len(wrong), "domain", "switched on" if enabled else "switched off"))


def _counted(number: int, noun: str, deed: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'} {deed}"


def stop(ctx: StepContext) -> Done | Wait | Skip:
    """Stops every container; the target swallows the engine's errors, so it is looked at."""
    if ctx.own is None or not (ctx.own.app_id or ctx.own.compose_id):
        return Skip("It was never created")
    seen = things.containers(ctx)
    live = [c for c in seen if c.wanted == "running" or c.state == "running"]
    if not live and not seen and not ctx.target.nodes(ctx.blueprint.server_id):
        return Wait(ctx.poll_seconds, "The target's engine does not answer now")
    if live and (ctx.intent is None or ctx.polls % 6 == 0):
        object_id = things.object_id(ctx)
        ctx.intend("stop", app_id=object_id)
        if things.is_stack(ctx):
            ctx.target.stop_compose(object_id)
        else:
            ctx.target.stop_application(object_id)
        seen = things.containers(ctx)
        live = [c for c in seen if c.wanted == "running" or c.state == "running"]
    if live:
        return Wait(ctx.poll_seconds, f"{len(live)} still running", details={"running": len(live)})
    return Done("Stopped", service={"running_replicas": 0})


def wake(ctx: StepContext) -> Done:
    """
    Applies the stored settings, with the wanted replicas.

    A stack comes back by a deploy. Whether an image was gone shows only in the tasks; `wait_wake`
    looks at them, and builds.
    """
    spec, own = ctx.the_service()
    if spec.replicas == 0:
        return Done("No container is wanted")
    if spec.compose:
        done = build.trigger(ctx)
        return Done("The stack is deployed", service=done.service, details=done.details)
    app_id = ctx.app_id()
    running = [c for c in things.containers(ctx) if c.state == "running"]
    if not running:
        ctx.intend("configure", app_id=app_id)
        ctx.target.configure_application(app_id, running_of(spec))
        ctx.intend("reload", app_id=app_id)
        ctx.target.reload_application(app_id, own.app_name or "")
    return Done("Started", service={"build_trace": {}})


def wait_wake(ctx: StepContext) -> Done | Wait | Skip:
    """Counts containers; builds the recorded source once where the image is gone."""
    spec, own = ctx.the_service()
    if spec.replicas == 0:
        return Skip("No container is wanted")
    if spec.compose or own.build_trace or _building(ctx):
        return build.wait(ctx)
    seen = things.containers(ctx)
    wanted = running_of(spec).replicas
    up = [c for c in seen if c.state == "running" and c.wanted == "running"]
    if len(up) >= wanted:
        return Done(f"{wanted} wanted, {len(up)} running", service={"running_replicas": len(up)})
    error = next((c.error for c in seen if c.error), "")
    if any(word in error.lower() for word in NO_IMAGE) and not up:
        trace: dict[str, Any] = dict(build.trigger(ctx).service)
        return Wait(ctx.poll_seconds, f"Its image is gone ({error}); building it again", trace)
    words = f"{wanted} wanted, {len(up)} running{': ' + error if error else ''}"
    return Wait(ctx.poll_seconds, words, details={"running": len(up)})


def _building(ctx: StepContext) -> bool:
    # A trigger whose settle was lost stands in this step's own intent.
    return bool(ctx.intent and "before" in ctx.intent)


def stop_database(ctx: StepContext) -> Done | Wait | Skip:
    """Stops the database; it cannot be backed up while it rests."""
    return _database(ctx, wanted=False)


def start_database(ctx: StepContext) -> Done | Wait | Skip:
    """Starts it where it does not run, and looks until it does."""
    return _database(ctx, wanted=True)


def _database(ctx: StepContext, *, wanted: bool) -> Done | Wait | Skip:
    spec, own = ctx.blueprint.database, ctx.own
    if spec is None or own is None:
        raise Permanent("This product has no database")
    if own.db_id is None and own.app_id is None:
        return Skip("It was never created")
    seen = ctx.target.containers(own.app_name or "", ctx.blueprint.server_id)
    up = [c for c in seen if c.state == "running" and c.wanted == "running"]
    if bool(up) is wanted:
        if not seen and not ctx.target.nodes(ctx.blueprint.server_id):
            return Wait(ctx.poll_seconds, "The target's engine does not answer now")
        return Done("The database runs" if wanted else "The database is stopped")
    # One that is starting is left to it: an image would be started afresh each time.
    starting = wanted and any(c.wanted == "running" for c in seen)
    if ctx.intent is None or (ctx.polls % 6 == 0 and not starting):
        _order(ctx, wanted=wanted)
    return Wait(ctx.poll_seconds, "Starting the database" if wanted else "Stopping the database")


def _order(ctx: StepContext, *, wanted: bool) -> None:
    spec, own = ctx.blueprint.database, ctx.own
    assert spec is not None
    assert own is not None
    ctx.intend("start database" if wanted else "stop database")
    if own.db_id is None:
        if wanted:
            ctx.target.reload_application(own.app_id or "", own.app_name or "")
        else:
            ctx.target.stop_application(own.app_id or "")
        return
    kind = native(spec.kind)
    if wanted:
        ctx.target.start_database(kind, own.db_id)
    else:
        ctx.target.stop_database(kind, own.db_id)
