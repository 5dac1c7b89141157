"""Reading a build's log piece by piece, without losing or doubling a line."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

COMMIT = re.compile(r"Commit:\s*([0-9a-f]{7,64})")
DIGEST = re.compile(r"Digest:\s*(sha256:[0-9a-f]{64})")
WINDOW = 8
TROUBLE = re.compile(r"error|failed|fatal|cannot|not found|denied", re.IGNORECASE)


def new_lines(
    log: str, cursor: Mapping[str, Any] | None, *, finished: bool
) -> tuple[list[str], dict[str, Any]]:
    """
    Complete lines behind the cursor, and the next cursor.

    The unfinished last line waits for the end; what grows behind it then follows by itself. Each
    poll sees only a tail, so the cursor is a count and hashes of the last lines taken; where those
    are not in the tail any more, one line says that some were lost.
    """
    if not log and cursor:
        # Gone from the target, or not to be had just now: nothing is known of what follows.
        return [], dict(cursor)
    *lines, rest = log.split("\n")
    cursor = cursor or {"count": 0, "last": []}
    at = _place(lines, cursor)
    lost = ["… lines lost …"] if at is None else []
    fresh = lines[at or 0 :]
    told = [*fresh, rest] if finished else list(fresh)
    shown = int(cursor.get("part", 0)) if at is not None else 0
    if shown and told:
        # Its beginning was told before, when the build ended without a line end.
        told[0] = told[0][shown:]
        told = told if told[0] else told[1:]
    if finished and told and not told[-1]:
        told.pop()
    part = len(rest) if finished else (0 if fresh else shown)
    count = int(cursor["count"]) + len(fresh)
    return lost + told, {"count": count, "last": _digests(lines), "part": part}


def _place(lines: Sequence[str], cursor: Mapping[str, Any]) -> int | None:
    """How many of these lines were taken before; None where the last taken ones are missing."""
    last, count = list(cursor["last"]), int(cursor["count"])
    if not last:
        return 0
    # While the log is shorter than the tail, they stand where they were counted.
    if count <= len(lines) and _digests(lines[:count]) == last:
        return count
    all_of_them = [_digest(line) for line in lines]
    for place in range(len(lines), 0, -1):
        seen = min(place, len(last))
        if all_of_them[place - seen : place] == last[-seen:]:
            return place
    return None


def _digests(lines: Sequence[str]) -> list[str]:
    """Of the last few lines: a single one is often blank, or stands there many times."""
    return [_digest(line) for line in lines[-WINDOW:]]


def _digest(line: str) -> str:
    return hashlib.blake2b(line.encode(errors="replace"), digest_size=8).hexdigest()


def commit_of(description: str) -> str | None:
    """The commit that the target wrote into a build's description, if it has."""
    match = COMMIT.search(description or "")
    return match[1] if match else None


def digest_of(log: str) -> str | None:
    """The digest of the image that was pulled, if the log tells it; the last one counts."""
    found = DIGEST.findall(log)
    return found[-1] if found else None


def last_error(log: str) -> str:
    """The last line that speaks of trouble, else the last line with text; at most 300 long."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    telling = [line for line in lines if TROUBLE.search(line)]
    return (telling or lines or [""])[-1][:300]
