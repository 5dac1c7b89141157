"""
`backup.schedule`, `backup.gate`, `backup.run` and `backup.final`.

A run counts only when its file was seen, with a plausible size. The call blocks until the file is
stored, and a time-out does not stop it; so the files that were there before stand in the intent,
and in the step's memory once the intent is settled, and a claim looks for a new one before it runs
another. All of that counts for one epoch: a resume wants a backup of its own.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from tenantry.clock import utcnow
from tenantry.errors import Permanent
from tenantry.planning import backups as rules
from tenantry.planning.blueprint import BackupPlan
from tenantry.planning.differences import BACKUP, backup_fingerprint
from tenantry.ports import BackupFile, BuildSeen
from tenantry.steps.context import StepContext
from tenantry.steps.outcomes import BackupFailed, BackupMade, Done, Wait
from tenantry.steps.stored_backups import Stored, drop_nightly, plan_of, stored_of

PATIENT = 3
DATE = len("2026-01-01")
SENT = "back up"


def schedule(ctx: StepContext) -> Done:
    """Stores the nightly plan on the target once, corrects it, or takes a dropped one away."""
    if ctx.blueprint.backup is None:
        removed = drop_nightly(ctx)
        words = "Nothing runs at night any more" if removed else "There is no backup plan"
        return Done(words, service=_applied(ctx, None), details={"backups": []})
    plan = plan_of(ctx)
    stored = stored_of(ctx, plan, rules.NIGHTLY)
    # Of a volume that is no longer wanted.
    drop_nightly(ctx, frozenset(one.id for one in stored))
    keep = rules.kept_files(plan, rules.NIGHTLY)
    words = f"{plan.schedule} UTC, {plan.retention_days} days ({keep} files)"
    return Done(
        words if plan.enabled else f"{words}, switched off",
        service=_applied(ctx, plan, [one.volume for one in stored if one.volume]),
        details={"backups": [one.id for one in stored]},
    )


def _applied(ctx: StepContext, plan: BackupPlan | None, volumes: Iterable[str] = ()) -> Any:
    """What a preview and the look at the nights compare with."""
    if ctx.own is None:
        return {}
    kept = {k: v for k, v in ctx.own.applied.items() if k not in {BACKUP, rules.COPIED}}
    if plan is not None:
        since = ctx.own.applied.get(rules.COPIED) or {}
        now = utcnow().isoformat()
        kept[BACKUP] = backup_fingerprint(plan)
        kept[rules.COPIED] = {volume: since.get(volume, now) for volume in volumes}
    return {"applied": kept}


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
    finished = dict(_memory(ctx).get("finished", {}))
    for stored in stored_of(ctx, plan, kind):
        if stored.id not in finished:
            return _one(ctx, plan, stored, finished)
    words = ", ".join(f"{path} ({size} bytes)" for path, size in finished.values())
    return Done(words or "Nothing to back up", details=_kept(ctx, finished))


def _memory(ctx: StepContext) -> Mapping[str, Any]:
    """What this step knows; of an earlier epoch it is history."""
    return ctx.memory if ctx.memory.get("epoch") == ctx.deployment.epoch else {}


def _kept(
    ctx: StepContext, finished: Mapping[str, Any], sent: Any = None, looks: int = 0
) -> dict[str, Any]:
    return {
        "epoch": ctx.deployment.epoch,
        "finished": dict(finished),
        "sent": sent,
        "looks": looks,
    }


def _sent(ctx: StepContext, stored: Stored) -> Mapping[str, Any] | None:
    """What was sent for this stored backup and not judged yet, be it before a resume."""
    intent = ctx.intent if ctx.intent and ctx.intent.get("deed") == SENT else None
    for known in (intent, ctx.memory.get("sent")):
        if known and known.get("backup_id") == stored.id:
            return known
    return None


def _one(ctx: StepContext, plan: BackupPlan, stored: Stored, finished: dict[str, Any]) -> Wait:
    sent = _sent(ctx, stored)
    if sent is not None and sent.get("epoch") != ctx.deployment.epoch:
        ours = _our_run(ctx, stored, sent)
        # One that never ends, as after a crash of the target, must not be waited for for ever.
        if ours is not None and ours.status == "running" and ctx.waited < ctx.call_deadline:
            words = "A backup of before the resume is still running"
            return Wait(ctx.poll_seconds, words, {}, _kept(ctx, finished, dict(sent)))
        sent = None
    if sent is None:
        sent = _send(ctx, plan, stored)
    made = _new_file(ctx, plan, stored, sent)
    if made is None and _our_run(ctx, stored, sent) is None:
        # Neither a run nor a file: what was intended was never sent.
        sent = _send(ctx, plan, stored)
        made = _new_file(ctx, plan, stored, sent)
    if made is None:
        return _without_file(ctx, plan, stored, sent, finished)
    problem = rules.problem_of_size(made.size, sent.get("earlier"))
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
    words = f"{made.path}{note}, {made.size} bytes"
    return Wait(0.0, words, {}, _kept(ctx, kept), (record,))


def _send(ctx: StepContext, plan: BackupPlan, stored: Stored) -> dict[str, Any]:
    before = _files(ctx, plan, stored)
    newest = max(before, key=lambda file: file.path, default=None)
    sent: dict[str, Any] = {
        "backup_id": stored.id,
        "epoch": ctx.deployment.epoch,
        "before": [_mark(file.path) for file in before],
        "runs": [_mark(run.id) for run in _runs(ctx, stored)],
        "earlier": newest.size if newest else None,
    }
    ctx.intend(SENT, **sent)
    if stored.volume is not None or stored.database is None:
        ctx.target.run_volume_backup(stored.id, deadline=ctx.call_deadline)
    else:
        try:
            ctx.target.run_backup(stored.database, stored.id, deadline=ctx.call_deadline)
        except Permanent as refusal:
            # Its log says why, in words that are redacted before they are kept.
            raise _failed(plan, stored, _why(ctx, stored, sent) or str(refusal)) from None
    return sent


def _mark(text: str) -> str:
    """Short, and nothing that a redactor could take for a secret once it is kept."""
    return hashlib.blake2b(text.encode(), digest_size=5).hexdigest()


def _files(ctx: StepContext, plan: BackupPlan, stored: Stored) -> Sequence[BackupFile]:
    """
    Those of the last days: a list ends after a hundred, so the date stands in the search.

    By our clock, and by the target's own as its newest run shows it: the two may differ.
    """
    start = rules.start_of(stored.app_name, stored.kind, stored.volume)
    days = {(utcnow() + timedelta(days=n)).strftime("%Y-%m-%d") for n in (-1, 0, 1)}
    days |= {run.created_at[:DATE] for run in _runs(ctx, stored)[:2]}
    return [
        file
        for day in sorted(days)
        for file in ctx.target.backup_files(plan.destination_id, f"{start}{day}")
    ]


def _new_file(
    ctx: StepContext, plan: BackupPlan, stored: Stored, sent: Mapping[str, Any]
) -> BackupFile | None:
    seen = {file.path: file for file in _files(ctx, plan, stored)}
    fresh = rules.new_files([path for path in seen if _mark(path) in sent["before"]], list(seen))
    return seen[fresh[-1]] if fresh else None


def _runs(ctx: StepContext, stored: Stored) -> Sequence[BuildSeen]:
    if stored.volume is not None:
        return ctx.target.volume_backup_runs(stored.id)
    return ctx.target.backup_runs(stored.id)


def _our_run(ctx: StepContext, stored: Stored, sent: Mapping[str, Any]) -> BuildSeen | None:
    known = sent["runs"]
    return next((r for r in _runs(ctx, stored) if _mark(r.id) not in known), None)


def _without_file(
    ctx: StepContext,
    plan: BackupPlan,
    stored: Stored,
    sent: Mapping[str, Any],
    finished: dict[str, Any],
) -> Wait:
    ours = _our_run(ctx, stored, sent)
    if ours is not None and ours.status == "running":
        return Wait(30.0, "The backup is still running", {}, _kept(ctx, finished, dict(sent)))
    looks = int(_memory(ctx).get("looks", 0)) + 1
    if ours is not None and ours.status == "done" and looks <= PATIENT:
        words = "The run is over; its file is not listed yet"
        return Wait(ctx.poll_seconds, words, {}, _kept(ctx, finished, dict(sent), looks))
    raise _failed(
        plan, stored, _why(ctx, stored, sent) or "The backup ran, and its file is not there"
    )


def _why(ctx: StepContext, stored: Stored, sent: Mapping[str, Any]) -> str:
    ours = _our_run(ctx, stored, sent)
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
