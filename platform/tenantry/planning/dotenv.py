r"""
Reading dotenv text: what a target would read of it, and what people should know of it.

The grammar is the target's own (the npm package `dotenv`): single quotes and backticks are
literal, double quotes read `\n` and `\r` as line ends, unquoted text ends at `#` or a line end.
Where that reader would guess, as at a quote that is never closed, the line is called bad. Values
stand in no message: lines are named by number, variables by key.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from tenantry.errors import Invalid
from tenantry.planning.environment import quote

MOST_BYTES = 1_000_000
# JavaScript's idea of blanks, without the line end that divides entries.
BLANK = "[\\t\\v\\f \\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\ufeff]"
HEAD = re.compile(rf"{BLANK}*(?:export{BLANK}+)?([A-Za-z0-9_.-]+)(?:{BLANK}*=|:{BLANK}){BLANK}*")
EMPTY = re.compile(rf"{BLANK}*(?:#[^\n]*)?(?=\n|\Z)")
UNQUOTED = re.compile(r"[^#\n]*")
ENDS = re.compile(rf"\A{BLANK}+|{BLANK}+\Z")
QUOTED = {mark: re.compile(rf"{mark}((?:\\{mark}|[^{mark}])*){mark}") for mark in "'\"`"}
_LINE_ENDS = re.compile(r"\r\n?")


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What a text holds.

    `values` are as the target would read them, the last of each key; `lines` says where each
    stands. `notes` are worth knowing, `problems` must be mended first; neither shows a value.
    """

    values: Mapping[str, str] = field(repr=False)
    lines: Mapping[str, int]
    notes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()


def read(text: str) -> Reading:
    """Every entry of a text; Invalid only where it is too long. Total and linear."""
    if len(text) > MOST_BYTES:
        raise Invalid("file", f"must have at most {MOST_BYTES:,} characters")
    notes: list[str] = []
    plain = text.removeprefix("\ufeff")
    if "\r" in plain:
        plain = _LINE_ENDS.sub("\n", plain)
        notes.append("The line ends of Windows were read as plain ones.")
    return _entries(plain, notes)


def _entries(text: str, notes: list[str]) -> Reading:
    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    problems: list[str] = []
    at, number = 0, 1
    while at < len(text):
        end = _line_end(text, at)
        if not EMPTY.match(text, at):
            head = HEAD.match(text, at, end)
            if head is None:
                problems.append(f"line {number}: must be KEY=VALUE")
            else:
                stop = _take(text, head, number, values, lines, notes, problems)
                end = max(end, _line_end(text, stop))
        number += text.count("\n", at, end) + 1
        at = end + 1
    return Reading(values, lines, tuple(notes), tuple(problems))


def _take(
    text: str,
    head: re.Match[str],
    number: int,
    values: dict[str, str],
    lines: dict[str, int],
    notes: list[str],
    problems: list[str],
) -> int:
    """Reads one entry; where it ends."""
    key, at = head[1], head.end()
    found = _quoted(text, at) if text[at : at + 1] in QUOTED else _unquoted(text, at)
    if found is None:
        problems.append(f"line {number}: the quote of {key} is not closed, or more follows it")
        return at
    value, stop = found
    try:
        quote(key, value)
    except Invalid as trouble:
        problems.append(f"line {number}: {trouble}")
    if key in lines:
        notes.append(f"line {number}: {key} stands in line {lines[key]} already; the last counts")
    if text[stop : stop + 1] == "#" and stop > at and not re.match(BLANK, text[stop - 1]):
        notes.append(f"line {number}: what follows # in {key} is left out; quote it to keep it")
    if text[at : at + 1] == '"' and '\\"' in value:
        notes.append(f'line {number}: \\" in {key} stays two characters, as the target reads it')
    values[key], lines[key] = value, number
    return stop


def _quoted(text: str, at: int) -> tuple[str, int] | None:
    """The value and where it ends; None where no closing quote has the end of its line behind."""
    mark = text[at]
    match = QUOTED[mark].match(text, at)
    if match is None or not EMPTY.match(text, match.end()):
        # A backslash before the closing quote is the value's own where nothing else closes it.
        match = re.compile(rf"{mark}([^{mark}]*){mark}").match(text, at)
    if match is None or not EMPTY.match(text, match.end()):
        return None
    value = match[1]
    if mark == '"':
        value = value.replace("\\n", "\n").replace("\\r", "\r")
    return value, match.end()


def _unquoted(text: str, at: int) -> tuple[str, int]:
    match = UNQUOTED.match(text, at)
    assert match is not None
    return ENDS.sub("", match[0]), match.end()


def _line_end(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end
