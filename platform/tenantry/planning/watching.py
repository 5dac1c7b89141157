"""
When a service counts as down, when it is looked at next, and how its answers are summed up.

Rules only: what is asked and kept stands in `tenantry.watching`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

WATCH_STATES = ("unknown", "up", "down", "skipped")
DNS_STATES = ("unknown", "ok", "elsewhere", "wrong", "missing")
CERTIFICATE_STATES = ("unknown", "none", "ok", "expiring", "expired", "untrusted")
JITTER = 0.1
# A probe that is later than this share of its interval is left out: the next one is near.
TOO_LATE = 0.25
SHORTEST_LATE = 5.0
GOLDEN = 0.6180339887498949
# Milliseconds; each is the end of one bucket and the beginning of the next, the last is open.
BOUNDS = (10, 20, 35, 50, 75, 100, 150, 250, 400, 600, 1000, 2000, 4000, 8000)
BUCKETS = (*(f"under_{bound}" for bound in BOUNDS), "over")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """
    An outage opens after so many failed probes in a row that span so many seconds, and closes
    after so many good ones.
    """

    failures: int = 3
    seconds: float = 90.0
    recoveries: int = 2


class Change(StrEnum):
    """What one probe brought about."""

    NOTHING = ""
    OPENED = "opened"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Standing:
    """
    How a service stands: what people are told (`state`, since `since`), and the present run of
    equal answers, which began at `run_since`.
    """

    state: str = "unknown"
    since: datetime | None = None
    failures: int = 0
    successes: int = 0
    run_since: datetime | None = None


def judge(
    before: Standing, at: datetime, rules: Thresholds, *, ok: bool, planned: bool = False
) -> tuple[Standing, Change]:
    """
    The standing after one more answer.

    A failure while a deployment is under way (`planned`) counts for nothing, and what failed
    before it is forgotten: after the deployment the count begins anew.
    """
    if not ok and planned:
        return replace(before, failures=0, successes=0, run_since=None), Change.NOTHING
    return _good(before, at, rules) if ok else _bad(before, at, rules)


def _good(before: Standing, at: datetime, rules: Thresholds) -> tuple[Standing, Change]:
    began = before.run_since if before.successes and before.run_since else at
    now = replace(before, failures=0, successes=before.successes + 1, run_since=began)
    if before.state == "down":
        if now.successes < rules.recoveries:
            return now, Change.NOTHING
        return replace(now, state="up", since=began), Change.CLOSED
    since = before.since if before.state == "up" else at
    return replace(now, state="up", since=since), Change.NOTHING


def _bad(before: Standing, at: datetime, rules: Thresholds) -> tuple[Standing, Change]:
    began = before.run_since if before.failures and before.run_since else at
    now = replace(before, failures=before.failures + 1, successes=0, run_since=began)
    long = (at - began).total_seconds() >= rules.seconds
    if before.state == "down" or now.failures < rules.failures or not long:
        return now, Change.NOTHING
    return replace(now, state="down", since=began), Change.OPENED


def too_late(due: datetime, now: datetime, interval: float) -> bool:
    """Whether a due probe is left out, so that a prober that was away makes no burst."""
    return (now - due).total_seconds() > max(SHORTEST_LATE, TOO_LATE * interval)


def next_due(due: datetime, now: datetime, interval: float, draw: float) -> datetime:
    """
    When a service that is probed now is due again.

    It keeps its own place in the interval, so that services which were spread stay spread, and is
    moved a little by `draw` (-1 to 1). Never sooner than two fifths of an interval from now, and
    never later than one and three fifths.
    """
    slot = next_slot(due, now, interval)
    if (slot - now).total_seconds() < interval / 2:
        slot += timedelta(seconds=interval)
    return slot + timedelta(seconds=draw * JITTER * interval)


def next_slot(due: datetime, now: datetime, interval: float) -> datetime:
    """The first time after now at a whole number of intervals from `due`."""
    late = (now - due).total_seconds()
    slot = due + timedelta(seconds=(math.floor(late / interval) + 1) * interval)
    # Microseconds are rounded: what falls on now itself is not after it.
    return slot if slot > now else slot + timedelta(seconds=interval)


def spread(number: int, interval: float) -> float:
    """A place within the interval; those of neighbouring numbers lie far apart (golden ratio)."""
    return (number * GOLDEN) % 1.0 * interval


def bucket_of(latency_ms: int) -> str:
    """The bucket that counts this latency."""
    return next(
        (name for name, bound in zip(BUCKETS, BOUNDS, strict=False) if latency_ms < bound), "over"
    )


def percentile(counts: Sequence[int], share: float, slowest_ms: int) -> int | None:
    """
    About the latency that `share` (0 to 1) of the answers stayed below; None without answers.

    Exact to the bucket, and even inside it; never more than the slowest.
    """
    total = sum(counts)
    if not total:
        return None
    ends = (*BOUNDS, max(slowest_ms, BOUNDS[-1]))
    rank, before, low = share * total, 0, 0
    for count, high in zip(counts, ends, strict=True):
        if count and before + count >= rank:
            inside = low + (high - low) * (rank - before) / count
            return min(round(inside), slowest_ms)
        before, low = before + count, high
    return slowest_ms


def uptime(checks: int, failed: int) -> float | None:
    """The share of good answers, 0 to 1; None where nobody looked."""
    return (checks - failed) / checks if checks else None
