"""
`service.<name>.settings`, `.mount`, `.reload`, `.observe`, `.fresh_build`, `.cached_build` and
`.roll_back`: how a service runs, without a new build.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from tenantry.errors import Permanent
from tenantry.planning.actions import RESTART
from tenantry.planning.naming import volume_name
from tenantry.ports import ContainerSeen, ContainerTimes
from tenantry.steps import things
from tenantry.steps.application import running_of
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import Done, ReplicaSeen, ReplicasSeen, Skip, Wait

NO_ROOM = "insufficient resources"


def configure(ctx: StepContext) -> Done | Skip:
    """Stores replicas, limits and arguments; they take effect at the next reload or build."""
    spec, _ = ctx.the_service()
    if spec.compose:
        return Skip("A compose file says this itself")
    app_id, running = ctx.app_id(), running_of(spec)
    ctx.intend("set replicas and limits", app_id=app_id)
    ctx.target.configure_application(app_id, running)
    limits = spec.limits
    said = [f"{running.replicas} wanted"]
    if limits.cpu_cores is not None:
        said.append(f"{limits.cpu_cores:g} cores")
    if limits.memory_mb is not None:
        said.append(f"{limits.memory_mb} MB")
    return Done(
        ", ".join(said),
        details={
            "replicas": running.replicas,
            "memory": limits.memory_bytes,
            "cpu": limits.nano_cpus,
        },
    )


def mount(ctx: StepContext) -> Done:
    """Mounts each volume once; one that is there under another name is left and reported."""
    spec, own = ctx.the_service()
    app_id = ctx.app_id()
    there = _mounts(ctx, app_id)
    for plain in spec.volumes:
        volume = replace(plain, name=volume_name(own.app_name or "", plain.name))
        if volume.path not in there:
            ctx.intend("mount volume", path=volume.path)
            ctx.target.create_volume(app_id, volume)
        elif there[volume.path] != volume.name:
            ctx.say(f"{volume.path} holds the volume {there[volume.path]}; it was left as it is")
    missing = {volume.path for volume in spec.volumes} - set(_mounts(ctx, app_id))
    if missing:
        raise Permanent(f"The target does not list the volume at {min(missing)}")
    number = len(spec.volumes)
    return Done(f"{number} volume{'' if number == 1 else 's'} mounted")


def _mounts(ctx: StepContext, app_id: str) -> dict[str, str]:
    seen = ctx.target.application(app_id)
    if seen is None:
        raise Permanent("The application is gone from the target")
    return {mount.path: mount.source for mount in seen.mounts}


def fresh_build(ctx: StepContext) -> Done | Skip:
    """The next builds use no cache; a stored setting, put back by `cached_build`."""
    return _cache(ctx, fresh=True)


def cached_build(ctx: StepContext) -> Done | Skip:
    """Puts the stored setting back."""
    return _cache(ctx, fresh=False)


def _cache(ctx: StepContext, *, fresh: bool) -> Done | Skip:
    if things.is_stack(ctx):
        return Skip("A compose stack has no build cache setting")
    app_id = ctx.app_id()
    ctx.intend("set build cache", fresh=fresh)
    ctx.target.set_fresh_build(app_id, fresh=fresh)
    return Done("The next builds use no cache" if fresh else "Builds use the cache again")


def reload(ctx: StepContext) -> Done:
    """
    Applies the stored settings, which replaces the containers.

    Only what was deployed: reloaded otherwise, the target runs an image that was never built. A
    claim with an intent looks first whether the containers were replaced already.
    """
    spec, own = ctx.the_service()
    app_id = ctx.app_id()
    if "source" not in own.applied and ctx.target.application_status(app_id) != "done":
        raise Permanent("It was never deployed: deploy it first")
    there = [c.id for c in things.containers(ctx) if c.wanted == "running"]
    earlier = set((ctx.intent or {}).get("containers") or ())
    if not (earlier and there and earlier.isdisjoint(there)):
        ctx.intend("reload", containers=there)
        ctx.target.reload_application(app_id, own.app_name or "")
    # Only what this deployment has stored on the target is what runs now: a restart stores nothing.
    stored = ctx.blueprint.action != RESTART and spec.takes("settings")
    applied = own.with_applied(ctx.marks(), "running") if stored else dict(own.applied)
    return Done("Applied; the containers are replaced", service={"applied": applied})


def observe(ctx: StepContext) -> Done | Wait:
    """
    Looks until as many containers run as are wanted.

    No containers at all, where some are wanted, may also be an error of the target's own. A target
    without room keeps the step waiting, and says so.
    """
    spec, _ = ctx.the_service()
    seen = things.containers(ctx)
    live = [c for c in seen if c.wanted == "running"]
    up = [c for c in live if c.state == "running"]
    records = (ReplicasSeen(tuple(_replicas(ctx, seen))),)
    wanted = len({c.name or c.id for c in live}) if spec.compose else running_of(spec).replicas
    facts = {"running_replicas": len(up)}
    if len(up) == len(live) == wanted and (seen or not wanted):
        words = f"{wanted} wanted, {len(up)} running"
        return Done(words, service=facts, records=records, details={"running": len(up)})
    problem = next((c.error for c in live if c.error and c.state != "running"), "")
    words = f"{wanted} wanted, {len(up)} running"
    if NO_ROOM in problem:
        words += ": the target has no room for more"
    elif problem:
        words += f": {problem}"
    elif not seen:
        words += "; the target lists no containers, which may be an error of its own"
    return Wait(ctx.poll_seconds, words, facts, {"running": len(up)}, records)


def _replicas(ctx: StepContext, seen: Sequence[ContainerSeen]) -> Iterator[ReplicaSeen]:
    times: Mapping[str, ContainerTimes] = {}
    if seen and ctx.own and ctx.own.app_name and not things.is_stack(ctx):
        times = ctx.target.container_times(ctx.own.app_name, ctx.blueprint.server_id)
    for one in seen:
        exact = times.get(one.id)
        yield ReplicaSeen(
            task_id=one.id,
            state=one.state,
            wanted=one.wanted,
            node=one.node,
            error=one.error,
            container_id=exact.container_id if exact else None,
            started_at=exact.started_at if exact else _moment(one.created_at),
            stopped_at=exact.stopped_at if exact else None,
            exact=exact is not None,
        )


def _moment(text: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if text else None
    except ValueError:
        return None


def roll_back(ctx: StepContext) -> Done:
    """
    The target's own rollback, to the image and settings that it kept of then.

    Its source is marked as rolled back: the next deployment goes forward again.
    """
    spec, own = ctx.the_service()
    if spec.roll_back is None:
        raise Permanent("This deployment has no rollback of the target's own")
    ctx.intend("roll back", rollback_id=spec.roll_back)
    ctx.target.roll_back(spec.roll_back)
    marks = ctx.marks() | {"source": f"rolled back {spec.roll_back}"}
    service: dict[str, Any] = {
        "applied": own.with_applied(marks, "source", "build", "env", "running", "volumes")
    }
    if spec.roll_back_commit:
        service["commit_hash"] = spec.roll_back_commit
    return Done(
        "The target went back to the image of then",
        service=service,
        details={"commit": spec.roll_back_commit, "rollbackId": spec.roll_back},
    )
