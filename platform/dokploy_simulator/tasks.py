"""The tasks of a service as the engine lists them, derived from its versions and the clock."""

import hashlib
from dataclasses import dataclass
from typing import Final

from dokploy_simulator.store import Row

KEPT_FAILURES: Final = 3
NO_CONTAINER: Final = ("Starting", "Pending", "Ready", "Rejected")
NO_ROOM: Final = "no suitable node (insufficient resources on 1 node)"
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Task:
    """One task: ``since`` is the moment, in epoch seconds, of its current state."""

    task_id: str
    slot: int
    version: int
    image: str
    desired: str
    state: str
    since: float
    error: str = ""

    @property
    def has_container(self) -> bool:
        """Whether there is, or was, a container of it."""
        return self.state not in NO_CONTAINER

    @property
    def runs(self) -> bool:
        """Whether a container of it is up."""
        return self.state == "Running"

    @property
    def container_id(self) -> str:
        """The id of the task's container, 64 letters."""
        return hashlib.sha256(f"container/{self.task_id}".encode()).hexdigest()

    def current_state(self, now: float) -> str:
        """The state with its age in the engine's words."""
        return f"{self.state} {_age(now - self.since)}"


def _age(seconds: float) -> str:
    if seconds < 1:
        return "less than a second ago"
    for size, word in ((_DAY, "day"), (_HOUR, "hour"), (_MINUTE, "minute"), (1, "second")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {word}{'s' if count > 1 else ''} ago"
    return "less than a second ago"


def _task_id(service: Row, version: Row, slot: int, attempt: int = 0) -> str:
    seed = f"{service['id']}/{version['number']}/{version['born']}/{slot}/{attempt}"
    return hashlib.sha256(seed.encode()).hexdigest()[:25]


def breaks(version: Row) -> bool:
    """Whether no task of a version stays up: its program ends, or its image is not here."""
    return bool(version["crashes"] or version.get("missing"))


def tasks_of(service: Row, now: float, crash_cycle: float, placed: int | None = None) -> list[Task]:
    """
    All tasks worth listing, slot by slot and newest first. Those beyond ``placed`` found no
    room.
    """
    newest = service["versions"][-1]
    older = service["versions"][-2] if len(service["versions"]) > 1 else None
    listed: list[Task] = []
    for slot in range(1, service["replicas"] + 1):
        if placed is not None and slot > placed:
            listed.append(_pending(service, newest, slot))
            continue
        if breaks(newest):
            listed += _crashing(service, newest, slot, now, crash_cycle)
        else:
            up = now >= newest["ready"]
            state = "Running" if up else "Starting"
            since = newest["ready"] if up else newest["born"]
            listed.append(_task(service, newest, slot, "running", state, since))
        if service["failed"]:
            listed.append(_failed(service, service["failed"], slot, 0, service["failed"]["ready"]))
        if older:
            listed.append(_outgoing(service, newest, older, slot, now))
    return listed


def _pending(service: Row, version: Row, slot: int) -> Task:
    return Task(
        _task_id(service, version, slot),
        slot,
        version["number"],
        version["image"],
        "running",
        "Pending",
        version["born"],
        NO_ROOM,
    )


def _task(service: Row, version: Row, slot: int, desired: str, state: str, since: float) -> Task:
    return Task(
        _task_id(service, version, slot),
        slot,
        version["number"],
        version["image"],
        desired,
        state,
        since,
    )


def _failed(service: Row, version: Row, slot: int, attempt: int, since: float) -> Task:
    missing = bool(version.get("missing"))
    return Task(
        _task_id(service, version, slot, attempt),
        slot,
        version["number"],
        version["image"],
        "shutdown",
        "Rejected" if missing else "Failed",
        since,
        f"No such image: {version['image']}" if missing else "task: non-zero exit (1)",
    )


def _crashing(service: Row, version: Row, slot: int, now: float, crash_cycle: float) -> list[Task]:
    """A new attempt waiting for its turn, and the last ones that died."""
    if now < version["ready"]:
        return [_task(service, version, slot, "running", "Starting", version["born"])]
    cycle = max(crash_cycle, 0.001)
    attempts = int((now - version["ready"]) // cycle)
    died = version["ready"] + attempts * cycle
    waiting = Task(
        _task_id(service, version, slot, attempts + 1),
        slot,
        version["number"],
        version["image"],
        "ready",
        "Ready",
        died,
    )
    first = max(0, attempts - KEPT_FAILURES + 1)
    failures = [
        _failed(service, version, slot, attempt, version["ready"] + attempt * cycle)
        for attempt in range(attempts, first - 1, -1)
    ]
    return [waiting, *failures]


def _outgoing(service: Row, newest: Row, older: Row, slot: int, now: float) -> Task:
    """The version before: it runs until the new one is ready when started first."""
    held = now < newest["ready"] or (breaks(newest) and service["failureAction"] == "rollback")
    if service["order"] == "start-first" and held and not breaks(older):
        return _task(service, older, slot, "running", "Running", older["ready"])
    since = newest["ready"] if service["order"] == "start-first" else newest["born"]
    return _task(service, older, slot, "shutdown", "Shutdown", since)
