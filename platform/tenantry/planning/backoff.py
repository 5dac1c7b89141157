"""
The one back-off.

`min(cap, base · factor^n)`, spread by ± jitter so that a fleet that failed together does not come
back together. Source of the shape: exponential back-off with a cap, as in RFC 9110 clients and
KERNEL R12 (5 s · 2^n, at most 300 s, ± 20 %).
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds to wait before try n + 1, after n failed tries (n from 0)."""

    base: float
    factor: float = 2.0
    cap: float = 300.0
    jitter: float = 0.2

    def seconds(self, failed: int, spread: random.Random | None = None) -> float:
        """
        Always positive and at most `cap · (1 + jitter)`.

        `failed` counts the tries that failed before the one that just failed; negative reads as 0.
        """
        # The exponent is bounded before it is raised: 2.0 ** 2000 overflows, the cap does not.
        exponent = min(max(failed, 0), 64)
        plain = min(self.cap, self.base * self.factor**exponent)
        if self.jitter == 0:
            return plain
        draw = (spread or _SPREAD).uniform(-self.jitter, self.jitter)
        return plain * (1 + draw)


TRANSIENT = Backoff(base=5, cap=300)
HEALTH = Backoff(base=10, cap=300)

_SPREAD = random.Random()  # noqa: S311 — spreads load, guards nothing
