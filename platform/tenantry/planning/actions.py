"""
What a deployment may be. Each action is a plan of steps, run by the same engine on one timeline.

The table says what an action means for its tenant: in which states it may start, and what its
success makes of the tenant. A failure of anything but a first deployment leaves the state and
raises a flag.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

DEPLOY = "deploy"
ROLLBACK = "rollback"
SCALE = "scale"
RESTART = "restart"
SUSPEND = "suspend"
UNSUSPEND = "unsuspend"
BACKUP = "backup"
RESTORE = "restore"
TEARDOWN = "teardown"
REMOVE_VOLUMES = "remove_volumes"
ADOPT = "adopt"

_NEVER_AWAY = (
    "pending",
    "provisioning",
    "waiting_for_internal_provision",
    "running",
    "failed",
    "completed",
)
_LIVE = ("running", "completed")


@dataclass(frozen=True, slots=True)
class Action:
    """
    `title` is a verb for buttons. `from_states` are the tenant's states in which it may start.

    `success` is the tenant's state after it, None where that does not change; `provisions` says
    whether its admission makes a pending or failed tenant `provisioning`.
    """

    name: str
    title: str
    from_states: tuple[str, ...]
    success: str | None = None
    provisions: bool = False


_ALL = (
    Action(DEPLOY, "Deploy", _NEVER_AWAY, success="running", provisions=True),
    Action(ROLLBACK, "Roll back", _LIVE, success="running"),
    Action(SCALE, "Scale", _LIVE),
    Action(RESTART, "Restart", _LIVE),
    Action(SUSPEND, "Suspend", _LIVE, success="suspended"),
    # Also of one that runs: a suspension that failed or was cancelled half-way is put right so.
    Action(UNSUSPEND, "Wake up", ("suspended", *_LIVE), success="running"),
    Action(BACKUP, "Back up", (*_LIVE, "suspended")),
    Action(RESTORE, "Restore", _LIVE),
    Action(TEARDOWN, "Tear down", (*_NEVER_AWAY, "suspended"), success="archived"),
    Action(REMOVE_VOLUMES, "Remove volumes", ("archived",)),
    Action(ADOPT, "Take over", ("pending", "failed"), success="running", provisions=True),
)
ACTIONS: Mapping[str, Action] = MappingProxyType({action.name: action for action in _ALL})
