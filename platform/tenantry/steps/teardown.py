"""
Leaving without a trace: each thing is removed, and looked for until it is gone.

A target answers a removal before its engine has done it, and swallows the engine's errors. So gone
means two things: the row is no longer there, and the engine, which has just shown that it answers,
lists nothing of that name.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from tenantry.errors import Permanent, Transient
from tenantry.planning.databases import native
from tenantry.steps import lost
from tenantry.steps.context import ServiceFacts, StepContext
from tenantry.steps.outcomes import Done, HostnameRouted, Skip, Wait

GONE: Mapping[str, Any] = {
    "applied": {},
    "created": False,
    "git_attached": False,
    "build_configured": False,
    "env_configured": False,
    "env_fingerprint": None,
    "deploy_triggered": False,
    "deployed": False,
    "build_trace": {},
    "image_digest": None,
    "running_replicas": 0,
}


def wait_builds(ctx: StepContext) -> Done | Wait:
    """Drops what waits in the queue and waits for what runs: it would bring containers back."""
    ours = {facts.app_id or facts.compose_id: facts for facts in lost.with_ids(ctx)}
    jobs = [job for job in ctx.target.queue() if job.app_id in ours]
    for job in jobs:
        if job.state == "waiting":
            ctx.intend("drop waiting builds", app_id=job.app_id)
            if ours[job.app_id].compose_id == job.app_id:
                ctx.target.drop_waiting_runs(job.app_id)
            else:
                ctx.target.drop_waiting_builds(job.app_id)
    if jobs:
        # One that waited may have started right before it was dropped: looked at once more.
        names = ", ".join(sorted({ours[job.app_id].name for job in jobs}))
        running = any(job.state != "waiting" for job in jobs)
        words = "A build still runs" if running else "A waiting build was dropped"
        return Wait(ctx.poll_seconds, f"{words}: {names}")
    return Done("No build runs")


def remove_schedules(ctx: StepContext) -> Done | Wait | Skip:
    """Schedules and stored volume backups; they fire on when their service is gone."""
    own = _own(ctx)
    object_id = own.app_id or own.compose_id
    if object_id is None:
        return lost.found(ctx, own) or lost.nothing(own)
    removed = []
    if own.app_id:
        for schedule in ctx.target.schedules_of(own.app_id):
            ctx.intend("delete schedule", schedule_id=schedule.id)
            ctx.target.delete_schedule(schedule.id)
            removed.append(f"schedule {schedule.name}")
    kind = "application" if own.app_id else "compose"
    removed += _remove_copies(ctx, kind, object_id)
    left = [*(ctx.target.schedules_of(own.app_id) if own.app_id else ())]
    if left or ctx.target.volume_backups(kind, object_id):
        raise Transient("A schedule is still listed after it was removed")
    return Done(
        f"{len(removed)} removed",
        service={"applied": _without(own, "schedules"), "paused": []},
        details={"removed": removed},
    )


def _without(own: ServiceFacts, part: str) -> dict[str, Any]:
    return {name: mark for name, mark in own.applied.items() if name != part}


def remove_domains(ctx: StepContext) -> Done | Wait | Skip:
    """Every domain object of the service, the additional ones too."""
    own = _own(ctx)
    object_id = own.app_id or own.compose_id
    if object_id is None:
        return lost.found(ctx, own) or lost.nothing(own)
    look = ctx.target.domains if own.app_id else ctx.target.compose_domains
    removed, records = [], []
    for domain in look(object_id):
        ctx.intend("delete domain", domain_id=domain.id)
        ctx.target.delete_domain(domain.id)
        removed.append(domain.host)
        records.append(HostnameRouted(domain.host, None))
    if look(object_id):
        raise Transient("A domain is still listed after it was removed")
    return Done(
        ", ".join(removed) or "It had none",
        service={"domain_id": None, "applied": _without(own, "domains")},
        details={"removed": [f"domain {host}" for host in removed]},
        records=tuple(records),
    )


def remove_service(ctx: StepContext) -> Done | Wait | Skip:
    """The application or stack, until its row and everything that ran of it are gone."""
    outcome = _remove_service(ctx, _own(ctx))
    if isinstance(outcome, Done):
        # Its name stays: the certificate and its image go by it.
        return replace(outcome, service={**GONE, "app_id": None, "compose_id": None})
    return outcome


def _remove_service(ctx: StepContext, own: ServiceFacts) -> Done | Wait | Skip:
    if own.compose_id:
        stack = own.compose_id
        return _remove(
            ctx,
            own,
            f"stack {own.name}",
            there=lambda: ctx.target.compose(stack) is not None,
            remove=lambda: ctx.target.delete_compose(stack),
        )
    if own.app_id:
        app = own.app_id
        return _remove(
            ctx,
            own,
            f"application {own.name}",
            there=lambda: ctx.target.application_status(app) is not None,
            remove=lambda: ctx.target.delete_application(app),
        )
    return lost.found(ctx, own) or lost.nothing(own)


def remove_database(ctx: StepContext) -> Done | Wait | Skip:
    """
    The database, until its row and its service are gone; its volume stays.

    Its id stays known, so that no deployment ever puts an empty one in its place.
    """
    outcome = _remove_database(ctx)
    return replace(outcome, service=GONE) if isinstance(outcome, Done) else outcome


def _remove_database(ctx: StepContext) -> Done | Wait | Skip:
    spec, own = ctx.the_database()
    if own.db_id is None:
        if own.app_id:
            _remove_copies(ctx, "application", own.app_id)
        return _remove_service(ctx, own)
    kind, database = native(spec.kind), own.db_id
    _remove_copies(ctx, kind, database)
    return _remove(
        ctx,
        own,
        f"database {own.name}",
        there=lambda: ctx.target.database(kind, database) is not None,
        remove=lambda: ctx.target.remove_database(kind, database),
    )


def _remove_copies(ctx: StepContext, kind: str, object_id: str) -> list[str]:
    """Stored volume backups; they would fire on when what they copy is gone."""
    removed = []
    for stored in ctx.target.volume_backups(kind, object_id):
        ctx.intend("delete volume backup", volume_backup_id=stored.id)
        ctx.target.remove_volume_backup(stored.id)
        removed.append(f"volume backup {stored.wish.name}")
    return removed


def _remove(
    ctx: StepContext,
    own: ServiceFacts,
    what: str,
    *,
    there: Callable[[], bool],
    remove: Callable[[], None],
) -> Done | Wait:
    found = there()
    if found:
        ctx.intend("remove", what=what)
        remove()
        if there():
            raise Transient(f"The {what} is still there after it was removed")
    how = "removed" if found or ctx.intent else ctx.memory.get("how", "gone already")
    details = {"how": how, "removed": [what] if how == "removed" else []}
    details["gone"] = [] if how == "removed" else [what]
    left = _still_runs(ctx, own)
    if left is None:
        return Wait(ctx.poll_seconds, "The target's engine does not answer now", details=details)
    if left:
        return Wait(
            ctx.poll_seconds, f"The {what} is removed, but {left[0]} still runs", details=details
        )
    return Done(f"The {what} is {how}", details=details)


def _still_runs(ctx: StepContext, own: ServiceFacts) -> list[str] | None:
    """Services of that name in the engine; None where the engine did not show that it answers."""
    name = own.app_name
    if not name:
        return []
    if not ctx.target.nodes(ctx.blueprint.server_id):
        return None
    listed = [app.name for app in ctx.target.node_apps(ctx.blueprint.server_id)]
    return [app for app in listed if app == name or app.startswith(f"{name}_")]


def remove_image(ctx: StepContext) -> Done | Skip:
    """The image that was built for the service: it may hold the settings of that time."""
    own = _own(ctx)
    if not own.app_name:
        return Skip("It was never created")
    # Those that a registry keeps for the target's own rollback stand under its name too.
    built = [
        image
        for image in ctx.target.images(ctx.blueprint.server_id)
        if image.repository.rpartition("/")[2] == own.app_name
    ]
    for image in built:
        ctx.intend("remove image", image=image.id)
        ctx.target.remove_image(image, ctx.blueprint.server_id)
    names = [f"image {i.repository}:{i.tag}" for i in built]
    return Done(", ".join(names) or "It had none", details={"removed": names})


def remove_project(ctx: StepContext) -> Done | Skip:
    """The project, only when nothing is left in it: what is left would run on, named by nothing."""
    there = lost.projects(ctx)
    if not there:
        if ctx.tenant.project_id is None and not ctx.intent:
            return Skip("It was never created")
        return _project_gone("removed" if ctx.intent else "gone already")
    for project in there:
        if project.services:
            names = ", ".join(f"{s.kind} {s.name}" for s in project.services)
            raise Permanent(
                f"Incomplete: the project still holds {names}, which is not ours to remove"
            )
        ctx.intend("remove project", project_id=project.id)
        ctx.target.delete_project(project.id)
        if ctx.target.project(project.id) is not None:
            raise Transient("The project is still there after it was removed")
    return _project_gone("removed")


def _project_gone(how: str) -> Done:
    key = "removed" if how == "removed" else "gone"
    return Done(
        f"The project is {how}",
        tenant={"dokploy_project_id": None, "dokploy_environment_id": None},
        details={key: ["project"], "how": how},
    )


def _own(ctx: StepContext) -> ServiceFacts:
    if ctx.own is None:
        raise Permanent("This step has no service")
    return ctx.own
