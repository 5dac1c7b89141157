"""
Databases that no target makes by itself: an application with a pinned image and one volume.

One replica, stop-first, always. What holds the password (arguments, environment) is filled in here
at the last moment: the blueprint and everything that is stored know only its placeholder.
"""

from dataclasses import replace

from tenantry.errors import Permanent
from tenantry.planning.databases import facts
from tenantry.planning.differences import database_fingerprint
from tenantry.planning.environment import resolve
from tenantry.planning.image_databases import as_service
from tenantry.ports import Running
from tenantry.steps import application, build, environment, running, things
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done, Wait
from tenantry.steps.placeholders import values_for

FOLLOWING = "following"


def as_application(ctx: StepContext) -> StepContext:
    """The same claim with the database as the application that it is; log and intents are one."""
    spec, _ = ctx.the_database()
    return replace(ctx, service=as_service(spec))


def running_of(inner: StepContext) -> Running:
    """How it is to run, with its password opened: for the target alone."""
    spec, _ = inner.the_service()
    args = {str(place): arg for place, arg in enumerate(spec.args)}
    filled = resolve(args, values_for(inner, args.values()))
    return replace(application.running_of(spec), args=tuple(filled.values()))


def create(ctx: StepContext) -> Done:
    """
    Finds the application by marker, else creates it; mounts its volume and sets its environment.

    One that a row refers to and that is gone is never replaced: the new one would be empty.
    """
    spec, own = ctx.the_database()
    inner = as_application(ctx)
    if own.app_id is not None and application.look(inner) is None:
        raise Permanent(f"The tenant's database {own.app_id} is gone from the target")
    made = application.bring_about(inner, running_of(inner))
    known = {"app_id": made.service["app_id"], "app_name": made.service["app_name"]}
    inner.own = replace(own, **known)
    running.mount(inner)
    told = {}
    if facts(spec.kind).env:
        told["env_fingerprint"] = environment.set_environment(inner).service["env_fingerprint"]
    return Done(
        made.message,
        service={**known, **told, "db_name": spec.database, "db_user": spec.user, "created": True},
        details=made.details,
    )


def deploy(ctx: StepContext) -> Done | Wait:
    """
    Starts the database where it does not run yet: one build, triggered once, followed to its end.

    A running one is never deployed twice: that would restart it.
    """
    spec, own = ctx.the_database()
    if own.app_id is None:
        raise Permanent("The database was not created")
    inner = as_application(ctx)
    if ctx.memory.get(FOLLOWING):
        outcome = build.wait(inner)
        if isinstance(outcome, Wait):
            return outcome
        mark = {**own.applied, "running": database_fingerprint(spec)}
        return replace(outcome, service={**outcome.service, "applied": mark})
    if ctx.intent is None and "running" in own.applied:
        seen = things.containers(inner)
        if things.up_of(seen):
            return Done("The database runs", service={"deploy_triggered": True, "deployed": True})
        if not seen and not ctx.target.nodes(ctx.blueprint.server_id):
            return Wait(ctx.poll_seconds, "The target's engine does not answer now")
    triggered = build.trigger(inner)
    return Wait(
        ctx.poll_seconds,
        "The target is pulling and starting the database",
        triggered.service,
        # What was waited for before it was triggered says nothing of how long it takes.
        {**triggered.details, FOLLOWING: True, "seen": ctx.waited},
    )
