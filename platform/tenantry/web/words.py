"""Words, icons and times for people. Pure; used by every page."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from tenantry.clock import iso
from tenantry.journal import Redactor
from tenantry.models import Deployment
from tenantry.planning.actions import ACTIONS, DEPLOY
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
    "suspended": Look("pause", "muted", "Suspended"),
    "archived": Look("circle-slash", "idle", "Archived"),
    "scheduled": Look("clock", "working", "Scheduled"),
    "late": Look("timer", "bad", "Late"),
    "ok": Look("circle-check", "good", "OK"),
    "unhealthy": Look("circle-x", "bad", "Unhealthy"),
    "unknown": Look("circle-dashed", "idle", "Unknown"),
    "elsewhere": Look("circle-x", "bad", "Elsewhere"),
    "wrong": Look("circle-x", "bad", "Wrong address"),
    "missing": Look("circle-x", "bad", "Missing"),
    "none": Look("circle-dashed", "idle", "None yet"),
    "expiring": Look("clock", "working", "Runs out soon"),
    "expired": Look("circle-x", "bad", "Run out"),
    "untrusted": Look("circle-x", "bad", "Not trusted"),
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
    "up": Look("circle-check", "good", "Up"),
    "down": Look("circle-x", "bad", "Down"),
    "paused": Look("pause", "muted", "Not watched"),
    "leaving": Look("circle-slash", "working", "Leaving"),
}
# A tenant that runs is well; a deployment or step that runs is at work.
_SKIPPED_PROBES = Look("circle-slash", "idle", "Not asked")
_TENANT_RUNNING = Look("circle-check", "good", "Running")


def look(status: str, thing: str = "") -> Look:
    """The look of a state; an unknown one is shown as it is."""
    if thing == "tenant" and status == "running":
        return _TENANT_RUNNING
    if thing == "service" and status == "skipped":
        return _SKIPPED_PROBES
    return _LOOKS.get(status) or Look("circle-dashed", "idle", sentence(status))


def sentence(text: str) -> str:
    """`manual_fix` → `Manual fix`."""
    words = "database" if text == "db" else text.replace("_", " ").strip()
    return words[:1].upper() + words[1:]


_DATABASES = {
    "postgres": "PostgreSQL",
    "mysql": "MySQL",
    "mariadb": "MariaDB",
    "mongodb": "MongoDB",
    "libsql": "libSQL",
    "keydb": "KeyDB",
    "clickhouse": "ClickHouse",
}


def database(kind: str) -> str:
    """A kind of database by its own name."""
    return _DATABASES.get(kind) or sentence(kind)


def title_of(step_key: str) -> str:
    """A step's title for people; the key itself where a newer version wrote it."""
    kind = kind_of(step_key)
    return kind.title if kind else step_key


def deed(deployment: Deployment) -> str:
    """What a deployment does, for people: `Suspend`, `Back up`; of a roll-out, which one."""
    if deployment.action == DEPLOY:
        return "First deployment" if deployment.trigger_reason == "initial" else "Deploy"
    known = ACTIONS.get(deployment.action)
    return known.title if known else sentence(deployment.action)


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


def roughly(seconds: float | None) -> str:
    """For what is only guessed: `a few seconds`, `about 40 s`, `about 2 m`, `about 1 h 10 m`."""
    if seconds is None:
        return "–"
    if seconds < 10:  # noqa: PLR2004 — nobody counts along
        return "a few seconds"
    if seconds < MINUTE - 5:
        return f"about {round(seconds / 10) * 10} s"
    minutes = round(seconds / MINUTE)
    if minutes < MINUTE:
        return f"about {minutes} m"
    tens = round(minutes / 10) * 10
    return f"about {tens // 60} h {tens % 60} m"


def moment(at: datetime | None, *, relative: bool = False) -> Markup:
    """A `<time>`: ISO with Z as it stands; the page's script shows the viewer's own zone."""
    if at is None:
        return Markup('<span class="none">–</span>')
    text = iso(at)
    return Markup('<time datetime="{}" title="{}"{}>{}</time>').format(
        text, text, Markup(" data-relative") if relative else "", text
    )


def size(number: int | None) -> str:
    """`812 bytes`, `4.2 MB`; a dash for none."""
    if number is None:
        return "–"
    if number < 1000:  # noqa: PLR2004 — what a kilobyte is
        return plural(number, "byte")
    amount = float(number)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 1000:  # noqa: PLR2004
            return f"{amount:.1f} {unit}"
    return f"{amount / 1000:,.1f} TB"


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
