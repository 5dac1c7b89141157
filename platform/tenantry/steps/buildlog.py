"""Reading a build's log piece by piece, without losing or doubling a line."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

COMMIT = re.compile(r"Commit:\s*([0-9a-f]{7,64})")
TROUBLE = re.compile(r"error|failed|fatal|cannot|not found|denied", re.IGNORECASE)


def new_lines(
    log: str, cursor: Mapping[str, Any] | None, *, finished: bool
) -> tuple[list[str], dict[str, Any]]:
    """
    Complete lines behind the cursor, and the next cursor.

    The unfinished last line waits for the end. Each poll sees only a tail, so the cursor is a
    count and a hash of the last line taken; where that line is not in the tail any more, one line
    says that some were lost.
    """
    lines = log.split("\n")
    # Without a final line end the last line may still grow.
    last = lines.pop()
    if finished and last:
        lines.append(last)
    if not cursor:
        return lines, _cursor(lines, len(lines))
    at = _place(lines, cursor)
    if at is None:
        return ["… lines lost …", *lines], _cursor(lines, int(cursor["count"]) + len(lines))
    fresh = lines[at + 1 :]
    return fresh, _cursor(lines, int(cursor["count"]) + len(fresh))


def _place(lines: Sequence[str], cursor: Mapping[str, Any]) -> int | None:
    if not cursor.get("last"):
        return -1
    count = int(cursor["count"])
    # While the log is shorter than the tail, the line stands where it was counted.
    if 0 < count <= len(lines) and _digest(lines[count - 1]) == cursor["last"]:
        return count - 1
    for place in range(len(lines) - 1, -1, -1):
        if _digest(lines[place]) == cursor["last"]:
            return place
    return None


def _cursor(lines: Sequence[str], count: int) -> dict[str, Any]:
    return {"count": count, "last": _digest(lines[-1]) if lines else ""}


def _digest(line: str) -> str:
    return hashlib.blake2b(line.encode(), digest_size=8).hexdigest()


def commit_of(description: str) -> str | None:
    """The commit that the target wrote into a build's description, if it has."""
    match = COMMIT.search(description or "")
    return match[1] if match else None


def last_error(log: str) -> str:
    """The last line that speaks of trouble, else the last line with text; at most 300 long."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    telling = [line for line in lines if TROUBLE.search(line)]
    return (telling or lines or [""])[-1][:300]
