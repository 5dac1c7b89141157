"""
What an answer of the target means to us (KERNEL R12), and whether its outcome is known.

    not reached                                     TargetDown, known
    broken off, silent, dripping                    Transient; unknown for a change
    502 503 504 52x, HTML where JSON belongs, 3xx   TargetDown; unknown for a change (3xx: known)
    429, which Dokploy itself never says            the same, with Retry-After
    200 that cannot be read, 408                    Transient; unknown for a change
    409 425                                         Transient, with Retry-After
    500 with data.path                              Transient, three tries, its words
    other 500                                       Transient; unknown for a change
    401 without code, or `UNAUTHORIZED`             KeyRefused; unknown for a change
    404 with data.path                              Gone
    other 4xx                                       Permanent, its words
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from tenantry.adapters.wire import WireTrouble
from tenantry.adapters.words import fit
from tenantry.clock import utcnow
from tenantry.errors import KeyRefused, Permanent, StepTrouble, TargetDown, Transient

SHORTEST_WAIT = 1.0
LONGEST_WAIT = 300.0
TRIES_AFTER_500 = 3
REDIRECTS = range(300, 400)
REFUSALS = range(400, 500)
PROXY = frozenset({429, 502, 503, 504, *range(520, 528)})
LATER = frozenset({408, 409, 425})
FIELDS_SHOWN = 5
# What these say holds the keys of a storage and whole shell scripts (backups quote their command).
SECRETIVE = ("backup.", "destination.", "volumeBackups.")


class Gone(Permanent):
    """The object of the call does not exist (any more)."""


@dataclass(frozen=True, slots=True)
class Said:
    """
    One answer to one call. `document` is None where the body is empty or not JSON, and `text` is
    what is not JSON.
    """

    status: int
    headers: Mapping[str, str]
    document: Any = None
    is_json: bool = True
    is_html: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """Whom we asked for what; `key` is known here so that no message ever carries it."""

    target: str
    name: str
    key: str
    change: bool

    def words(self, text: str) -> str:
        """A sentence about this call, fit to be shown."""
        return fit(f"Target {self.target}, {self.name}: {text}", self.key)

    def quote(self, said: Said) -> str:
        """What the target said, or that it must not be shown."""
        if self.name.startswith(SECRETIVE):
            return "in words that may carry storage keys and are left out"
        return _own_words(said)


def broken(call: Call, trouble: WireTrouble) -> StepTrouble:
    """The error for a call that got no whole answer."""
    if not trouble.sent:
        return TargetDown(call.words(str(trouble)))
    return Transient(call.words(str(trouble)), outcome_known=not call.change)


def unreadable(call: Call, what: str) -> Transient:
    """The error for a 200 whose content is not what this call answers."""
    return Transient(call.words(what), outcome_known=not call.change)


def refused(call: Call, said: Said) -> StepTrouble:
    """The error for any answer other than a plain success."""
    status, wait = said.status, retry_after(said.headers)
    if status in REDIRECTS:
        return TargetDown(call.words(f"it redirects elsewhere ({status}); check its URL"))
    if _only_the_proxy(said):
        words = call.words(f"only its proxy answered ({status})")
        return TargetDown(words, retry_after=wait, outcome_known=not call.change)
    words = call.words(f"it answered {status}, {call.quote(said)}")
    if status == HTTPStatus.UNAUTHORIZED:
        return _unauthorized(call, said, words)
    if status in LATER:
        known = status != HTTPStatus.REQUEST_TIMEOUT or not call.change
        return Transient(words, retry_after=wait, outcome_known=known)
    if status == HTTPStatus.NOT_FOUND and _path(said):
        return Gone(words)
    if status in REFUSALS:
        return Permanent(words)
    if status == HTTPStatus.INTERNAL_SERVER_ERROR and _path(said):
        return Transient(words, most_tries=TRIES_AFTER_500)
    return Transient(words, retry_after=wait, outcome_known=not call.change)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, 1 to 300, from seconds or a date; None where it says nothing."""
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = (parsedate_to_datetime(text) - utcnow()).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return None
    if math.isnan(seconds):
        return None
    return min(LONGEST_WAIT, max(SHORTEST_WAIT, seconds))


def _only_the_proxy(said: Said) -> bool:
    # Dokploy's own 404 is always JSON; a proxy without a route to it says "404 page not found".
    lost = said.status == HTTPStatus.NOT_FOUND and not said.is_json
    return said.status in PROXY or said.is_html or lost


def _unauthorized(call: Call, said: Said, words: str) -> StepTrouble:
    refusal = said.document if isinstance(said.document, dict) else {}
    if refusal.get("code") and refusal.get("message") != "UNAUTHORIZED":
        return Permanent(words)
    return KeyRefused(
        call.words(
            "it refused our API key (401). That may be a limit or a restart and not the key: "
            "keys must be made with rateLimitEnabled=false"
        ),
        # Whoever said it, and whatever was done before it was said: the next claim looks first.
        outcome_known=not call.change,
    )


def _path(said: Said) -> str:
    detail = said.document.get("data") if isinstance(said.document, dict) else None
    return str(detail.get("path") or "") if isinstance(detail, dict) else ""


def _own_words(said: Said) -> str:
    if not isinstance(said.document, dict):
        return "without a reason"
    message = str(said.document.get("message") or "without a reason")
    fields = _fields(said.document)
    return f"{message}: {fields}" if fields else message


def _fields(document: dict[str, Any]) -> str:
    """`name: Invalid input; host: Required` from the target's validation."""
    detail = document.get("data")
    zod = detail.get("zodError") if isinstance(detail, dict) else None
    errors = zod.get("fieldErrors") if isinstance(zod, dict) else None
    if not isinstance(errors, dict):
        return ""
    parts = [f"{k}: {v[0]}" for k, v in errors.items() if isinstance(v, list) and v]
    return "; ".join(parts[:FIELDS_SHOWN])
