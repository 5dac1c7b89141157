"""A settle in one statement; None where the general way must do it."""

from collections.abc import Sequence
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import JSON, Engine

from tenantry.config import Times
from tenantry.engine.claim import PROVISION, Claim
from tenantry.engine.endings import ALL_DONE, ending_of
from tenantry.engine.fused.settle_sql import Shape, settle_sql
from tenantry.engine.jobs import Hint
from tenantry.engine.records import health_facts, own_line
from tenantry.engine.settle import SERVICE_FACTS, Verdict
from tenantry.engine.store import one_statement
from tenantry.errors import StepTrouble
from tenantry.journal import Redactor, cap_details, cap_line, log_lines
from tenantry.models import TenantService
from tenantry.models.base import uuid7
from tenantry.planning.actions import DEPLOY
from tenantry.steps.outcomes import Done, LogText, Outcome, Skip

_JSON = {c.name for c in TenantService.__table__.c if isinstance(c.type, JSON)}


def settle_at_once(
    engine: Engine,
    claim: Claim,
    result: Outcome | StepTrouble,
    texts: Sequence[LogText],
    redactor: Redactor,
    times: Times,
) -> Verdict | None:
    """
    Writes the end of a step that reached its goal; of the last one, its deployment's end too.

    A verdict: it is committed. None: nothing was written, and the general way decides (a cancel, a
    claim that was taken over, the end of another action than a deploy, anything unusual).
    """
    if not is_common(claim, result):
        return None
    ending = ending_of(claim, result, times)
    facts = dict(ending.service or {}) if claim.step.tenant_service_id else {}
    seen = result.health if isinstance(result, Done) and claim.step.tenant_service_id else None
    if seen is not None:
        facts |= health_facts(claim, seen)
    if not set(facts) <= SERVICE_FACTS:
        return None
    gates, ends = claim.step.gates, claim.step.gates and claim.is_last
    if ends and claim.deployment.action != DEPLOY:
        return None
    shape = Shape(
        tuple(sorted(facts)),
        deployed=bool(facts.get("deployed")),
        checked=seen is not None,
        last=ends,
        mail=not gates,
    )
    params = _written(claim, ending.status, ending.message, ending.details, texts, redactor)
    params |= {f"fact_{name}": _bound(name, value) for name, value in facts.items()}
    if seen is not None:
        problem = cap_line(redactor.redact(seen.problem))
        params |= {"http_status": seen.status, "latency_ms": seen.latency_ms, "problem": problem}
    if ends:
        params |= {"summary": ALL_DONE, "job_public": uuid7(), "job_task": uuid7()}
    with one_statement(engine) as cursor:
        done = cursor.execute(settle_sql(shape), params, prepare=True).fetchone()
    if done is None:
        return None
    hints = (Hint(claim.message.deployment_id),) if ends else ()
    return Verdict(goes_on=gates and not ends, hints=hints, ended=ends)


def _written(
    claim: Claim,
    status: str,
    said: str,
    more: Any,
    texts: Sequence[LogText],
    redactor: Redactor,
) -> dict[str, Any]:
    """What every shape writes of the step, its attempt and its lines."""
    message = cap_line(redactor.redact(said))
    lines = log_lines(redactor, [*texts, own_line(claim, message)])
    return {
        "deployment": claim.message.deployment_id,
        "step": claim.message.step_id,
        "fence": claim.fence,
        "epoch": claim.message.epoch,
        "status": status,
        "message": message,
        "details": Jsonb(cap_details(redactor, {**claim.step.meta, **(more or {})})),
        "owner": claim.owner,
        "attempt_id": uuid7(),
        "attempt": claim.attempts,
        "began": claim.now,
        "lines": len(lines),
        "streams": [line["stream"] for line in lines],
        "hidden": [line["hidden"] for line in lines],
        "texts": [line["text"] for line in lines],
    }


def is_common(claim: Claim, result: Outcome | StepTrouble) -> bool:
    """Whether one statement may do; pure, and no promise that it will."""
    # The call of a tenant's own provisioning moves the tenant too, and a failed try may leave rows
    # behind it; both are rare.
    if claim.step.step_key == PROVISION:
        return False
    if isinstance(result, Done):
        unhealthy = result.health is not None and not result.health.ok
        return not (result.tenant or result.records or unhealthy)
    return isinstance(result, Skip)


def _bound(name: str, value: Any) -> Any:
    return Jsonb(value) if name in _JSON and value is not None else value
