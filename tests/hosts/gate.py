"""What must be so in the figures of `make hosts`."""

from collections.abc import Sequence
from typing import Any

STILL_HELD = "its claims not taken over at the join"
# Else the cut or the kill hit nothing, or the host that came back does nothing.
SOME = (
    "claims the cut host held",
    "claims the killed host held",
    "processes killed with it",
    "steps done by the cut host after the join",
)
TWO_AGAINST_ONE = 1.5


def broken(told: dict[str, Any]) -> list[str]:
    """What is not as promised, in words; what was not measured is broken too."""
    found = []
    if "partition" in told:
        figures = told["partition"]
        # Whatever the verdict counts: lost, doubled, dangling, mails.
        counts = figures.get("wrong") or {"verdict": None}
        nought = {**counts, STILL_HELD: figures.get(STILL_HELD)}
        found += [name for name, count in nought.items() if count != 0]
        found += [f"no {name}" for name in SOME if not figures.get(name)]
    if "growth" in told:
        found += _growth(told["growth"])
    return found


def _growth(rows: Sequence[dict[str, Any]]) -> list[str]:
    rates = {row["hosts"]: row["steps/s"] for row in rows}
    if not {1, 2} <= set(rates):
        return ["growth without 1 and 2 hosts says nothing"]
    if rates[2] >= TWO_AGAINST_ONE * rates[1]:
        return []
    return [f"2 hosts do {rates[2] / rates[1]:.2f} times the steps of one, not {TWO_AGAINST_ONE}"]
