"""
The common cases of a claim, an intent and a settle, each as one statement: one round trip, one
commit (docs/adr/0014).

PostgreSQL only. A statement takes effect whole or not at all; where it takes none, whatever the
reason, the general way in `claim` and `settle` decides. So nothing here need know every rule: it
must only refuse whatever it does not know.
"""

from tenantry.engine.fused.claiming import claim_at_once
from tenantry.engine.fused.intending import intend_at_once
from tenantry.engine.fused.settling import is_common, settle_at_once
from tenantry.engine.fused.statements import can_fuse

__all__ = ["can_fuse", "claim_at_once", "intend_at_once", "is_common", "settle_at_once"]
