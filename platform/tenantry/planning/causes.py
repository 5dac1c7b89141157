"""
What a failure has in common with others: its message without what differs between tenants.

Two deployments that failed of the same thing have the same cause, letter by letter, so that a
database can group by it. What says what went wrong stays: words, HTTP statuses, exit codes, the
target's own name of the call. Everything else that differs becomes `…`.
"""

import re
from collections.abc import Iterable

from tenantry.planning.catalogue import KINDS, kind_name

LONGEST = 300
LONGEST_MESSAGE = 2_000
LEFT_OUT = "…"
SHORTEST_NAME = 3
# A check that is repeated on rows of its own fails of the same thing on each of them.
_REPEATS = {
    kind.retry_key: kind.name for kind in KINDS.values() if kind.retry_key not in (None, kind.name)
}

# `Target main, domain.create: …`: which target differs, the call it was asked says something.
_CALL = re.compile(r"\bTarget [\w.-]{1,80}, ([A-Za-z]{1,60}\.[A-Za-z]{1,60})(?=:)")
_QUOTED = re.compile(
    r'"[^"]{0,300}"|`[^`]{0,300}`|“[^”]{0,300}”|«[^»]{0,300}»'
    # An apostrophe inside a word quotes nothing.
    r"|(?<!\w)'[^']{0,300}'(?!\w)|(?<!\w)‘[^’]{0,300}’(?!\w)"
)
_FILES = "json|txt|ya?ml|toml|pyc?|[jt]sx?|lock|sh|md|log|conf|env|sql|css|html?|go|rs|rb|php|java"
_HOST = (
    r"(?<![\w.-])(?:[a-z0-9_][a-z0-9_-]{0,62}\.){1,8}"
    rf"(?!(?:{_FILES})\b)[a-z]{{2,24}}\b\.?(?::\d{{1,5}})?"
)
_CLOCK = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?"
_DIFFERS = tuple(
    re.compile(pattern)
    for pattern in (
        # Addresses of pages and of people.
        r"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://[^\s,;)\]}>]{1,500}",
        r"[\w.+-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}",
        # Ids of ours and of others: UUIDs, digests, random names.
        r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b",
        r"\b(?:sha\d{1,3}:)?(?=[a-f]{0,64}\d)[0-9a-f]{7,128}\b",
        # Machines, numbers with four parts: before times, for the sake of their ports.
        r"\b\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,2})?(?::\d{1,5})?\b",
        # Days and times.
        rf"\b\d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK}(?: ?Z| ?UTC|[+-]\d\d:?\d\d)?)?",
        rf"\b{_CLOCK}(?: ?Z\b| ?UTC\b)?",
        # Machines: numbers with colons, names with dots.
        r"\[?\b(?:[0-9a-fA-F]{1,4}:){2,7}[0-9a-fA-F:]{0,39}\]?(?::\d{1,5})?",
        _HOST,
        # Places in a tree of files.
        r"(?<![\w/])~?/(?:[^\s/,;:)\"']{1,120}/){1,20}[^\s/,;:)\"']{0,120}",
        # Letters and digits in one word, as made-up names have them; and the target's own ids.
        r"\b(?=[A-Za-z_-]{0,60}\d)(?=[\d_-]{0,60}[A-Za-z])[\w-]{10,120}\b",
        r"(?<![\w-])(?=[a-z0-9_-]{0,20}[A-Z])(?=[A-Z0-9_-]{0,20}[a-z])[\w-]{21}(?![\w-])",
    )
)
_NUMBER = re.compile(
    r"(?<![\w…])[+-]?\d[\d.,]*(?:(?<=\d)(?: ?(?:%|ms|MB|GB|kB|KiB|MiB|GiB|s)\b)?|(?<=[.,]))"
)
# A number that says what went wrong, from what stands before it.
_TELLING = re.compile(
    r"(?:\bHTTP(?:/\d(?:\.\d)?)?|\banswered|\bstatus(?: code)?|\b[Ee]xit(?:ed)?(?: with)?"
    r"(?: (?:code|status))?|\bcode|\berrno|\bsignal)[ :=(]{1,3}$"
)
_STATUS = re.compile(r"[1-5]\d\d")
_REPEATED = re.compile(r"…(?:[\s,;:/|=.-]{0,3}…)+")


def cause_of(step_key: str, message: str, names: Iterable[str] = ()) -> str:
    """
    Kind of the step and what its message has in common with others, at most 300 characters.

    `names` are words that are a tenant's own, such as its subdomain; short ones are left standing.
    Never empty for a step; safe to show wherever the message is: nothing is added to it.
    """
    words = common_words(message, names)
    kind = kind_name(step_key)
    kind = _REPEATS.get(kind, kind)
    cause = f"{kind}: {words}" if words else kind
    return cause if len(cause) <= LONGEST else cause[: LONGEST - 1] + LEFT_OUT


def common_words(message: str, names: Iterable[str] = ()) -> str:
    """The message in one line, with `…` for what differs from tenant to tenant."""
    text = " ".join(message[:LONGEST_MESSAGE].split())
    parts = _CALL.split(text)
    # Every second part is the name of a call, which looks like a hostname and stays.
    own = sorted({n for n in names if len(n) >= SHORTEST_NAME}, key=len, reverse=True)
    parts[::2] = [_without(part, own) for part in parts[::2]]
    joined = _REPEATED.sub(LEFT_OUT, " ".join("".join(parts).split()))
    return joined.strip(" ,;:") if joined.strip(" .,;:…") else ""


def _without(text: str, names: list[str]) -> str:
    text = _QUOTED.sub(LEFT_OUT, text)
    for pattern in _DIFFERS:
        text = pattern.sub(LEFT_OUT, text)
    # Afterwards: a hostname with the name in it goes as a whole.
    for name in names:
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", LEFT_OUT, text, flags=re.IGNORECASE)
    return _NUMBER.sub(_number, text)


def _number(found: re.Match[str]) -> str:
    digits = found[0].rstrip(".,")
    rest = found[0][len(digits) :]
    before, after = found.string[: found.start()], found.string[found.end() :]
    telling = len(digits) <= 3 and _TELLING.search(before[-40:])  # noqa: PLR2004 — as codes have
    alone = before.endswith("(") and after.startswith(")") and _STATUS.fullmatch(digits)
    return (digits if telling or alone else LEFT_OUT) + rest
