"""Rows put together by what they are about: the project, each service, its domains, mail."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tenantry.planning.catalogue import kind_name
from tenantry.planning.states import DONE_STEP
from tenantry.web.timeline.rows import Row

PROJECT, DOMAINS, MAIL = "Project", "Domains", "Mail"
# The worst that a group holds is what it shows; what is at work comes before what is done.
_ORDER = ("failed", "running", "waiting", "pending", "cancelled", "success", "skipped")


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of one subject, in order of the plan, under a bar that spans them all."""

    name: str
    rows: tuple[Row, ...]

    @property
    def key(self) -> str:
        """Part of an id on the page."""
        return "group-" + "".join(c if c.isalnum() else "-" for c in self.name.lower())

    @property
    def status(self) -> str:
        """Of the row that matters most; done where all are done or skipped."""
        found = {row.status for row in self.rows}
        if found <= set(DONE_STEP):
            return "success" if "success" in found else "skipped"
        if {"pending", "success"} <= found and not found & {"failed", "running", "waiting"}:
            # Some are done and the next has not begun: between two of its steps.
            return "pending"
        return next((status for status in _ORDER if status in found), "pending")

    @property
    def done(self) -> int:
        """How many of its rows are done."""
        return sum(row.status in DONE_STEP for row in self.rows)

    @property
    def seconds(self) -> float | None:
        """What its steps took together."""
        known = [row.seconds for row in self.rows if row.seconds is not None]
        return sum(known) if known else None

    @property
    def span(self) -> tuple[float, float]:
        """Where its first bar begins, and how far its last one reaches."""
        bars = [(row.left, row.left + row.width) for row in self.rows if row.width]
        if not bars:
            return 0.0, 0.0
        left = min(bar[0] for bar in bars)
        return left, round(max(bar[1] for bar in bars) - left, 2)


def subject_of(row: Row) -> str:
    """The name of the group a row belongs to."""
    if not row.step.gates:
        return MAIL
    if kind_name(row.step.step_key).partition(".")[0] == "domains":
        return DOMAINS
    return row.service or PROJECT


def groups_of(rows: Iterable[Row], mails: Sequence[Row] = ()) -> tuple[Group, ...]:
    """In the order in which the plan first comes to each; domains and mail last."""
    found: dict[str, list[Row]] = {}
    for row in (*rows, *mails):
        found.setdefault(subject_of(row), []).append(row)
    # A service may have the name of a group: its rows are then shown with it.
    last = [name for name in (DOMAINS, MAIL) if name in found]
    names = [name for name in found if name not in last] + last
    return tuple(Group(name, tuple(found[name])) for name in names)
