"""Cron lines of five fields: checked, and counted. The target takes any text and never fires it."""

import re

from tenantry.errors import Invalid

_FIELDS = (("minute", 0, 59), ("hour", 0, 23), ("day", 1, 31), ("month", 1, 12), ("weekday", 0, 7))
_PART = re.compile(r"(?:\*|(\d{1,2})(?:-(\d{1,2}))?)(?:/(\d{1,2}))?")
ALIASES = {"hourly": "0 * * * *", "daily": "0 2 * * *", "weekly": "0 2 * * 0"}


def schedule(text: str, field: str = "schedule") -> str:
    """A cron line of minute, hour, day, month and weekday in UTC; hourly, daily, weekly too."""
    line = " ".join(ALIASES.get(text.strip(), text).split())
    parts = line.split(" ")
    if len(parts) != len(_FIELDS):
        raise Invalid(field, "must have five fields: minute hour day month weekday", text)
    for part, (name, low, high) in zip(parts, _FIELDS, strict=True):
        _values(part, low, high, f"{field} ({name})", text)
    return line


def most_fires_a_day(line: str) -> int:
    """How often it fires on a day on which it fires at all."""
    minute, hour, *_ = schedule(line).split(" ")
    minutes = _values(minute, 0, 59, "schedule (minute)", line)
    hours = _values(hour, 0, 23, "schedule (hour)", line)
    return len(minutes) * len(hours)


def _values(part: str, low: int, high: int, field: str, text: str) -> set[int]:
    found: set[int] = set()
    for one in part.split(","):
        match = _PART.fullmatch(one)
        if match is None:
            raise Invalid(field, "must hold numbers, ranges, lists, * and steps", text)
        start = low if match[1] is None else int(match[1])
        plain = match[1] is not None and match[2] is None and match[3] is None
        end = start if plain else int(match[2] or high)
        step = int(match[3] or 1)
        if not low <= start <= end <= high or step == 0:
            raise Invalid(field, f"must be from {low} to {high}", text)
        found |= set(range(start, end + 1, step))
    return found
