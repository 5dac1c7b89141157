"""A settle in one statement; False where the general way must do it."""

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import JSON, Engine

from tenantry.config import Times
from tenantry.engine.claim import PROVISION, Claim
from tenantry.engine.endings import ending_of
from tenantry.engine.fused.statements import settle_sql
from tenantry.engine.records import own_line
from tenantry.engine.settle import SERVICE_FACTS
from tenantry.engine.store import one_statement
from tenantry.errors import StepTrouble
from tenantry.journal import Redactor, cap_details, cap_line, log_lines
from tenantry.models import TenantService
from tenantry.models.base import uuid7
from tenantry.steps.outcomes import Done, LogText, Outcome, Skip

_JSON = {c.name for c in TenantService.__table__.c if isinstance(c.type, JSON)}


def settle_at_once(
    engine: Engine,
    claim: Claim,
    result: Outcome | StepTrouble,
    texts: Sequence[LogText],
    redactor: Redactor,
    times: Times,
) -> bool:
    """
    Writes the end of a gating step that reached its goal and has open ones behind it.

    True: it is committed and the chain may go on. False: nothing was written, and the general way
    decides (the last step, a cancel, a claim that was taken over, anything unusual).
    """
    if not is_common(claim, result):
        return False
    ending = ending_of(claim, result, times)
    facts = dict(ending.service or {}) if claim.step.tenant_service_id else {}
    if not set(facts) <= SERVICE_FACTS:
        return False
    message = cap_line(redactor.redact(ending.message))
    details = cap_details(redactor, {**claim.step.meta, **(ending.details or {})})
    lines = log_lines(redactor, [*texts, own_line(claim, message)])
    params: dict[str, Any] = {
        "deployment": claim.message.deployment_id,
        "step": claim.message.step_id,
        "fence": claim.fence,
        "epoch": claim.message.epoch,
        "status": ending.status,
        "message": message,
        "details": Jsonb(details),
        "owner": claim.owner,
        "attempt_id": uuid7(),
        "attempt": claim.attempts,
        "began": claim.now,
        "lines": len(lines),
        "streams": [line["stream"] for line in lines],
        "hidden": [line["hidden"] for line in lines],
        "texts": [line["text"] for line in lines],
    }
    params |= {f"fact_{name}": _bound(name, value) for name, value in facts.items()}
    with one_statement(engine) as cursor:
        statement = settle_sql(tuple(sorted(facts)), deployed=bool(facts.get("deployed")))
        done = cursor.execute(statement, params, prepare=True).fetchone()
    return done is not None


def is_common(claim: Claim, result: Outcome | StepTrouble) -> bool:
    """Whether one statement may do; pure, and no promise that it will."""
    # The call of a tenant's own provisioning moves the tenant too, and a failed try may leave rows
    # behind it; both are rare.
    if not claim.step.gates or claim.step.step_key == PROVISION:
        return False
    if isinstance(result, Done):
        return not (result.tenant or result.health or result.records)
    return isinstance(result, Skip)


def _bound(name: str, value: Any) -> Any:
    return Jsonb(value) if name in _JSON and value is not None else value
