"""`db.create` and `db.deploy`: the tenant's database, of a target's own kind or as an image."""

from tenantry.errors import Permanent, Transient
from tenantry.planning.blueprint import DatabaseSpec
from tenantry.planning.databases import IMAGE_KINDS, PASSWORD, facts, native
from tenantry.planning.differences import database_fingerprint
from tenantry.planning.limits import Limits
from tenantry.planning.naming import target_name
from tenantry.ports import DatabaseWish, ServiceSeen
from tenantry.steps import database_image
from tenantry.steps.adoption import describe, ours
from tenantry.steps.context import ServiceFacts, StepContext
from tenantry.steps.outcomes import Done, Wait


def create(ctx: StepContext) -> Done:
    """Finds the database by marker in the tenant's project, else creates it, pinned."""
    spec, own = ctx.the_database()
    if spec.kind in IMAGE_KINDS:
        return database_image.create(ctx)
    found = _look(ctx, spec, own)
    how = "found"
    if found is None and own.db_id is not None:
        # A new one would be empty, and the deployment would call that a success.
        raise Permanent(f"The tenant's database {own.db_id} is gone from the target")
    if found is None:
        if ctx.tenant.environment_id is None:
            raise Permanent("The tenant has no project on the target yet")
        ctx.intend("create database")
        ctx.target.create_database(
            ctx.tenant.environment_id, _wish(ctx, spec, own), ctx.blueprint.server_id
        )
        found, how = _look(ctx, spec, own), "created"
    if found is None:
        raise Transient("The database was created but is not listed yet")
    ctx.say(f"Database {found.name} {how}; internal host {found.app_name}")
    return Done(
        f"databaseId={found.id}",
        service={
            "db_id": found.id,
            "app_name": found.app_name,
            "db_name": spec.database,
            "db_user": spec.user,
            "created": True,
        },
        details={"databaseId": found.id, "appName": found.app_name, "how": how},
    )


def deploy(ctx: StepContext) -> Done | Wait:
    """
    Starts the database where it does not run yet.

    The target answers only when the pull is over; a timeout means unknown, so the next claim
    looks at the status instead of deploying again. A running one is never deployed twice: that
    would restart it.
    """
    spec, own = ctx.the_database()
    if spec.kind in IMAGE_KINDS:
        return database_image.deploy(ctx)
    if own.db_id is None:
        raise Permanent("The database was not created")
    seen = _status(ctx, spec, own.db_id)
    if seen == "done":
        # With the limits of its last roll-out: new ones are the business of db.restart.
        mark = own.applied.get("running") or database_fingerprint(spec)
        return _deployed(own, mark, "runs")
    if seen == "running" and ctx.intent is None and ctx.waited < ctx.call_deadline:
        return Wait(ctx.poll_seconds, "The target is still pulling and starting the database")
    if seen == "running":
        # A restart of the target leaves this word behind for ever, and nobody at work: a claim
        # with an intent comes only after the time that its call could have taken.
        ctx.say("The target calls it running, but nothing can be at work; starting it again")
    if seen == "error" and ctx.intent is None and ctx.attempt > 1:
        ctx.say("The last start failed; starting it once more")
    if own.applied or spec.limits != Limits():
        ctx.intend("set database limits")
        ctx.target.configure_database(native(spec.kind), own.db_id, spec.limits, spec.image)
    ctx.intend("deploy database")
    ctx.target.deploy_database(native(spec.kind), own.db_id, deadline=ctx.call_deadline)
    after = _status(ctx, spec, own.db_id)
    if after == "done":
        return _deployed(
            own, database_fingerprint(spec), f"started on port {facts(spec.kind).port}"
        )
    if after == "running":
        return Wait(ctx.poll_seconds, "The target is starting the database")
    raise Transient(f"The database did not start (status {after})", most_tries=3)


def _deployed(own: ServiceFacts, mark: str, words: str) -> Done:
    return Done(
        f"The database {words}",
        service={
            "deploy_triggered": True,
            "deployed": True,
            "applied": {**own.applied, "running": mark},
        },
        details={"databaseId": own.db_id},
    )


def _status(ctx: StepContext, spec: DatabaseSpec, database_id: str) -> str:
    seen = ctx.target.database(native(spec.kind), database_id)
    if seen is None:
        raise Permanent("The database is gone from the target; restore it or create a new tenant")
    return seen.status


def _look(ctx: StepContext, spec: DatabaseSpec, own: ServiceFacts) -> ServiceSeen | None:
    if ctx.tenant.project_id is None:
        return None
    project = ctx.target.project(ctx.tenant.project_id)
    services = [s for s in project.services if s.kind == spec.kind] if project else []
    found = ours(services, own.marker, own.db_id)
    for double in found[1:]:
        # Never deleted: somebody may have stored data in it.
        ctx.say(f"A second database carries our marker and was left alone: {double.id}")
    return found[0] if found else None


def _wish(ctx: StepContext, spec: DatabaseSpec, own: ServiceFacts) -> DatabaseWish:
    password = ctx.secret(f"{own.name}/{PASSWORD}")
    name = target_name(ctx.blueprint.template_slug, ctx.blueprint.subdomain, own.name)
    return DatabaseWish(
        kind=native(spec.kind),
        name=own.name,
        app_name=name,
        description=describe(own.marker, ctx.blueprint.tenant_name),
        database=spec.database,
        user=spec.user,
        password=password,
        root_password=password,
        image=spec.image,
    )
