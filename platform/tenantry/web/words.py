"""Words, icons and times for people. Pure; used by every page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from tenantry.clock import iso
from tenantry.journal import Redactor
from tenantry.planning.catalogue import kind_of
from tenantry.planning.environment import MASK, speaks_of_secret

MINUTE, HOUR, DAY = 60, 3600, 86400


@dataclass(frozen=True, slots=True)
class Look:
    """How a state is shown: always icon, word and colour together."""

    icon: str
    tone: str
    word: str


_LOOKS = {
    "pending": Look("circle-dashed", "idle", "Pending"),
    "running": Look("loader-circle", "working", "Running"),
    "waiting": Look("clock", "working", "Waiting"),
    "success": Look("circle-check", "good", "Success"),
    "succeeded": Look("circle-check", "good", "Succeeded"),
    "failed": Look("circle-x", "bad", "Failed"),
    "skipped": Look("circle-slash", "idle", "Skipped"),
    "cancelled": Look("square", "muted", "Cancelled"),
    "provisioning": Look("loader-circle", "working", "Provisioning"),
    "waiting_for_internal_provision": Look("clock", "working", "Waiting for provisioning"),
    "completed": Look("circle-check", "good", "Completed"),
    "suspended": Look("square", "muted", "Suspended"),
    "archived": Look("circle-slash", "idle", "Archived"),
    "scheduled": Look("clock", "working", "Scheduled"),
    "ok": Look("circle-check", "good", "OK"),
    "unhealthy": Look("circle-x", "bad", "Unhealthy"),
    "unknown": Look("circle-dashed", "idle", "Unknown"),
    "active": Look("circle-check", "good", "Active"),
    "inactive": Look("circle-slash", "idle", "Inactive"),
    "draining": Look("clock", "working", "Draining"),
    "resting": Look("circle-x", "bad", "Resting"),
    "ready": Look("circle-check", "good", "Ready"),
    "done": Look("circle-check", "good", "Done"),
    "open": Look("triangle-alert", "bad", "Open"),
    "adopted": Look("circle-check", "good", "Adopted"),
    "reverted": Look("circle-check", "good", "Reverted"),
    "ignored": Look("circle-slash", "idle", "Ignored"),
    "gone": Look("circle-check", "good", "Equal again"),
    "refused": Look("circle-x", "bad", "Refused"),
    "new": Look("plus", "working", "New"),
    "changed": Look("clock", "working", "Changed"),
    "removed": Look("circle-slash", "working", "Removed"),
    "holds": Look("circle-check", "good", "Holds"),
    "unproven": Look("clock", "working", "Waits for proof"),
    "proven": Look("clock", "working", "Not routed yet"),
    "routed": Look("circle-check", "good", "Routed"),
    "leaving": Look("circle-slash", "working", "Leaving"),
}
# A tenant that runs is well; a deployment or step that runs is at work.
_TENANT_RUNNING = Look("circle-check", "good", "Running")


def look(status: str, thing: str = "") -> Look:
    """The look of a state; an unknown one is shown as it is."""
    if thing == "tenant" and status == "running":
        return _TENANT_RUNNING
    return _LOOKS.get(status) or Look("circle-dashed", "idle", sentence(status))


def sentence(text: str) -> str:
    """`manual_fix` → `Manual fix`."""
    words = "database" if text == "db" else text.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


def title_of(step_key: str) -> str:
    """A step's title for people; the key itself where a newer version wrote it."""
    kind = kind_of(step_key)
    return kind.title if kind else step_key


def duration(seconds: float | None) -> str:
    """`0.4 s`, `12 s`, `3 m 20 s`, `2 h 5 m`; a dash for none."""
    if seconds is None:
        return "–"
    if seconds < 10:  # noqa: PLR2004 — below ten a tenth tells something
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} m {whole % MINUTE} s"
    return f"{whole // HOUR} h {whole % HOUR // MINUTE} m"


def moment(at: datetime | None, *, relative: bool = False) -> Markup:
    """A `<time>`: ISO with Z as it stands; the page's script shows the viewer's own zone."""
    if at is None:
        return Markup('<span class="none">–</span>')
    text = iso(at)
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        text, text, Markup(" data-relative") if relative else "", text
    )


def pretty(value: Any) -> str:
    """JSON for reading."""
    return json.dumps(value, indent=2, sort_keys=True, default=str, ensure_ascii=False)


def masked(env: Mapping[str, Any]) -> dict[str, str]:
    """An environment for pages: what a secret's name gives away is not shown."""
    redact = Redactor().redact
    return {
        key: MASK if speaks_of_secret(key, str(value)) else redact(str(value))
        for key, value in sorted(env.items())
    }


def plural(number: int, word: str) -> str:
    """`1 step`, `2 steps`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"
