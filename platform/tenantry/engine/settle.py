"""
Ending a claim: outcome, facts, job and, if it was the last, the end of the deployment, in ONE
transaction under the fence (KERNEL R6, R9, R10).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, update

from tenantry.config import Times
from tenantry.engine.claim import PROVISION, Claim
from tenantry.engine.endings import ALL_DONE, Ending, ending_of
from tenantry.engine.jobs import Hint, add_job, countdown
from tenantry.engine.progress import (
    end,
    fail,
    finish_cancel,
    gating_steps_left,
    lock_deployment,
    lock_tenant,
)
from tenantry.engine.records import health_facts, health_moved, keep, own_line
from tenantry.engine.retries import follow_up
from tenantry.engine.statements import HELD, finish
from tenantry.engine.transitions import move, move_known
from tenantry.errors import KeyRefused, Lost, StepTrouble, Transient
from tenantry.journal import Redactor, cap_details, cap_line, logged, probed, tried
from tenantry.models import DeploymentStep, JobRecord, Tenant, TenantService
from tenantry.models.dbtime import db_now
from tenantry.planning.states import DeploymentStatus, TenantStatus
from tenantry.steps.outcomes import Done, LogText, Outcome, Skip, Unhealthy

Step = DeploymentStep
TENANT_FACTS = frozenset({"dokploy_project_id", "dokploy_environment_id"})
SERVICE_FACTS = frozenset(
    "app_id app_name db_id db_name db_user domain domain_id created git_attached build_configured "
    "env_configured env_fingerprint deploy_triggered deployed build_trace last_build_id "
    "commit_hash last_deployed_at detail health_status health_tries next_wait_seconds compose_id "
    "image_digest running_replicas applied paused".split()
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`goes_on`: the chain may run its next link. `hints` are published after the commit."""

    goes_on: bool
    hints: tuple[Hint, ...] = ()
    ended: bool = False


def settle(
    conn: Connection,
    claim: Claim,
    result: Outcome | StepTrouble,
    texts: Sequence[LogText],
    redactor: Redactor,
    times: Times,
) -> Verdict:
    """Writes the end of a claim; raises Lost where the fence has moved on."""
    deployment = lock_deployment(conn, claim.message.deployment_id)
    # First of all: whoever lost the claim must not even try to write beside its successor.
    held = conn.execute(
        HELD, {"b_step": claim.message.step_id, "b_fence": claim.fence}
    ).one_or_none()
    if held is None:
        raise Lost("the claim was taken over")
    ending = ending_of(claim, result, times)
    if ending.status == "waiting" and deployment.epoch != claim.message.epoch:
        # Only mail runs beside a resume: nobody could claim this row again.
        ending = Ending("skipped", f"The deployment was resumed. Last seen: {ending.message}")
    ending = replace(ending, outcome_known=_known(claim, result, ending, held.intent_at))
    message = cap_line(redactor.redact(ending.message))
    if claim.step.step_key == PROVISION and ending.status != "waiting":
        _provision_over(conn, deployment.tenant_id)
    if ending.tenant:
        _write_facts(conn, Tenant, deployment.tenant_id, ending.tenant, TENANT_FACTS)
    retry = _retry_row(conn, claim, result, ending, redactor, times)
    details = cap_details(redactor, {**claim.step.meta, **(ending.details or {})})
    status = "failed" if retry else ending.status
    sent = held.intent_at is not None and held.intent_at != claim.step.intent_at
    _write_step(conn, claim, status, ending, message, details, sent=sent)
    _write_service(conn, claim, result, ending, redactor)
    keep(conn, claim, getattr(result, "records", ()), redactor)
    _write_history(conn, claim, result, ending, message, details, texts, redactor)
    hints = _jobs(conn, claim, ending, times) if retry is None else retry.close(conn)
    if not claim.step.gates:
        return Verdict(goes_on=False, hints=hints)
    return _after(conn, claim, deployment, ending, message, hints, retried=retry is not None)


def _known(
    claim: Claim, result: Outcome | StepTrouble, ending: Ending, intent_at: datetime | None
) -> bool:
    """
    Whether the outcome of the intent that stands in the row is known.

    A goal that is reached says so. All else speaks of this claim's own change: a read that failed,
    or a look that must be repeated, tells nothing of what an earlier claim has sent (KERNEL R9).
    """
    if isinstance(result, Done | Skip):
        return True
    return ending.outcome_known and intent_at != claim.step.intent_at


def _after(
    conn: Connection,
    claim: Claim,
    deployment: Any,
    ending: Ending,
    message: str,
    hints: tuple[Hint, ...],
    *,
    retried: bool,
) -> Verdict:
    """What the end of a gating step means for its deployment."""
    if ending.status == "failed" and not retried:
        ended = fail(conn, deployment, claim.step.step_key, message)
        return Verdict(goes_on=False, hints=tuple(ended), ended=True)
    done = ending.status in {"success", "skipped"}
    if done and gating_steps_left(conn, deployment.id) == 0:
        ended = end(conn, deployment, DeploymentStatus.SUCCEEDED, summary=ALL_DONE)
        return Verdict(goes_on=False, hints=tuple(ended), ended=True)
    if deployment.cancel_requested:
        ended = finish_cancel(conn, deployment)
        return Verdict(goes_on=False, hints=tuple(ended), ended=True)
    return Verdict(goes_on=done, hints=hints)


def _provision_over(conn: Connection, tenant_id: int) -> None:
    lock_tenant(conn, tenant_id)
    move(
        conn,
        "tenant",
        TenantStatus.PROVISIONING,
        Tenant.id == tenant_id,
        Tenant.status == TenantStatus.WAITING_FOR_INTERNAL_PROVISION,
        reason="the provisioning call has ended",
    )


def _retry_row(
    conn: Connection,
    claim: Claim,
    result: Outcome | StepTrouble,
    ending: Ending,
    redactor: Redactor,
    times: Times,
) -> Any:
    # What waits on its own row, as in an outage, has not failed and needs no row behind it.
    failed = ending.status == "failed" and isinstance(result, Transient)
    if not failed or claim.kind.retry_key is None:
        return None
    return follow_up(conn, claim, redactor.redact(str(result)), times)


def _write_step(
    conn: Connection,
    claim: Claim,
    status: str,
    ending: Ending,
    message: str,
    details: Mapping[str, Any],
    *,
    sent: bool,
) -> None:
    params = {
        "b_step": claim.step.id,
        "b_fence": claim.fence,
        "b_message": message,
        "b_details": dict(details),
    }
    if status == "waiting":
        params |= {"b_delay": ending.delay or 0.0}
    if not move_known(
        conn,
        "step",
        "running",
        status,
        finish(status, known=ending.outcome_known, poll=ending.poll, sent=sent),
        params,
        row_id=claim.step.id,
        reason=message,
        actor=claim.owner,
    ):
        raise Lost("the claim was taken over")


def _write_service(
    conn: Connection,
    claim: Claim,
    result: Outcome | StepTrouble,
    ending: Ending,
    redactor: Redactor,
) -> None:
    service_id = claim.step.tenant_service_id
    if service_id is None:
        return
    facts = dict(ending.service or {})
    seen = result.health if isinstance(result, Done) else None
    seen = result.seen if isinstance(result, Unhealthy) else seen
    if seen is not None:
        facts |= health_facts(claim, seen)
        health_moved(conn, service_id, facts["health_status"], redactor.redact(seen.problem))
    if facts.get("deployed"):
        facts["last_deployed_at"] = db_now()
    if facts:
        _write_facts(conn, TenantService, service_id, facts, SERVICE_FACTS)
    if seen is not None:
        clean = replace(seen, problem=redactor.redact(seen.problem))
        probed(conn, service_id, claim.step.id, clean)


def _write_facts(
    conn: Connection, table: Any, row_id: int, facts: Mapping[str, Any], known: frozenset[str]
) -> None:
    unknown = set(facts) - known
    if unknown:
        raise KeyError(f"a handler reported unknown facts: {sorted(unknown)}")
    conn.execute(update(table).where(table.id == row_id).values(**facts))


def _write_history(
    conn: Connection,
    claim: Claim,
    result: Outcome | StepTrouble,
    ending: Ending,
    message: str,
    details: Mapping[str, Any],
    texts: Sequence[LogText],
    redactor: Redactor,
) -> None:
    failed_try = isinstance(result, StepTrouble) and not isinstance(result, KeyRefused)
    if not ending.poll:
        tried(
            conn,
            step_id=claim.step.id,
            number=claim.attempts,
            epoch=claim.message.epoch,
            fence=claim.fence,
            owner=claim.owner,
            outcome="failed" if failed_try else ending.status,
            message=message,
            details=details,
            started_at=claim.now,
        )
    own = own_line(claim, message, failed=failed_try)
    # A poll that sees nothing new says nothing new.
    said = [*texts] if ending.poll and message == claim.step.message else [*texts, own]
    logged(conn, redactor, claim.message.deployment_id, claim.step.id, claim.attempts, said)


def _jobs(conn: Connection, claim: Claim, ending: Ending, times: Times) -> tuple[Hint, ...]:
    """Closes or renews the step's job; a short wait is hinted by countdown."""
    step_id, deployment_id = claim.step.id, claim.message.deployment_id
    running = (JobRecord.step_id == step_id, JobRecord.status == "running")
    if ending.status != "waiting" and not claim.step.has_job:
        return ()
    if ending.status != "waiting":
        gave_up = ending.status == "failed" and claim.kind.name.startswith(("email.", "internal."))
        move(
            conn,
            "job",
            "failed" if gave_up else "completed",
            *running,
            reason=f"its step is {ending.status}",
        )
        return ()
    delay = ending.delay or 0.0
    if ending.poll:
        again = move(
            conn,
            "job",
            "scheduled",
            *running,
            reason="looks again later",
            attempt=JobRecord.attempt + 1,
            next_run_at=db_now(delay),
        )
        if not again:
            add_job(conn, deployment_id, step_id, claim.step.step_key, attempt=1, delay=delay)
    else:
        move(conn, "job", "completed", *running, reason="this try failed")
        number = claim.budget_used
        add_job(conn, deployment_id, step_id, claim.step.step_key, attempt=number, delay=delay)
    return countdown(conn, deployment_id, step_id, delay, times.longest_countdown)
