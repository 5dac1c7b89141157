"""
`backup.schedule`, `backup.gate`, `backup.run` and `backup.final`.

A run counts only when its file was seen, with a plausible size. The call blocks until the file is
stored, and a time-out does not stop it; so the files that were there before stand in the intent,
and a claim after a lost answer looks for a new one before it runs another.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from tenantry.clock import utcnow
from tenantry.errors import Permanent
from tenantry.planning import backups as rules
from tenantry.planning.blueprint import BackupPlan
from tenantry.ports import BackupFile, BuildSeen
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import BackupFailed, BackupMade, Done, Wait
from tenantry.steps.stored_backups import Stored, plan_of, stored_of

PATIENT = 3
DATE = len("2026-01-01")


def schedule(ctx: StepContext) -> Done:
    """Stores the nightly plan on the target once, and corrects it where it differs."""
    plan = plan_of(ctx)
    stored = stored_of(ctx, plan, rules.NIGHTLY)
    keep = rules.kept_files(plan, rules.NIGHTLY)
    return Done(
        f"{plan.schedule} UTC, {plan.retention_days} days ({keep} files)",
        details={"backups": [one.id for one in stored]},
    )


def gate(ctx: StepContext) -> Done | Wait:
    """A fresh backup before something changes; without it the deployment fails, unchanged."""
    return _run(ctx, rules.GATE)


def run(ctx: StepContext) -> Done | Wait:
    """A backup now, because somebody asked for it."""
    return _run(ctx, rules.MANUAL)


def final(ctx: StepContext) -> Done | Wait:
    """The backup that stays when the tenant is gone."""
    return _run(ctx, rules.FINAL)


def _run(ctx: StepContext, kind: str) -> Done | Wait:
    """Runs each stored backup of the service once; one claim for each, so each has its intent."""
    plan = plan_of(ctx)
    finished = dict(ctx.memory.get("finished", {}))
    for stored in stored_of(ctx, plan, kind):
        if stored.id not in finished:
            return _one(ctx, plan, stored, finished)
    words = ", ".join(f"{path} ({size} bytes)" for path, size in finished.values())
    return Done(words or "Nothing to back up", details={"finished": finished})


def _one(ctx: StepContext, plan: BackupPlan, stored: Stored, finished: dict[str, Any]) -> Wait:
    intent = ctx.intent if ctx.intent and ctx.intent.get("backup_id") == stored.id else None
    if intent is None:
        intent = _send(ctx, plan, stored)
    made = _new_file(ctx, plan, stored, intent)
    if made is None and _our_run(ctx, stored, intent) is None:
        # Neither a run nor a file: what was intended was never sent.
        intent = _send(ctx, plan, stored)
        made = _new_file(ctx, plan, stored, intent)
    if made is None:
        return _without_file(ctx, plan, stored, intent, finished)
    problem = rules.problem_of_size(made.size, intent.get("earlier"))
    if problem:
        raise _failed(plan, stored, f"The backup does not count: {problem}", made)
    record = BackupMade(
        "volume" if stored.crash_consistent else stored.kind,
        "done",
        plan.destination_id,
        made.path,
        made.size,
        stored.crash_consistent,
    )
    kept = {**finished, stored.id: [made.path, made.size]}
    note = " (crash-consistent)" if stored.crash_consistent else ""
    return Wait(0.0, f"{made.path}{note}, {made.size} bytes", {}, {"finished": kept}, (record,))


def _send(ctx: StepContext, plan: BackupPlan, stored: Stored) -> dict[str, Any]:
    before = _files(ctx, plan, stored)
    newest = max(before, key=lambda file: file.path, default=None)
    intent: dict[str, Any] = {
        "backup_id": stored.id,
        "before": [file.path for file in before],
        "runs": [run.id for run in _runs(ctx, stored)],
        "earlier": newest.size if newest else None,
    }
    ctx.intend("back up", **intent)
    if stored.volume is not None or stored.database is None:
        ctx.target.run_volume_backup(stored.id, deadline=ctx.call_deadline)
    else:
        try:
            ctx.target.run_backup(stored.database, stored.id, deadline=ctx.call_deadline)
        except Permanent as refusal:
            # Its log says why, in words that are redacted before they are kept.
            raise _failed(plan, stored, _why(ctx, stored, intent) or str(refusal)) from None
    return intent


def _files(ctx: StepContext, plan: BackupPlan, stored: Stored) -> Sequence[BackupFile]:
    """
    Those of the last days: a list ends after a hundred, so the date stands in the search.

    By our clock, and by the target's own as its newest run shows it: the two may differ.
    """
    start = rules.folder(stored.app_name, stored.kind)
    if stored.volume is not None:
        start += f"{stored.volume}-"
    days = {(utcnow() + timedelta(days=n)).strftime("%Y-%m-%d") for n in (-1, 0, 1)}
    days |= {run.created_at[:DATE] for run in _runs(ctx, stored)[:2]}
    return [
        file
        for day in sorted(days)
        for file in ctx.target.backup_files(plan.destination_id, f"{start}{day}")
    ]


def _new_file(
    ctx: StepContext, plan: BackupPlan, stored: Stored, intent: dict[str, Any] | Any
) -> BackupFile | None:
    seen = {file.path: file for file in _files(ctx, plan, stored)}
    fresh = rules.new_files(intent["before"], list(seen))
    return seen[fresh[-1]] if fresh else None


def _runs(ctx: StepContext, stored: Stored) -> Sequence[BuildSeen]:
    if stored.volume is not None:
        return ctx.target.volume_backup_runs(stored.id)
    return ctx.target.backup_runs(stored.id)


def _our_run(ctx: StepContext, stored: Stored, intent: Any) -> BuildSeen | None:
    return next((r for r in _runs(ctx, stored) if r.id not in intent["runs"]), None)


def _without_file(
    ctx: StepContext, plan: BackupPlan, stored: Stored, intent: Any, finished: dict[str, Any]
) -> Wait:
    ours = _our_run(ctx, stored, intent)
    if ours is not None and ours.status == "running":
        return Wait(30.0, "The backup is still running", {}, {"finished": finished})
    looks = int(ctx.memory.get("looks", 0)) + 1
    if ours is not None and ours.status == "done" and looks <= PATIENT:
        words = "The run is over; its file is not listed yet"
        return Wait(ctx.poll_seconds, words, {}, {"finished": finished, "looks": looks})
    raise _failed(
        plan, stored, _why(ctx, stored, intent) or "The backup ran, and its file is not there"
    )


def _why(ctx: StepContext, stored: Stored, intent: Any) -> str:
    ours = _our_run(ctx, stored, intent)
    if ours is None:
        return ""
    lines = [line for line in ctx.target.build_log(ours.id, 50).splitlines() if line.strip()]
    ctx.say(*lines, stream="stderr", hidden=True)
    return "The target's backup failed; the hidden lines of the log say why"


def _failed(
    plan: BackupPlan, stored: Stored, words: str, made: BackupFile | None = None
) -> BackupFailed:
    return BackupFailed(
        words,
        BackupMade(
            "volume" if stored.crash_consistent else stored.kind,
            "failed",
            plan.destination_id,
            made.path if made else None,
            made.size if made else None,
            stored.crash_consistent,
            words,
        ),
    )
