"""
`restore.check`, `.run` and `.verify`: a guided restore.

The target's restore is not in its published API, says success for a file that does not exist, and
goes on when the caller hangs up. So it runs only where staff have switched it on for the target,
after a look at the file and a fresh backup, and is never repeated blindly.
"""

from tenantry.errors import Permanent, Transient
from tenantry.planning.blueprint import DatabaseSpec, RestorePlan
from tenantry.planning.databases import native
from tenantry.steps.context import ServiceFacts, StepContext
from tenantry.steps.outcomes import Done, Wait


def check(ctx: StepContext) -> Done:
    """The target may restore, and the file is there with the size that is known."""
    wanted, _, _ = _wanted(ctx)
    if not ctx.target.capabilities().restore:
        raise Permanent("Restore is not switched on for this target")
    seen = next(
        (
            file
            for file in ctx.target.backup_files(wanted.destination_id, wanted.path)
            if file.path == wanted.path
        ),
        None,
    )
    if seen is None:
        raise Permanent(f"{wanted.path} is not in the storage, or the storage cannot be read")
    if seen.size != wanted.size:
        raise Permanent(f"{wanted.path} has {seen.size} bytes now; {wanted.size} were recorded")
    return Done(f"{wanted.path}, {seen.size} bytes", details={"path": wanted.path})


def run(ctx: StepContext) -> Done:
    """Sends the restore once; after a lost answer only a person may say what happened."""
    wanted, spec, own = _wanted(ctx)
    if ctx.intent is not None:
        raise Permanent(
            "The restore was sent and its answer was lost: it may have run. Look at the database, "
            "then mark this step done, or start another restore"
        )
    kind = native(spec.kind)
    ctx.intend("restore", path=wanted.path)
    lines = ctx.target.restore(
        kind,
        own.db_id or "",
        spec.database,
        wanted.destination_id,
        wanted.path,
        deadline=ctx.call_deadline,
    )
    ctx.say(*lines, stream="stdout")
    if any("error" in line.lower() for line in lines):
        raise Permanent("The target's restore spoke of an error; the log has its lines")
    return Done("The target says that it is restored", details={"path": wanted.path})


def verify(ctx: StepContext) -> Done | Wait:
    """
    Our own look: the database runs, and the file that was restored is still the same one.

    What its contents mean only the product knows: the health checks that follow ask it.
    """
    wanted, _, own = _wanted(ctx)
    seen = ctx.target.containers(own.app_name or "", ctx.blueprint.server_id)
    up = [c for c in seen if c.state == "running" and c.wanted == "running"]
    if not up:
        problem = next((c.error for c in seen if c.error), "")
        words = f"The database does not run yet{': ' + problem if problem else ''}"
        return Wait(ctx.poll_seconds, words)
    files = ctx.target.backup_files(wanted.destination_id, wanted.path)
    if not any(file.path == wanted.path and file.size == wanted.size for file in files):
        raise Transient("The file that was restored is not there any more", most_tries=2)
    return Done("The database runs, and its file was there before and after")


def _wanted(ctx: StepContext) -> tuple[RestorePlan, DatabaseSpec, ServiceFacts]:
    if ctx.blueprint.restore is None or ctx.blueprint.database is None or ctx.own is None:
        raise Permanent("This deployment has nothing to restore")
    if ctx.own.db_id is None:
        raise Permanent("Only a database of the target's own kinds can be restored by it")
    return ctx.blueprint.restore, ctx.blueprint.database, ctx.own
