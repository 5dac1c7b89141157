"""
The ten points at which a worker dies, and what a worker is told through the broker.

For each step there is at most one order, under `crash:<step id>`. The worker that comes to its
point moves it to `struck:<step id>`, says there when and who, and dies or stands still; one that
stood still and came back says under `back:<step id>` how that ended. Under `hold:<step id>` whoever
takes over is asked to wait for that, and under `met:<step id>` it says that the two met.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any

# In the order in which one claim of a step comes to them, with the runner's own names. The two
# without one are on the wire: right before a change is written, and while its answer is awaited.
HOOKS = {
    "before claim commit": "before_claim_commit",
    "after claim": "after_claim",
    "after intent": "after_intent",
    "before the call": "",
    "in the call": "",
    "after the call": "after_call",
    "before settle commit": "before_commit",
    "after settle": "after_settle",
    "before publish": "before_publish",
    "after publish": "after_publish",
}
POINTS = tuple(HOOKS)
BEFORE_CALL, IN_CALL = "before the call", "in the call"
# From here on the outcome is written: what follows is the turn of another step.
SETTLED = frozenset(POINTS[POINTS.index("after settle") :])
# A lease must run out before anybody takes over; at all others nothing of it is held.
LEASED = frozenset(POINTS) - SETTLED - {"before claim commit"}
# A mail may have left and its row not know of it.
MAYBE_SENT = frozenset({"in the call", "after the call", "before settle commit"})
# The worker stands still inside of a transaction.
IN_TRANSACTION = frozenset({"before claim commit", "before settle commit"})
KILL, STOP = "kill", "stop"
SIGNALS = (KILL, STOP)
ORDER, STRUCK, BACK = "crash:{}", "struck:{}", "back:{}"
HOLD, MET = "hold:{}", "met:{}"


@dataclass(frozen=True)
class Order:
    """
    Die (or stand still) there. `looks`: the step changes nothing, so its wire is its first look.

    `whole` says whether a worker of several processes dies with all of them or only the one that
    has the step.
    """

    point: str
    signal: str
    looks: bool = False
    whole: bool = True

    def packed(self) -> str:
        """As text."""
        return json.dumps(asdict(self))


def unpacked(text: bytes | str) -> Order:
    """An order from its text."""
    return Order(**json.loads(text))


@dataclass(frozen=True)
class Struck:
    """When a worker came to its point, by the clock of this machine, and which processes."""

    at: float
    pid: int
    group: int
    whole: bool

    def packed(self) -> str:
        """As text."""
        return json.dumps(asdict(self))


def struck_from(text: Any) -> Struck | None:
    """From its text; None where the order lies there as it was: the worker had no time for more."""
    told = json.loads(text)
    return Struck(**told) if "at" in told else None
