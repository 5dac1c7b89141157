"""Which cells of the matrix are still wanted, and what was made of them."""

import random
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from tenantry.planning.catalogue import KINDS, SLOW_QUEUE
from tests.crash.points import LEASED, POINTS, SIGNALS, STOP

MOST_TRIES = 8


@dataclass(frozen=True, order=True)
class Cell:
    """A kind of step (`stack …` where it is one of a compose stack), a point and a signal."""

    of: str
    point: str
    signal: str

    @property
    def kind(self) -> str:
        """As the catalogue names it."""
        return self.of.removeprefix("stack ")

    @property
    def slow(self) -> bool:
        """Whether it takes the long lease of a slow call to run out."""
        return KINDS[self.kind].queue == SLOW_QUEUE and self.point in LEASED


Allowed = Callable[[Cell], bool]
Row = Callable[[str], Iterable[Cell]]


class Board:
    """Hands each wanted cell to one step; what was not come to is wanted again, a few times."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._open: dict[str, list[Cell]] = {}
        self._tries: Counter[Cell] = Counter()
        self.reached: Counter[Cell] = Counter()

    def wanted(self, of: str) -> int:
        """How many cells of a kind nobody has yet."""
        if of not in self._open:
            self._open[of] = list(self._row(of))
        return len(self._open[of])

    def take(self, of: str, allowed: Allowed) -> Cell | None:
        """The next one that is allowed here."""
        if not self.wanted(of):
            return None
        found = next((cell for cell in self._open[of] if allowed(cell)), None)
        if found is not None:
            self._open[of].remove(found)
        return found

    def give_back(self, cell: Cell, *, counts: bool = True) -> None:
        """
        Its point was not come to.

        It does not count against the cell where a step was found to have no such point at all.
        """
        self._tries[cell] += counts
        if self._tries[cell] < MOST_TRIES:
            self._open[cell.of].append(cell)

    def reach(self, cell: Cell) -> None:
        """Its worker was lost there."""
        self.reached[cell] += 1

    def never(self) -> list[Cell]:
        """What was wanted and never come to."""
        wanted = {cell for of in self._open for cell in self._row(of)}
        return sorted(wanted - set(self.reached))


class Sample(Board):
    """Any kinds that come along, each once; every point and both signals as often as the others."""

    def __init__(self, seed: int, most: int, points: Sequence[str] = POINTS) -> None:
        super().__init__(lambda _of: ())
        self._random = random.Random(seed)
        self._most = most
        self._points = points
        self._used: set[str] = set()
        self._given: Counter[str] = Counter()
        self._signals: Counter[tuple[str, str]] = Counter()

    def wanted(self, of: str) -> int:
        """One of each kind, while there is room."""
        return int(self._given.total() < self._most and of not in self._used)

    def take(self, of: str, allowed: Allowed) -> Cell | None:
        """The point that had fewest, and its rarer signal."""
        if not self.wanted(of) or self._random.random() < 1 / 3:
            return None
        fewest = sorted(self._points, key=lambda point: (self._given[point], self._random.random()))
        for point in fewest:
            signal = min(SIGNALS, key=lambda s: (self._signals[point, s], self._random.random()))
            cell = Cell(of, point, signal)
            if allowed(cell) and not cell.slow:
                self._used.add(of)
                self._given[point] += 1
                self._signals[point, signal] += 1
                return cell
        return None

    def give_back(self, cell: Cell, *, counts: bool = True) -> None:
        """Its point has one fewer; another kind may be luckier."""
        self._given[cell.point] -= 1
        self._signals[cell.point, cell.signal] -= 1


def whole(signals: Iterable[str]) -> Row:
    """Every point, by each of these signals; each kind begins with another one."""

    def row(of: str) -> list[Cell]:
        first = place_of(of) % len(POINTS)
        turned = POINTS[first:] + POINTS[:first]
        return [Cell(of, point, signal) for signal in signals for point in turned]

    return row


def place_of(of: str) -> int:
    """Where a kind stands in the catalogue; a stack's step is next to the plain one."""
    return sorted(KINDS).index(of.removeprefix("stack ")) + of.startswith("stack ")


def one_each(seed: int, signals: Iterable[str]) -> Row:
    """
    A Latin square: one point for each kind, another one for its neighbour and for the next seed.
    """

    def row(of: str) -> list[Cell]:
        place = place_of(of) + seed
        return [Cell(of, POINTS[(place + 5 * (s == STOP)) % len(POINTS)], s) for s in signals]

    return row


def only(cell: Cell) -> Row:
    """Just that one."""
    return lambda of: [cell] if of == cell.of else []
