"""Whether a series stays flat: a robust slope for each hour, and a stated limit."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any


@dataclass(frozen=True, slots=True)
class Limit:
    """Flat is a slope of at most `share` of the median for each hour, or of `least` units."""

    unit: str
    share: float
    least: float


# By the first word of a series' name.
LIMITS: Mapping[str, Limit] = {
    "memory": Limit("MB", 0.05, 5.0),
    "handles": Limit("", 0.02, 2.0),
    "connections": Limit("", 0.02, 2.0),
    "bytes/row": Limit("B", 0.05, 5.0),
    "index B/row": Limit("B", 0.10, 5.0),
    "dead/live": Limit("", 0.25, 0.05),
    "queued": Limit("", 0.25, 20.0),
    "in flight": Limit("", 0.25, 20.0),
    "oldest s": Limit("s", 0.25, 5.0),
}


def slope(points: Sequence[tuple[float, float]]) -> float:
    """
    The median of the slopes between all pairs (Theil-Sen), for each hour.

    A third of the samples may be anything without changing it much.
    """
    step = max(1, len(points) // 250)
    some = points[::step]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(some, 2) if b[0] > a[0]]
    return statistics.median(slopes) * 3600 if slopes else 0.0


def verdicts(samples: Sequence[Mapping[str, float]], warm_up: float) -> dict[str, dict[str, Any]]:
    """For each series: its median, its slope for each hour, its limit, and whether it is flat."""
    kept = [sample for sample in samples if sample["t"] >= warm_up]
    found: dict[str, dict[str, Any]] = {}
    for name in kept[-1] if kept else ():
        kind = name.partition(":")[0]
        if kind not in LIMITS:
            continue
        limit = LIMITS[kind]
        points = [(sample["t"], sample[name]) for sample in kept if name in sample]
        middle = statistics.median(value for _, value in points)
        rise = slope(points)
        most = max(limit.share * abs(middle), limit.least)
        found[name] = {
            "unit": limit.unit,
            "first": round(points[0][1], 2),
            "median": round(middle, 2),
            "last": round(points[-1][1], 2),
            "per hour": round(rise, 2),
            "limit per hour": round(most, 2),
            # Only growth is trouble.
            "flat": rise <= most,
        }
    return found
