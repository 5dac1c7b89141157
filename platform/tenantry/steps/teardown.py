"""
Leaving without a trace: each thing is removed, and looked for until it is gone.

A target answers a removal before its engine has done it, and swallows the engine's errors. So gone
means two things: the row is no longer there, and the engine, which has just shown that it answers,
lists nothing of that name.
"""

from collections.abc import Callable
from typing import Any

from tenantry.errors import Permanent, Transient
from tenantry.planning.databases import native
from tenantry.ports import ProjectSeen
from tenantry.steps.adoption import carries
from tenantry.steps.context import ServiceFacts, StepContext
from tenantry.steps.outcomes import Done, HostnameRouted, Skip, Wait


def wait_builds(ctx: StepContext) -> Done | Wait:
    """Drops what waits in the queue and waits for what runs: it would bring containers back."""
    ours = {facts.app_id or facts.compose_id: facts for facts in ctx.services.values()}
    jobs = [job for job in ctx.target.queue() if job.app_id in ours]
    for job in jobs:
        if job.state == "waiting":
            ctx.intend("drop waiting builds", app_id=job.app_id)
            if ours[job.app_id].compose_id == job.app_id:
                ctx.target.drop_waiting_runs(job.app_id)
            else:
                ctx.target.drop_waiting_builds(job.app_id)
    running = [job for job in jobs if job.state != "waiting"]
    if running:
        names = ", ".join(sorted({ours[job.app_id].name for job in running}))
        return Wait(ctx.poll_seconds, f"A build still runs: {names}")
    return Done("No build runs")


def remove_schedules(ctx: StepContext) -> Done | Skip:
    """Schedules and stored volume backups; they fire on when their service is gone."""
    own = _own(ctx)
    object_id = own.app_id or own.compose_id
    if object_id is None:
        return Skip("It was never created")
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
    return Done(f"{len(removed)} removed", details={"removed": removed})


def remove_domains(ctx: StepContext) -> Done | Skip:
    """Every domain object of the service, the additional ones too."""
    own = _own(ctx)
    object_id = own.app_id or own.compose_id
    if object_id is None:
        return Skip("It was never created")
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
        service={"domain_id": None},
        details={"removed": [f"domain {host}" for host in removed]},
        records=tuple(records),
    )


def remove_service(ctx: StepContext) -> Done | Wait | Skip:
    """The application or stack, until its row and everything that ran of it are gone."""
    own = _own(ctx)
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
    return Skip("It was never created")


def remove_database(ctx: StepContext) -> Done | Wait | Skip:
    """The database, until its row and its service are gone; its volume stays."""
    spec, own = ctx.the_database()
    if own.db_id is None:
        if own.app_id:
            _remove_copies(ctx, "application", own.app_id)
        return remove_service(ctx)
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
    if ctx.tenant.project_id is None:
        return Skip("It was never created")
    project = ctx.target.project(ctx.tenant.project_id)
    if project is None:
        how = "removed" if ctx.intent else "gone already"
        return _project_gone(how)
    if project.services:
        names = ", ".join(f"{s.kind} {s.name}" for s in project.services)
        raise Permanent(f"Incomplete: the project still holds {names}, which is not ours to remove")
    ctx.intend("remove project")
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


def certify(ctx: StepContext) -> Done | Wait:
    """
    Looks once more for everything under our markers; one thing left means incomplete.

    What stays on purpose is named: volumes, and files in backup storage.
    """
    if not ctx.target.nodes(ctx.blueprint.server_id):
        return Wait(ctx.poll_seconds, "The target's engine does not answer now")
    left = [*_rows_left(ctx), *_running_left(ctx)]
    if left:
        raise Permanent(f"Incomplete: {'; '.join(left)}")
    names = sorted({facts.app_name for facts in ctx.services.values() if facts.app_name})
    volumes = [
        volume
        for volume in ctx.target.volumes(ctx.blueprint.server_id)
        if any(_of(volume, name) for name in names)
    ]
    words = f"{len(volumes)} volume{'' if len(volumes) == 1 else 's'} kept"
    details: dict[str, Any] = {"volumes": volumes, "services": names}
    if ctx.blueprint.backup:
        details["destination"] = ctx.blueprint.backup.destination_id
        words += "; backups stay in storage"
    ctx.say(*(f"kept: volume {volume}" for volume in volumes))
    return Done(f"Nothing is left but what was named: {words}", details=details)


def _of(volume: str, name: str) -> bool:
    return volume == name or volume.startswith((f"{name}-", f"{name}_"))


def _rows_left(ctx: StepContext) -> list[str]:
    marked: list[ProjectSeen] = list(ctx.target.projects_marked(ctx.tenant.marker))
    found = [f"project {p.name} ({p.id})" for p in marked if carries(p, ctx.tenant.marker)]
    return found + [f"{s.kind} {s.name} ({s.id})" for p in marked for s in p.services]


def _running_left(ctx: StepContext) -> list[str]:
    names = [facts.app_name for facts in ctx.services.values() if facts.app_name]
    return [
        f"{app.name} runs"
        for app in ctx.target.node_apps(ctx.blueprint.server_id)
        if any(app.name == name or app.name.startswith(f"{name}_") for name in names)
    ]


def remove_volumes(ctx: StepContext) -> Done:
    """The volumes that staff have named, one by one; their data is gone after it."""
    there = set(ctx.target.volumes(ctx.blueprint.server_id))
    gone = []
    for name in ctx.blueprint.volumes:
        if name in there:
            ctx.intend("remove volume", volume=name)
            ctx.target.remove_volume(name, ctx.blueprint.server_id)
            gone.append(name)
    left = set(ctx.blueprint.volumes) & set(ctx.target.volumes(ctx.blueprint.server_id))
    if left:
        raise Permanent(f"The volume {min(left)} is still there")
    return Done(f"{len(gone)} removed", details={"removed": [f"volume {name}" for name in gone]})


def _own(ctx: StepContext) -> ServiceFacts:
    if ctx.own is None:
        raise Permanent("This step has no service")
    return ctx.own
