"""
A tenant that rests, and its way back: schedules, routers and containers.

The target's own `start` ignores the wanted replicas, so the way back is a reload; where the image
is gone (targets prune unused images every night), a build of the recorded source.
"""

from collections.abc import Sequence
from typing import Any

from tenantry.errors import Permanent
from tenantry.planning.actions import UNSUSPEND
from tenantry.planning.databases import native
from tenantry.ports import DomainSeen
from tenantry.steps import build, things
from tenantry.steps.application import running_of
from tenantry.steps.context import ServiceFacts, StepContext
from tenantry.steps.outcomes import Done, Skip, Wait

NO_IMAGE = ("no such image", "not found", "pull access denied", "manifest unknown")
AGAIN = 12
NEVER = "It was never created"
DOMAIN = "domain:"


def schedules_off(ctx: StepContext) -> Done | Wait | Skip:
    """Pauses what would fire into a stopped service; remembers which, for the way back."""
    if not _is_application(ctx):
        return Skip(NEVER)
    _, own = ctx.the_service()
    running = [s for s in ctx.target.schedules_of(ctx.app_id()) if s.enabled]
    if new := {s.id for s in running} - set(own.paused):
        return _noted(own, new, _counted(len(new), "schedule", "noted"))
    for schedule in running:
        ctx.intend("pause schedule", schedule_id=schedule.id)
        ctx.target.enable_schedule(schedule, enabled=False)
    return Done(_counted(len(running), "schedule", "paused"))


def schedules_on(ctx: StepContext) -> Done | Skip:
    """Switches on those that the suspension had paused, and no others."""
    if not _is_application(ctx):
        return Skip(NEVER)
    _, own = ctx.the_service()
    ours = [
        s for s in ctx.target.schedules_of(ctx.app_id()) if s.id in own.paused and not s.enabled
    ]
    for schedule in ours:
        ctx.intend("resume schedule", schedule_id=schedule.id)
        ctx.target.enable_schedule(schedule, enabled=True)
    kept = [one for one in own.paused if one.startswith(DOMAIN)]
    return Done(_counted(len(ours), "schedule", "resumed"), service={"paused": kept})


def domains_off(ctx: StepContext) -> Done | Wait | Skip:
    """Takes the routers away and remembers which; the domain objects stay."""
    if not _is_application(ctx):
        return Skip(NEVER)
    _, own = ctx.the_service()
    on = [d for d in ctx.target.domains(ctx.app_id()) if d.enabled]
    # The bare word says that this suspension has looked, also where it switches none off.
    new = {DOMAIN, *(DOMAIN + d.id for d in on)} - set(own.paused)
    if new and on:
        return _noted(own, new, _counted(len(on), "domain", "noted"))
    _switch(ctx, on, enabled=False)
    words = _counted(len(on), "domain", "switched off")
    return Done(words, service={"paused": sorted({*own.paused, DOMAIN})})


def domains_on(ctx: StepContext) -> Done | Skip:
    """
    Brings the routers back: after a suspension those that it took away, otherwise all.

    One that a person had switched off before stays off.
    """
    if not _is_application(ctx):
        return Skip(NEVER)
    _, own = ctx.the_service()
    off = [d for d in ctx.target.domains(ctx.app_id()) if not d.enabled]
    if ctx.blueprint.action == UNSUSPEND and DOMAIN in own.paused:
        off = [d for d in off if DOMAIN + d.id in own.paused]
    _switch(ctx, off, enabled=True)
    kept = [one for one in own.paused if not one.startswith(DOMAIN)]
    return Done(_counted(len(off), "domain", "switched on"), service={"paused": kept})


def _noted(own: ServiceFacts, new: set[str], words: str) -> Wait:
    """Written before the first is switched: after a lost answer nobody could tell which it was."""
    return Wait(0.0, words, {"paused": sorted({*own.paused, *new})})


def _switch(ctx: StepContext, domains: Sequence[DomainSeen], *, enabled: bool) -> None:
    for domain in domains:
        ctx.intend("switch domain", domain_id=domain.id, enabled=enabled)
        ctx.target.enable_domain(domain.id, enabled=enabled)


def _is_application(ctx: StepContext) -> bool:
    return ctx.own is not None and ctx.own.app_id is not None


def _is_there(ctx: StepContext) -> bool:
    return ctx.own is not None and bool(ctx.own.app_id or ctx.own.compose_id)


def _to_send(ctx: StepContext) -> bool:
    """
    Whether an order is due: once, and after a long while without effect again.

    An intent is forgotten when its claim ends in a wait, so what was answered stands in the
    details. An intent that still stands is of an order whose answer was lost.
    """
    sent = ctx.memory.get("sent") or {}
    if sent.get("epoch") != ctx.deployment.epoch:
        return True
    return ctx.polls - int(sent.get("polls", 0)) >= AGAIN


def _sent(ctx: StepContext) -> dict[str, Any]:
    return {"sent": {"epoch": ctx.deployment.epoch, "polls": ctx.polls}}


def _counted(number: int, noun: str, deed: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'} {deed}"


def stop(ctx: StepContext) -> Done | Wait | Skip:
    """Stops every container; the target swallows the engine's errors, so it is looked at."""
    if not _is_there(ctx):
        return Skip(NEVER)
    seen = things.containers(ctx)
    live = [c for c in seen if c.wanted == "running" or c.state == "running"]
    if not live and not seen and not ctx.target.nodes(ctx.blueprint.server_id):
        return Wait(ctx.poll_seconds, "The target's engine does not answer now")
    sent: dict[str, Any] = {}
    if live and _to_send(ctx):
        object_id = things.object_id(ctx)
        ctx.intend("stop", app_id=object_id)
        if things.is_stack(ctx):
            ctx.target.stop_compose(object_id)
        else:
            ctx.target.stop_application(object_id)
        sent = _sent(ctx)
        seen = things.containers(ctx)
        live = [c for c in seen if c.wanted == "running" or c.state == "running"]
    if live:
        words = f"{len(live)} still running"
        return Wait(ctx.poll_seconds, words, details={"running": len(live), **sent})
    return Done("Stopped", service={"running_replicas": 0})


def wake(ctx: StepContext) -> Done | Skip:
    """
    Applies the stored settings, with the wanted replicas.

    A stack comes back by a deploy. Whether an image was gone shows only in the tasks; `wait_wake`
    looks at them, and builds. What is being shut down runs for a while still, and does not count.
    """
    if not _is_there(ctx):
        return Skip(NEVER)
    spec, own = ctx.the_service()
    if spec.replicas == 0:
        return Skip("No container is wanted")
    if spec.compose:
        done = build.trigger(ctx)
        return Done("The stack is deployed", service=done.service, details=done.details)
    app_id = ctx.app_id()
    if len(things.up_of(things.containers(ctx))) < running_of(spec).replicas:
        ctx.intend("configure", app_id=app_id)
        ctx.target.configure_application(app_id, running_of(spec))
        ctx.intend("reload", app_id=app_id)
        ctx.target.reload_application(app_id, own.app_name or "")
    return Done("Started", service={"build_trace": {}})


def wait_wake(ctx: StepContext) -> Done | Wait | Skip:
    """Counts containers; builds the recorded source once where the image is gone."""
    if not _is_there(ctx):
        return Skip(NEVER)
    spec, own = ctx.the_service()
    if spec.replicas == 0:
        return Skip("No container is wanted")
    if spec.compose or own.build_trace or _building(ctx):
        return build.wait(ctx)
    seen = things.containers(ctx)
    wanted = running_of(spec).replicas
    up = things.up_of(seen)
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
        return Skip(NEVER)
    seen = ctx.target.containers(own.app_name or "", ctx.blueprint.server_id)
    up = things.up_of(seen)
    if bool(up) is wanted:
        if not seen and not ctx.target.nodes(ctx.blueprint.server_id):
            return Wait(ctx.poll_seconds, "The target's engine does not answer now")
        return Done("The database runs" if wanted else "The database is stopped")
    # One that is starting is left to it: an image would be started afresh each time.
    starting = wanted and any(c.wanted == "running" for c in seen)
    known = ctx.intent is not None or "sent" in ctx.memory
    sent: dict[str, Any] = {}
    if _to_send(ctx) and not (starting and known):
        _order(ctx, wanted=wanted)
        sent = _sent(ctx)
    words = "Starting the database" if wanted else "Stopping the database"
    return Wait(ctx.poll_seconds, words, details=sent)


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
