"""
Virtual time, and everything else of a run that would otherwise come from outside.

The database's clock is answered by a function of ours under the name that the product's own SQL
calls, so its statements run as they are. Workers have a monotonic clock that nothing can step, and
a wall clock that may be wrong by minutes.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch
from uuid import UUID

from tenantry import clock as product_clock
from tenantry.models import base
from tenantry.planning import backoff

BEGIN = datetime(2026, 9, 8, 12, 0, tzinfo=UTC)


@dataclass
class Clock:
    """`seconds` is the truth; `stepped` and `wall_off` are how wrong two clocks tell it."""

    seconds: float = 0.0
    stepped: float = 0.0
    wall_off: float = 0.0
    _made: int = 0

    def reset(self, numbers_from: int = 2 << 32) -> None:
        """The beginning; `numbers_from` keeps apart what was made before a run and in it."""
        self.seconds = self.stepped = self.wall_off = 0.0
        self._made = numbers_from

    def monotonic(self) -> float:
        return 1_000_000.0 + self.seconds

    def database(self) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds + self.stepped)

    def wall(self, _zone: Any = None) -> datetime:
        return BEGIN + timedelta(seconds=self.seconds + self.wall_off)

    def uuid7(self) -> UUID:
        """Numbers in a row: a trace must read the same on every run."""
        self._made += 1
        return UUID(int=(0x7 << 76) | (0x8 << 62) | (self._made << 80) | self._made)

    def strftime(self, _format: str, moment: str, *modifiers: str) -> str:
        """What SQLite's own would say of `now` under `%Y-%m-%d %H:%M:%f`."""
        assert moment == "now", moment
        at = self.database()
        for modifier in modifiers:
            number, unit = modifier.split()
            assert unit == "seconds", modifier
            at += timedelta(seconds=float(number))
        return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d}"


@contextmanager
def installed(clock: Clock, sleep: Callable[[float], None]) -> Iterator[None]:
    """The product asks this clock while the context lasts; `sleep` stands in for a thread's."""
    wall = SimpleNamespace(now=clock.wall)
    with ExitStack() as stack:
        for where, name, new in (
            (product_clock, "time", SimpleNamespace(monotonic=clock.monotonic)),
            (product_clock, "datetime", wall),
            (base, "uuid_utils", SimpleNamespace(uuid7=clock.uuid7)),
            (backoff, "_SPREAD", random.Random(0)),
            (time, "sleep", sleep),
        ):
            stack.enter_context(patch.object(where, name, new))
        yield


def spread(seed: int) -> None:
    """Back-offs of a run are drawn anew from its seed."""
    backoff._SPREAD.seed(seed)
