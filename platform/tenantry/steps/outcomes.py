"""What a handler answers: Done, Wait or Skip; or it raises StepTrouble."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tenantry.errors import Transient
from tenantry.ports import HealthSeen

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Done:
    """
    The goal is reached.

    `tenant` and `service` are facts for the rows of the tenant and of the step's own service;
    `details` stays on the step. All of it commits together with the step's success.
    """

    message: str
    tenant: Facts = field(default_factory=dict)
    service: Facts = field(default_factory=dict)
    details: Facts = field(default_factory=dict)
    health: HealthSeen | None = None


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: look again in so many seconds. Counts as a poll, never as a failed try."""

    seconds: float
    message: str
    service: Facts = field(default_factory=dict)
    details: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Skip:
    """There is nothing to do here."""

    message: str
    details: Facts = field(default_factory=dict)


Outcome = Done | Wait | Skip


class Unhealthy(Transient):
    """A health check failed; `seen` is kept in HealthCheck."""

    def __init__(self, seen: HealthSeen) -> None:
        super().__init__(seen.problem)
        self.seen = seen


@dataclass(frozen=True, slots=True)
class LogText:
    """Lines for the log of the deployment; redacted by the journal before they are stored."""

    lines: Sequence[str]
    stream: str = "system"
    hidden: bool = False
