"""
Rules of backups: prefixes, how many files cover the days, and which file counts.

A target keeps a number of files below a prefix, and manual runs count too: nightly runs and gates
have prefixes of their own, so that ten gates in a day cannot push a week of nights out.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from tenantry.planning.blueprint import BackupPlan
from tenantry.planning.cron import most_fires_a_day
from tenantry.planning.sources import DatabaseKind

NIGHTLY = "nightly"
GATE = "gate"
MANUAL = "manual"
FINAL = "final"
PREFIXES = {kind: f"tenantry-{kind}" for kind in (NIGHTLY, GATE, MANUAL, FINAL)}
# Kinds that a target can dump; of others the volume is copied while it is in use.
DUMPED: frozenset[DatabaseKind] = frozenset({"postgres", "mysql", "mariadb", "mongodb", "libsql"})
SMALLEST = 20
SHRUNK = 10
KEPT_GATES = 20
KEPT_FINALS = 1000
NEVER = "0 0 1 1 *"
# In a service's `applied`: since when each of its volumes is copied at night; a dump has none.
COPIED = "backup_volumes"
# The time in a file's name, as the target writes it: ISO with dashes, UTC.
STAMP = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}-\d{2}-\d{2}")


def kept_files(plan: BackupPlan, kind: str) -> int:
    """How many files of a kind the target is to keep: at least those of all days that are kept."""
    if kind == NIGHTLY:
        return plan.retention_days * most_fires_a_day(plan.schedule) + 1
    return KEPT_FINALS if kind == FINAL else max(KEPT_GATES, plan.retention_days)


def folder(app_name: str, kind: str) -> str:
    """Where files of a kind lie: `<app_name>/<prefix>/`."""
    return f"{app_name}/{PREFIXES[kind]}/"


def start_of(app_name: str, kind: str, volume: str | None = None) -> str:
    """How the paths of a dump's or a volume's files begin; a date follows."""
    return folder(app_name, kind) + (f"{volume}-" if volume else "")


def moment_of(path: str) -> datetime | None:
    """When the file of this path was begun, by its name."""
    found = STAMP.findall(path.rpartition("/")[2])
    try:
        return datetime.strptime(found[-1], "%Y-%m-%dT%H-%M-%S").replace(tzinfo=UTC)
    except (IndexError, ValueError):
        return None


def new_files(before: Iterable[str], paths: Sequence[str]) -> list[str]:
    """Those that were not there before, oldest first: their names begin with the time."""
    known = set(before)
    return sorted(path for path in paths if path not in known)


def problem_of_size(size: int, earlier: int | None) -> str:
    """
    Why a file of this many bytes is no backup; empty where it may be one.

    Compared with the newest earlier one of the same prefix: data rarely shrinks to a tenth.
    """
    if size < SMALLEST:
        return f"its file has only {size} bytes"
    if earlier and size * SHRUNK < earlier:
        return f"its file has {size} bytes, the one before had {earlier}"
    return ""


def overdue_after(plan: BackupPlan, hours: int) -> timedelta:
    """How old the newest good backup may be; never less than two of its own rounds."""
    round_hours = 24 / max(1, most_fires_a_day(plan.schedule))
    return timedelta(hours=max(float(hours), 2 * round_hours))
