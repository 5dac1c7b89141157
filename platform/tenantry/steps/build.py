"""
`service.<name>.deploy` and `.wait_deploy`: one build, triggered once, followed to its end.

The target answers a trigger with nothing: no id, no row until the build starts. So what is needed
to recognise it is remembered with the intent: the ids seen before, a title of our own, and the
containers that ran before. Its queue lives in memory and is lost at a restart, without a trace.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from tenantry.errors import Permanent
from tenantry.planning.buildphase import phase_of
from tenantry.ports import BuildSeen, ContainerSeen
from tenantry.steps import things
from tenantry.steps.buildlog import commit_of, digest_of, last_error, new_lines
from tenantry.steps.context import StepContext
from tenantry.steps.environment import check_environment
from tenantry.steps.outcomes import Done, Wait

# A build that began and took its target down with it must not do so for ever. One that was lost in
# line never ran: that says nothing of it, only how often the target restarted.
MOST_BEGUN = 4
MOST_TRIGGERS = 12
CONTAINER_PATIENCE_POLLS = 36
UNKNOWN_POLLS = 6
LOG_TAIL = 10_000


def trigger(ctx: StepContext) -> Done:
    """Puts one build into the queue; a claim after a crash adopts the one that is there."""
    app_id = things.object_id(ctx)
    earlier = ctx.intent if ctx.intent and "before" in ctx.intent else None
    if earlier and _is_there(ctx, app_id, earlier):
        trace = dict(earlier)
        ctx.say("The build was triggered already")
    else:
        trace = _trigger(ctx, number=1)
    return Done(
        "Build triggered",
        service={"deploy_triggered": True, "deployed": False, "build_trace": trace},
        details={"title": trace["title"]},
    )


def _is_there(ctx: StepContext, app_id: str, earlier: Mapping[str, Any]) -> bool:
    """
    Whether the build of an earlier claim runs, ran, or stands in line.

    Where another deployment of this tenant has built since (an older one that was resumed after
    this one was cancelled), what is new may be its build: then only our own title is proof.
    """
    _, own = ctx.the_service()
    title = str(earlier["title"])
    alone = (
        not _is_others(ctx, own.build_trace)
        or own.build_trace.get("build_id") in (earlier["before"])
    )
    # The queue first, then the builds: a job leaves the one for the other. Asked the other way
    # round, one that started and ended between the two answers would be in neither.
    if alone:
        return bool(_queued(ctx, app_id, title) or _pick(things.builds(ctx), earlier))
    if any(job.title == title for job in ctx.target.queue()):
        return True
    return title in [build.title for build in things.builds(ctx)]


def _is_others(ctx: StepContext, trace: Mapping[str, Any]) -> bool:
    """Whether a trace was left by another deployment than this one."""
    return trace.get("deployment") not in {None, ctx.deployment.public_id}


def _trigger(ctx: StepContext, *, number: int, begun: int = 0) -> dict[str, Any]:
    _, own = ctx.the_service()
    title = f"tenantry {ctx.deployment.public_id} e{ctx.deployment.epoch} t{number}"
    trace = {
        "title": title,
        "before": [build.id for build in things.builds(ctx)],
        "containers": [c.id for c in things.containers(ctx)],
        "number": number,
        "begun": begun,
        "deployment": ctx.deployment.public_id,
        "epoch": ctx.deployment.epoch,
        "waited": ctx.waited if number > 1 else 0.0,
    }
    ctx.intend("trigger build", **trace)
    things.trigger(ctx, title, f"{ctx.tenant.marker} {own.name}")
    return trace


def wait(ctx: StepContext) -> Done | Wait:
    """Follows the build: queue, phases, log, end; then asks for a container that is new."""
    app_id = things.object_id(ctx)
    trace = _trace(ctx)
    if _is_others(ctx, trace):
        return _again(ctx, trace, "Another deployment has built meanwhile; building once more")
    if trace.get("epoch") != ctx.deployment.epoch and _ended_badly(ctx, app_id, trace):
        return _again(ctx, trace, "The last build failed; building once more")
    build = _known(ctx, trace)
    if build is None:
        return _not_started(ctx, app_id, trace)
    details: dict[str, Any] = {"buildId": build.id, "status": build.status}
    log = ctx.target.build_log(build.id, LOG_TAIL)
    lines, cursor = new_lines(log, ctx.memory.get("log"), finished=build.status != "running")
    ctx.say(*lines, stream="stdout")
    details["log"] = cursor
    # By the details, not by the trace: one that stands in an intent never learns of its build.
    known = ctx.memory.get("buildId") == build.id
    trace = {**trace, "build_id": build.id}
    if build.status == "running":
        if not known:
            # How long it stood in line is not counted, nor that nobody looked meanwhile.
            details["seen"] = ctx.waited
        phase = phase_of(log)
        words = f"Building: {phase}" if phase else "Building"
        return Wait(ctx.poll_seconds, words, {"build_trace": trace}, {**details, "phase": phase})
    if build.status == "cancelled":
        return _again(ctx, trace, "The target was restarted during the build", began=True)
    if build.status == "error":
        raise Permanent(f"The build failed: {last_error(log) or build.error or 'see its log'}")
    if digest := digest_of(log):
        details["digest"] = digest
    return _running(ctx, trace, build, details)


def _trace(ctx: StepContext) -> Mapping[str, Any]:
    # A trigger of this very step whose settle was lost stands in its intent.
    if ctx.intent and "before" in ctx.intent:
        return ctx.intent
    _, own = ctx.the_service()
    if not own.build_trace:
        raise Permanent("No build was triggered")
    return own.build_trace


def _known(ctx: StepContext, trace: Mapping[str, Any]) -> BuildSeen | None:
    return _pick(things.builds(ctx), trace)


def _pick(builds: Sequence[BuildSeen], trace: Mapping[str, Any]) -> BuildSeen | None:
    """
    Ours among the builds: the id once seen, else our title, else the oldest that is new.

    The title is overwritten by the commit message when a build from a repository ends; nobody
    else triggers builds of this application, since its automatic deploys are off.
    """
    known = trace.get("build_id")
    if known:
        return next((b for b in builds if b.id == known), None)
    new = [b for b in builds if b.id not in trace["before"]]
    titled = [b for b in new if b.title == trace["title"]]
    return min(titled or new, key=lambda b: (b.created_at, b.id), default=None)


def _queued(ctx: StepContext, app_id: str, title: str) -> int | None:
    """Our place in the target's queue, from 1; None where we are not in it."""
    jobs = ctx.target.queue()
    places = [n for n, job in enumerate(jobs, start=1) if job.app_id == app_id]
    exact = [
        n for n, job in enumerate(jobs, start=1) if job.app_id == app_id and job.title == title
    ]
    return next(iter(exact or places), None)


def _not_started(ctx: StepContext, app_id: str, trace: Mapping[str, Any]) -> Wait | Done:
    # The trace may stand only in an intent that this answer forgets: it is kept with the service.
    kept = {"build_trace": dict(trace)}
    place = _queued(ctx, app_id, str(trace["title"]))
    if place is not None:
        words = "Next in the target's queue" if place == 1 else f"Number {place} in its queue"
        return Wait(ctx.poll_seconds, words, kept, {"seen": ctx.waited})
    # Neither queued nor listed. Waiting in line is not lost; being nowhere for this long is.
    marks = (float(ctx.memory.get("seen", 0.0)), float(trace.get("waited", 0.0)))
    # A resume starts the count anew: what lies ahead of it was seen before.
    since = max((mark for mark in marks if mark <= ctx.waited), default=0.0)
    if ctx.waited - since < ctx.times.build_lost:
        return Wait(ctx.poll_seconds, "Waiting for the target to start the build", kept)
    return _again(ctx, trace, "The target lost the build from its queue")


def _again(ctx: StepContext, trace: Mapping[str, Any], why: str, *, began: bool = False) -> Wait:
    """Triggers it once more; Permanent where that was done too often. `began`: it ran in vain."""
    fresh = trace.get("epoch") != ctx.deployment.epoch or _is_others(ctx, trace)
    number, begun = (0, 0) if fresh else (int(trace.get("number", 1)), int(trace.get("begun", 0)))
    begun += began and not fresh
    if begun >= MOST_BEGUN or number >= MOST_TRIGGERS:
        raise Permanent(f"The build never finished: triggered {number} times. {why}")
    ctx.say(f"{why}; triggering it again")
    new = _trigger(ctx, number=number + 1, begun=begun)
    return Wait(
        ctx.poll_seconds,
        why,
        {"build_trace": new},
        {"log": None, "seen": ctx.waited, "phase": "", "looks": 0},
    )


def _ended_badly(ctx: StepContext, app_id: str, trace: Mapping[str, Any]) -> bool:
    """Of a build of an earlier epoch: whether only a new one can bring the service up."""
    # In this order, see `_is_there`.
    place = _queued(ctx, app_id, str(trace["title"]))
    build = _known(ctx, trace)
    if build is None:
        return place is None
    if build.status != "done":
        return build.status in {"error", "cancelled"}
    # Its container was waited for in vain (the last look of that epoch is not remembered).
    in_vain = int(ctx.memory.get("looks", 0)) >= CONTAINER_PATIENCE_POLLS - 1
    return in_vain and not things.up_of(_fresh(things.containers(ctx), trace))


def _fresh(seen: Sequence[ContainerSeen], trace: Mapping[str, Any]) -> list[ContainerSeen]:
    return [c for c in seen if c.id not in trace.get("containers", ())]


def _whole(seen: Sequence[ContainerSeen]) -> bool:
    """Whether every task that a stack wants runs; what has ended is not wanted any more."""
    live = [c for c in seen if c.wanted == "running"]
    return bool(live) and len(things.up_of(live)) == len(live)


def _running(
    ctx: StepContext, trace: Mapping[str, Any], build: BuildSeen, details: dict[str, Any]
) -> Done | Wait:
    """
    "Done" only means that the engine took the new specification: a container must run that did
    not run before. No containers at all means unknown, since any Docker error reads so.
    """
    looks = int(ctx.memory.get("looks", 0)) + 1
    details["looks"] = looks
    seen = things.containers(ctx)
    fresh = _fresh(seen, trace)
    up = things.up_of(fresh)
    if up and things.is_stack(ctx) and not _whole(seen):
        up = []
    commit = commit_of(build.description)
    spec, _ = ctx.the_service()
    # The commit is written a moment after the status; it is looked for once more.
    late = spec.git is not None and commit is None and looks == 1
    if spec.replicas == 0 and not late:
        return _up(ctx, trace, build, details, "Built; no container is wanted")
    if up and not late:
        return _up(ctx, trace, build, details, "A new container runs")
    if things.is_stack(ctx) and not fresh and _whole(seen) and looks >= UNKNOWN_POLLS:
        return _up(ctx, trace, build, details, "Deployed; nothing in its file asked for a change")
    if not seen and looks >= UNKNOWN_POLLS:
        words = "Built; the target could not list its containers"
        return _up(ctx, trace, build, details, words)
    if looks >= CONTAINER_PATIENCE_POLLS:
        worst = next((c.error for c in fresh if c.error), "it does not start")
        raise Permanent(f"Built, but no new container runs: {worst}")
    problem = next((c.error for c in fresh if c.error), "")
    words = f"Built; its container does not run yet{': ' + problem if problem else ''}"
    words = "Built and running; asking once more for its commit" if up else words
    return Wait(ctx.poll_seconds, words, {"build_trace": trace}, details)


def _up(
    ctx: StepContext,
    trace: Mapping[str, Any],
    build: BuildSeen,
    details: dict[str, Any],
    words: str,
) -> Done:
    _, own = ctx.the_service()
    commit = commit_of(build.description)
    check_environment(ctx)
    service: dict[str, Any] = {
        "deployed": True,
        "last_build_id": build.id,
        "build_trace": trace,
        "applied": own.with_applied(ctx.marks(), "source", "build", "env", "running", "volumes"),
    }
    if commit:
        service["commit_hash"] = commit
    if "digest" in details:
        service["image_digest"] = details["digest"]
    return Done(
        f"{words}{f' (commit {commit[:10]})' if commit else ''}",
        service=service,
        details={**details, "commit": commit, "rollbackId": build.rollback_id},
    )
