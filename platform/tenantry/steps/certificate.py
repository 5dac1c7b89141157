"""`teardown.certify` and `volumes.remove`: what stays after a teardown, and its end."""

from typing import Any

from tenantry.errors import Permanent
from tenantry.ports import ProjectSeen
from tenantry.steps.adoption import carries
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done, Wait


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
