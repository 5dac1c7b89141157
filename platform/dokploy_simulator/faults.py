"""Planned misbehaviour: which answers go wrong, how and when."""

import random
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Final

MODES: Final = (
    "500",
    "500-with-path",
    "502",
    "503",
    "504",
    "429",
    "408",
    "401-no-code",
    "401-message-UNAUTHORIZED",
    "401-permission",
    "reset",
    "half",
    "silence",
    "drip",
    "slow",
    "garbage",
    "empty",
)
MOMENTS: Final = ("before", "after")


@dataclass(slots=True)
class Fault:
    """
    One plan. ``before`` means the call does nothing, ``after`` that it did its work and only the
    answer is spoilt. ``times`` None has no end; ``delay`` in seconds comes before the misbehaviour
    and is all there is to ``slow``.
    """

    mode: str
    procedure: str = "*"
    probability: float = 1.0
    times: int | None = None
    when: str = "before"
    delay: float = 0.0
    retry_after: str = "1"
    used: int = 0

    def spent(self) -> bool:
        """Whether it has happened as often as planned."""
        return self.times is not None and self.used >= self.times

    def to_json(self) -> dict[str, Any]:
        """The plan as the control door takes and gives it."""
        return {name: getattr(self, name) for name in self.__slots__}


class FaultPlan:
    """The plans in force, asked in their order."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._random = random.Random()
        self.counts: dict[str, int] = {}

    def add(self, plans: list[dict[str, Any]], seed: int | None = None) -> None:
        """Add plans; an unknown mode, moment or field is a ValueError and adds none."""
        if seed is not None:
            self._random.seed(seed)
        added = [_fault(plan) for plan in plans]
        self._faults += added

    def clear(self) -> None:
        """No more faults."""
        self._faults.clear()
        self.counts.clear()

    def listing(self) -> list[dict[str, Any]]:
        """The plans with how often each happened."""
        return [fault.to_json() for fault in self._faults]

    def pick(self, procedure: str) -> Fault | None:
        """The fault this call meets, used up by one; None when it goes well."""
        for fault in self._faults:
            if fault.spent() or not fnmatchcase(procedure, fault.procedure):
                continue
            if self._random.random() < fault.probability:
                fault.used += 1
                self.counts[fault.mode] = self.counts.get(fault.mode, 0) + 1
                return fault
        return None


def _fault(plan: dict[str, Any]) -> Fault:
    if not isinstance(plan, dict) or plan.get("mode") not in MODES:
        raise ValueError(f"mode must be one of {', '.join(MODES)}")
    if plan.get("when", "before") not in MOMENTS:
        raise ValueError(f"when must be one of {', '.join(MOMENTS)}")
    strange = set(plan) - set(Fault.__slots__)
    if strange:
        raise ValueError(f"unknown fields: {', '.join(sorted(strange))}")
    fault = Fault(**plan)
    fault.retry_after = str(fault.retry_after)
    return fault
