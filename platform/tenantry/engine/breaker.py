"""
The breaker of a target: opened by refused keys and by outages, closed by any answer.

A 401 without a code is no proof of a bad key (limits and restarts answer the same), so it pauses
the target and says so; it fails nothing (KERNEL R12).

What one claim meets is no proof while others are answered: a target that spoils one call in ten
would be paused again and again, each pause longer, though nine of ten calls do their work. So a
trouble counts only where no step has reached its goal since its claim began.
"""

from typing import Any

from sqlalchemy import Connection, Engine, exists, select, update

from tenantry.config import Times
from tenantry.engine.claim import Claim
from tenantry.engine.store import locked, transaction
from tenantry.errors import KeyRefused, StepTrouble, TargetDown
from tenantry.journal import Redactor, cap_line
from tenantry.models import Deployment, DeploymentStep, TargetRow
from tenantry.models.dbtime import db_now
from tenantry.planning.backoff import Backoff
from tenantry.planning.states import DeploymentStatus
from tenantry.steps.outcomes import Outcome

Step = DeploymentStep
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
        _trouble(engine, claim, words, times, opens=opens)
    elif (
        claim.deployment.breaker_count
        and not isinstance(result, StepTrouble)
        and claim.kind.name not in ELSEWHERE
    ):
        _answered(engine, claim)


def _trouble(engine: Engine, claim: Claim, words: str, times: Times, *, opens: bool) -> None:
    target_id = claim.deployment.target_id
    with transaction(engine) as conn:
        if _others_were_answered(conn, claim):
            return
        # Counted under the lock: forty workers that meet one outage together count to forty.
        row = conn.execute(
            locked(
                select(TargetRow.breaker_count, TargetRow.breaker_until).where(
                    TargetRow.id == target_id
                )
            )
        ).one()
        if row.breaker_until != claim.deployment.breaker_until:
            # Opened or closed since this claim began, which says no more than that: counted too,
            # forty that meet one outage would make its first pause as long as its eighth.
            return
        count = row.breaker_count
        values: dict[str, Any] = {"breaker_count": count + 1}
        if opens or count + 1 >= OUTAGES_TO_OPEN:
            pause = PAUSE.seconds(max(0, count - OUTAGES_TO_OPEN)) * times.scale
            values |= {"breaker_until": db_now(pause), "breaker_reason": words}
        conn.execute(update(TargetRow).where(TargetRow.id == target_id).values(**values))


def _others_were_answered(conn: Connection, claim: Claim) -> bool:
    """
    Whether a step that needs the target has reached its goal since this claim began.

    A product's own key speaks for itself alone.
    """
    answered = exists().where(
        Deployment.target_id == claim.deployment.target_id,
        Deployment.status == DeploymentStatus.RUNNING,
        Deployment.blueprint["api_key_secret"].as_string().is_(None),
        Step.deployment_id == Deployment.id,
        Step.status == "success",
        Step.ended_at > claim.now,
        Step.step_key.not_in(ELSEWHERE),
    )
    return bool(conn.execute(select(answered)).scalar_one())


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
