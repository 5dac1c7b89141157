"""Runs in a target's history, its queue, its services in short, and their containers."""

from dataclasses import dataclass
from typing import Literal

BuildStatus = Literal["running", "done", "error", "cancelled"]


@dataclass(frozen=True, slots=True)
class ServiceSeen:
    """
    An application, compose stack or database as the target lists it.

    `kind` is `application`, `compose` or a DatabaseKind; `app_name` is the target's own generated
    name: the internal host name, at which other services of the tenant reach it. `status` is one of
    idle, running, done, error: the state of the last deploy, not of the containers.
    """

    kind: str
    id: str
    name: str
    app_name: str
    description: str
    status: str
    created_at: str
    server_id: str | None = None


@dataclass(frozen=True, slots=True)
class BuildSeen:
    """One run in the history of an application; the target keeps about ten."""

    id: str
    title: str
    description: str
    status: BuildStatus
    created_at: str
    finished_at: str | None = None
    error: str | None = None
    rollback_id: str | None = None


@dataclass(frozen=True, slots=True)
class QueuedBuild:
    """A job in the target's build queue: `waiting` or `active`; `app_id` may be a stack's id."""

    app_id: str
    title: str
    state: str


@dataclass(frozen=True, slots=True)
class ContainerSeen:
    """
    One task of a service.

    `state` is the real state (`currentState`: running, starting, failed, shutdown …), `wanted` the
    desired one, `created_at` ISO-8601 or None where the target does not say. `id` is the task's.
    """

    id: str
    state: str
    wanted: str
    error: str
    node: str = ""
    created_at: str | None = None
    name: str = ""
