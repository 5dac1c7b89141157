"""
What of a step's wait is not to count against its patience; noted in the step's own details. Pure.

Patience is for a target that takes too long, not for those who should have looked, nor for a
target that nobody could ask. Notes hold for the epoch that made them: a resume counts anew.
"""

from collections.abc import Mapping
from typing import Any

# Seconds in which nobody looked; and when it was last seen in the target's own line, or to begin.
UNWATCHED, SEEN, SEEN_IN = "unwatched", "seen", "seen_in"


def unwatched(meta: Mapping[str, Any], epoch: int) -> float:
    """Seconds noted in this epoch."""
    kept = meta.get(UNWATCHED) or {}
    return float(kept["seconds"]) if kept.get("epoch") == epoch else 0.0


def unwatched_for(epoch: int, seconds: float) -> dict[str, Any]:
    """The note itself."""
    return {UNWATCHED: {"epoch": epoch, "seconds": seconds}}


def uncounted(meta: Mapping[str, Any], epoch: int, seconds: float) -> dict[str, Any]:
    """A step's details, with so many seconds more of its wait that are not to count."""
    return {**meta, **unwatched_for(epoch, unwatched(meta, epoch) + seconds)}


def seen(meta: Mapping[str, Any], epoch: int) -> float:
    """Seconds of its wait at which it was last seen in line in this epoch; 0 if it was not."""
    return float(meta.get(SEEN) or 0.0) if meta.get(SEEN_IN, 0) == epoch else 0.0
