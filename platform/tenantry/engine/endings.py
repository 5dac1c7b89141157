"""What an answer or an error of a handler means for the row of its claim. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tenantry.config import Times
from tenantry.engine import patience
from tenantry.engine.claim import Claim, settle_of
from tenantry.engine.store import DATABASE_TROUBLE
from tenantry.errors import KeyRefused, StepTrouble, TargetDown, Transient
from tenantry.steps.outcomes import Done, Outcome, Skip, Wait

# What a deployment says of itself when it has succeeded.
ALL_DONE = "All steps done."
KEY_REFUSED_SECONDS = 30.0
OUTAGE_SECONDS = 20.0
# About two hours and more of looks: then even an outage is somebody's business.
MOST_OUTAGES = 400


@dataclass(frozen=True, slots=True)
class Ending:
    """How the step's row is to be written."""

    status: str
    message: str
    outcome_known: bool = True
    delay: float | None = None
    poll: bool = False
    details: Mapping[str, Any] | None = None
    service: Mapping[str, Any] | None = None
    tenant: Mapping[str, Any] | None = None


def ending_of(claim: Claim, result: Outcome | StepTrouble, times: Times) -> Ending:
    """Pure: what an answer or an error means for this claim's row."""
    epoch, unwatched = claim.message.epoch, _unwatched(claim, times)
    ending = _ending(claim, result, times, unwatched)
    if ending.status != "waiting" or claim.kind.patience is None:
        return ending
    notes: dict[str, Any] = dict(ending.details or {})
    if isinstance(result, Wait) and patience.SEEN in notes:
        # All that lies before is uncounted already.
        unwatched = 0.0
        notes[patience.SEEN_IN] = epoch
    elif not isinstance(result, Wait):
        # The wait after a trouble is that of the next try: tries are counted by themselves, and
        # until it is asked again nobody can know how it gets on.
        unwatched += ending.delay or 0.0
    if unwatched or patience.UNWATCHED in claim.step.meta:
        notes |= patience.unwatched_for(epoch, unwatched)
    return replace(ending, details=notes) if notes else ending


def _unwatched(claim: Claim, times: Times) -> float:
    """
    Seconds of the wait in which nobody looked, though it was time to.

    The database, the broker or all workers were away, or their queue was long: what is waited for
    did not take so long. Short delays are part of any wait.
    """
    before = patience.unwatched(claim.step.meta, claim.message.epoch)
    late = (claim.now - claim.step.due_at).total_seconds() - times.hint_cap
    # The first claim waits for nothing yet, whenever it was due.
    return before + max(0.0, float(min(late, claim.waited)))


def _ending(claim: Claim, result: Outcome | StepTrouble, times: Times, unwatched: float) -> Ending:
    if isinstance(result, Done):
        return Ending(
            "success",
            result.message,
            details=result.details,
            service=result.service,
            tenant=result.tenant,
        )
    if isinstance(result, Skip):
        return Ending("skipped", result.message, details=result.details)
    if isinstance(result, Wait):
        most = claim.kind.patience
        # Waiting in the target's own line is not counted.
        now = result.details.get(patience.SEEN)
        before = patience.seen(claim.step.meta, claim.message.epoch)
        waited = claim.waited - (before if now is None else float(now)) - unwatched
        if most is not None and waited > most * times.scale:
            minutes = round(most / 60)
            return Ending(
                "failed",
                f"Gave up after {minutes} minutes. Last seen: {result.message}",
                details=result.details,
                service=result.service,
            )
        return Ending(
            "waiting",
            result.message,
            delay=result.seconds * times.scale,
            poll=True,
            details=result.details,
            service=result.service,
        )
    if isinstance(result, KeyRefused):
        delay = KEY_REFUSED_SECONDS * times.scale
        known = result.outcome_known
        return Ending("waiting", str(result), outcome_known=known, delay=delay, poll=True)
    if isinstance(result, TargetDown) and claim.step.polls < MOST_OUTAGES:
        return _outage(claim, result, times)
    if isinstance(result, Transient):
        return _transient(claim, result, times)
    return Ending("failed", str(result), outcome_known=result.outcome_known)


def _outage(claim: Claim, trouble: TargetDown, times: Times) -> Ending:
    """A target that is away costs time, never a try: its breaker says so meanwhile."""
    delay = OUTAGE_SECONDS * times.scale
    if trouble.retry_after is not None:
        delay = max(delay, trouble.retry_after * times.scale)
    if not trouble.outcome_known:
        delay = max(delay, settle_of(claim.kind, times))
    return Ending(
        "waiting", str(trouble), outcome_known=trouble.outcome_known, delay=delay, poll=True
    )


def _transient(claim: Claim, trouble: Transient, times: Times) -> Ending:
    most = min(claim.kind.attempts, trouble.most_tries or claim.kind.attempts)
    known = trouble.outcome_known
    if claim.kind.retry_key is not None:
        # A row of its own follows a failed try; without one, this was the last.
        return Ending("failed", str(trouble), outcome_known=known)
    # Patience is for a look that sees nothing new: this one saw nothing at all.
    if claim.budget_used >= most:
        return Ending("failed", f"{trouble} (tried {claim.budget_used} times)", outcome_known=known)
    delay = claim.kind.backoff.seconds(claim.budget_used - 1) * times.scale
    if trouble.retry_after is not None:
        delay = max(delay, trouble.retry_after * times.scale)
    if not known:
        delay = max(delay, settle_of(claim.kind, times))
    return Ending("waiting", str(trouble), outcome_known=known, delay=delay)


def failure_of(trouble: BaseException) -> StepTrouble:
    """
    What an error that is none of ours means: a fault of this program, tried three times, or the
    database, which is no fault of the step.

    It may have come after a change was sent, so nothing is known of the outcome.
    """
    if isinstance(trouble, StepTrouble):
        return trouble
    name = type(trouble).__name__
    if isinstance(trouble, DATABASE_TROUBLE):
        return Transient(f"The database did not take a write ({name})", outcome_known=False)
    words = f"Unexpected {name} in this program; see the worker's log"
    return Transient(words, most_tries=3, outcome_known=False)
