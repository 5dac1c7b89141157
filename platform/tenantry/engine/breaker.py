"""
The breaker of a target: opened by refused keys and by outages, closed by any answer.

A 401 without a code is no proof of a bad key (limits and restarts answer the same), so it pauses
the target and says so; it fails nothing (KERNEL R12).
"""

from typing import Any

from sqlalchemy import Engine, select, update

from tenantry.config import Times
from tenantry.engine.claim import Claim
from tenantry.engine.store import locked, transaction
from tenantry.errors import KeyRefused, StepTrouble, TargetDown
from tenantry.journal import Redactor, cap_line
from tenantry.models import TargetRow
from tenantry.models.dbtime import db_now
from tenantry.planning.backoff import Backoff
from tenantry.steps.outcomes import Outcome

OUTAGES_TO_OPEN = 5
PAUSE = Backoff(base=15, cap=120, jitter=0.1)
# Steps that reach their goal without a word from the target: they say nothing of its health.
ELSEWHERE = frozenset(
    {"domains.wait_propagation", "health.check", "health.retry", "internal.provision"}
)


def heard(
    engine: Engine,
    claim: Claim,
    result: Outcome | StepTrouble,
    redactor: Redactor,
    times: Times,
) -> None:
    """Opens, feeds or closes the breaker after one claim; a write only where something changes."""
    if isinstance(result, KeyRefused) and claim.deployment.blueprint.get("api_key_secret"):
        # The product's own key was refused: its steps wait, nobody else's.
        return
    if isinstance(result, KeyRefused | TargetDown):
        words = cap_line(redactor.redact(str(result)))
        opens = isinstance(result, KeyRefused)
        _trouble(engine, claim.deployment.target_id, words, times, opens=opens)
    elif (
        claim.deployment.breaker_count
        and not isinstance(result, StepTrouble)
        and claim.kind.name not in ELSEWHERE
    ):
        _answered(engine, claim)


def _trouble(engine: Engine, target_id: int, words: str, times: Times, *, opens: bool) -> None:
    with transaction(engine) as conn:
        # Counted under the lock: forty workers that meet one outage together count to forty.
        count = conn.execute(
            locked(select(TargetRow.breaker_count).where(TargetRow.id == target_id))
        ).scalar_one()
        values: dict[str, Any] = {"breaker_count": count + 1}
        if opens or count + 1 >= OUTAGES_TO_OPEN:
            pause = PAUSE.seconds(max(0, count - OUTAGES_TO_OPEN)) * times.scale
            values |= {"breaker_until": db_now(pause), "breaker_reason": words}
        conn.execute(update(TargetRow).where(TargetRow.id == target_id).values(**values))


def _answered(engine: Engine, claim: Claim) -> None:
    """Closes it, unless it was opened after this claim began: that answer is old news."""
    with transaction(engine) as conn:
        conn.execute(
            update(TargetRow)
            .where(
                TargetRow.id == claim.deployment.target_id,
                TargetRow.breaker_until.is_not_distinct_from(claim.deployment.breaker_until),
            )
            .values(breaker_count=0, breaker_until=None, breaker_reason="")
        )
