"""A claim in one statement; None where the general way must decide."""

import json
from functools import lru_cache
from types import SimpleNamespace

from sqlalchemy import Engine

from tenantry.config import Times
from tenantry.engine.blueprints import Blueprints
from tenantry.engine.claim import PROVISION, Claim, Message, lease_of
from tenantry.engine.fused.statements import (
    BESIDE,
    CLAIM,
    DEPLOYMENT_COLUMNS,
    STEP_COLUMNS,
)
from tenantry.engine.store import one_statement
from tenantry.planning.catalogue import KINDS, kind_of

# Attributes, like those of the general way's rows.
_OF_STEP = (*STEP_COLUMNS, "now", "has_job", "is_last")
_OF_DEPLOYMENT = (*DEPLOYMENT_COLUMNS, "blueprint", *BESIDE)


def claim_at_once(
    engine: Engine, message: Message, *, owner: str, times: Times, blueprints: Blueprints
) -> Claim | None:
    """
    Claims a gating step whose turn it is, or a mail that is due, never lost and without an intent.

    The blueprint is not brought along where `blueprints` has it. None says only that nothing was
    done: the general way finds out why, or claims.
    """
    known = blueprints.known(message.deployment_id)
    with one_statement(engine) as cursor:
        row = cursor.execute(
            CLAIM,
            {
                "deployment": message.deployment_id,
                "step": message.step_id,
                "epoch": message.epoch,
                "owner": owner,
                "leases": _leases(times),
                "known": known.public_id if known else None,
            },
            prepare=True,
        ).fetchone()
    if row is None:
        return None
    step = SimpleNamespace(**dict(zip(_OF_STEP, row[: len(_OF_STEP)], strict=True)))
    about = dict(zip(_OF_DEPLOYMENT, row[len(_OF_STEP) : -1], strict=True))
    if known and about["public_id"] == known.public_id:
        about["blueprint"] = known.document
    kind = kind_of(step.step_key)
    if kind is None:
        raise LookupError(f"{step.step_key} has a lease and no kind")
    return Claim(
        message=message,
        kind=kind,
        owner=owner,
        fence=step.fence,
        attempts=step.attempts,
        budget_used=step.attempts - step.budget_from - step.lost - step.polls,
        lease=lease_of(kind, times),
        deployment=SimpleNamespace(**about),
        step=step,
        services=tuple(SimpleNamespace(**found) for found in row[-1] or ()),
        now=step.now,
        waited=(step.now - step.started_at).total_seconds(),
        is_last=step.is_last,
    )


@lru_cache(maxsize=4)
def _leases(times: Times) -> str:
    """Seconds by kind, of those whose claim touches nothing but the step and its job; as JSON."""
    return json.dumps(
        {name: lease_of(kind, times) for name, kind in KINDS.items() if name != PROVISION}
    )
