"""What a web process knows of one watched deployment: how it stands, and its latest log lines."""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenantry.web.events.standing import Standing

# What is kept for those who come back; who is further behind reads the log again.
MOST_LINES = 1000
Line = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class News:
    """
    What one watcher has not seen yet.

    `mark` is set where the page has changed; `gap` says that lines between were not kept. `upto`
    is the last line that is known now, whether it is among these or not. `active`: more will come.
    """

    lines: Sequence[Line]
    mark: str
    gap: bool
    upto: int
    active: bool


@dataclass(slots=True)
class Topic:
    """
    Holds the lines from `first` up to, not including, `high`; both None before it was asked.

    Everything here is read and changed under `changed`, which is notified when there is news.
    """

    mark: str = ""
    active: bool = True
    first: int | None = None
    high: int | None = None
    lines: list[Line] = field(default_factory=list)
    over: bool = False
    watchers: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)

    def want(self, cursor: int | None) -> bool:
        """
        Somebody knows the lines up to `cursor`; whether the database must be asked for older ones.

        Then everything behind the cursor is read again: others skip what they have.
        """
        with self.changed:
            if cursor is None or (self.first is not None and cursor + 1 >= self.first):
                return self.high is None
            self.first = self.high = cursor + 1
            self.lines = []
            return True

    def missing(self, next_seq: int) -> range:
        """The numbers of the lines to read, so that it holds the latest."""
        with self.changed:
            if self.high is None or self.first is None or self.high > next_seq:
                self.first = self.high = next_seq
            if self.high < next_seq - MOST_LINES:
                self.first = self.high = next_seq - MOST_LINES
                self.lines = []
            return range(self.high, next_seq)

    def learn(self, now: Standing, numbers: range, lines: Sequence[Line]) -> None:
        """Takes what was read; nothing where somebody wanted older lines meanwhile."""
        with self.changed:
            if self.high != numbers.start or self.first is None:
                return
            if now.mark == self.mark and not numbers:
                return
            self.lines = [*self.lines, *lines]
            self.high, self.mark, self.active = numbers.stop, now.mark, now.active
            if self.high - self.first > MOST_LINES:
                self.first = self.high - MOST_LINES
                self.lines = [line for line in self.lines if line["seq"] >= self.first]
            self.changed.notify_all()

    def end(self) -> None:
        """It is gone, or cannot be known at present: whoever watches asks for himself."""
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def news(self, cursor: int | None, mark: str) -> News | None:
        """What follows line `cursor` and differs from `mark`; None where nothing does."""
        if not self.mark or self.high is None or self.first is None:
            return None
        upto = self.high - 1
        known = upto if cursor is None else min(cursor, upto)
        lines = [line for line in self.lines if line["seq"] > known]
        gap = known + 1 < self.first
        if not lines and not gap and mark == self.mark:
            return None
        return News(lines, self.mark if mark != self.mark else "", gap, upto, self.active)
