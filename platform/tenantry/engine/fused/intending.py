"""An intent in one statement and one commit."""

from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import Engine

from tenantry.engine.claim import Claim
from tenantry.engine.fused.statements import INTEND
from tenantry.engine.store import one_statement


def intend_at_once(engine: Engine, claim: Claim, what: dict[str, Any]) -> bool:
    """
    Commits what is about to be changed and renews the lease; False means Lost (KERNEL R7).

    The same rule as the general `intend`, without a transaction around its one statement.
    """
    with one_statement(engine) as cursor:
        result = cursor.execute(
            INTEND,
            {
                "step": claim.message.step_id,
                "fence": claim.fence,
                "lease": claim.lease,
                "what": Jsonb(what),
            },
            prepare=True,
        )
        return bool(result.rowcount == 1)
