"""Charts as plain numbers in hundredths of their own width and height. Pure; pages draw them."""

from collections.abc import Sequence
from dataclasses import dataclass

from tenantry.web.fleet.figures import Day

# From the ground up; colour is never the only sign: each bar says its numbers.
LAYERS = ("succeeded", "failed", "cancelled", "under_way")
GAP = 0.28


@dataclass(frozen=True, slots=True)
class Piece:
    """One rectangle, in hundredths."""

    of: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One day: its pieces, and what it says."""

    words: str
    x: float
    width: float
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """`top` is the number at its upper edge."""

    top: int
    bars: tuple[Bar, ...]


def nice(number: int) -> int:
    """The next round number, not far above; at least 2, and always even: half of it is drawn."""
    power = 1
    while True:
        for step in (2, 4, 6, 8, 10, 12, 16):
            if number <= step * power:
                return step * power
        power *= 10


def by_day(days: Sequence[Day]) -> Chart:
    """Bars from left to right; a day without deployments has no pieces."""
    top = nice(max((day.all for day in days), default=0))
    room = 100 / max(len(days), 1)
    bars = []
    for number, day in enumerate(days):
        left, ground, pieces = (number + GAP / 2) * room, 100.0, []
        for layer in LAYERS:
            many = getattr(day, layer)
            if many:
                # What is there is seen, however many others there are.
                height = max(100 * many / top, 1.2)
                ground = max(ground - height, 0.0)
                width = room * (1 - GAP)
                pieces.append(Piece(layer, *(round(n, 3) for n in (left, ground, width, height))))
        bars.append(Bar(told(day), round(number * room, 3), round(room, 3), tuple(pieces)))
    return Chart(top, tuple(bars))


def told(day: Day) -> str:
    """`21 Nov: 12 succeeded, 1 failed`."""
    parts = [
        f"{getattr(day, layer):,} {layer.replace('_', ' ')}"
        for layer in LAYERS
        if getattr(day, layer)
    ]
    return f"{day.on.day} {day.on:%b}: {', '.join(parts) or 'none'}"


def share(part: float, whole: float) -> float:
    """Hundredths, at least enough to be seen."""
    return round(max(100 * part / whole, 0.6), 2) if whole > 0 else 0.0
