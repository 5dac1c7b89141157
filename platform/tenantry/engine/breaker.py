"""
The breaker of a target: opened by refused keys and by outages, closed by any answer.

A 401 without a code is no proof of a bad key (limits and restarts answer the same), so it pauses
the target and says so; it fails nothing (KERNEL R12).
"""

from typing import Any

from sqlalchemy import Engine, update

from tenantry.config import Times
from tenantry.engine.claim import Claim
from tenantry.engine.store import transaction
from tenantry.errors import KeyRefused, StepTrouble, TargetDown
from tenantry.journal import cap_line
from tenantry.models import TargetRow
from tenantry.models.dbtime import db_now
from tenantry.planning.backoff import Backoff
from tenantry.steps.outcomes import Outcome

OUTAGES_TO_OPEN = 5
PAUSE = Backoff(base=15, cap=120, jitter=0.1)


def heard(engine: Engine, claim: Claim, result: Outcome | StepTrouble, times: Times) -> None:
    """Opens, feeds or closes the breaker after one claim; a write only where something changes."""
    target_id, count = claim.deployment.target_id, claim.deployment.breaker_count
    if isinstance(result, KeyRefused | TargetDown):
        opens = isinstance(result, KeyRefused) or count + 1 >= OUTAGES_TO_OPEN
        values: dict[str, Any] = {"breaker_count": TargetRow.breaker_count + 1}
        if opens:
            pause = PAUSE.seconds(max(0, count - OUTAGES_TO_OPEN)) * times.scale
            values |= {"breaker_until": db_now(pause), "breaker_reason": cap_line(str(result))}
        _write(engine, target_id, values)
    elif count and not isinstance(result, StepTrouble):
        _write(
            engine,
            target_id,
            {"breaker_count": 0, "breaker_until": None, "breaker_reason": ""},
        )


def _write(engine: Engine, target_id: int, values: dict[str, Any]) -> None:
    with transaction(engine) as conn:
        conn.execute(update(TargetRow).where(TargetRow.id == target_id).values(**values))
