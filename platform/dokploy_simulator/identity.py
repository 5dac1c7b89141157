"""Ids, generated names and time stamps in the shapes a Dokploy server gives them."""

import random
import string
from datetime import UTC, datetime

_ID_LETTERS = string.ascii_letters + string.digits + "_-"
_SUFFIX_LETTERS = string.ascii_lowercase + string.digits
_VERBS = ("compress", "navigate", "index", "parse", "quantify", "bypass", "connect", "input")
_ADJECTIVES = ("open-source", "redundant", "virtual", "back-end", "solid-state", "wireless")
_NOUNS = ("capacitor", "microchip", "feed", "system", "bus", "card", "program", "pixel")


def new_id() -> str:
    """A fresh row id of 21 letters; it may begin with ``-`` or ``_``, as real ones do."""
    return "".join(random.choices(_ID_LETTERS, k=21))


def new_suffix(length: int = 6) -> str:
    """The random letters behind every generated name."""
    return "".join(random.choices(_SUFFIX_LETTERS, k=length))


def app_name(kind: str, wanted: str | None) -> str:
    """The name a service gets: never the wanted one, always with a random end, lower-cased."""
    stem = wanted or "-".join(
        (kind, random.choice(_VERBS), random.choice(_ADJECTIVES), random.choice(_NOUNS)),
    )
    return f"{stem.lower()}-{new_suffix()}"


def now_iso(moment: datetime | None = None) -> str:
    """UTC with milliseconds and a ``Z``, the only form in answers."""
    moment = moment or datetime.now(UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def log_stamp(moment: datetime | None = None) -> str:
    """The time inside names of log files."""
    return (moment or datetime.now(UTC)).strftime("%Y-%m-%d:%H:%M:%S")
