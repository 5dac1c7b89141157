"""What a handler answers: Done, Wait or Skip; or it raises StepTrouble."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tenantry.errors import Permanent, Transient
from tenantry.ports import HealthSeen

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ReplicaSeen:
    """One task of the step's service; `exact` says whether the times are the container's own."""

    task_id: str
    state: str
    wanted: str
    node: str = ""
    error: str = ""
    container_id: str | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    exact: bool = False


@dataclass(frozen=True, slots=True)
class ReplicasSeen:
    """All tasks of the step's service that the target listed; those missing here are gone."""

    tasks: tuple[ReplicaSeen, ...]


@dataclass(frozen=True, slots=True)
class BackupMade:
    """A backup that was tried: `outcome` is done or failed, `kind` one of BACKUP_KINDS."""

    kind: str
    outcome: str
    destination_id: str
    path: str | None = None
    size_bytes: int | None = None
    crash_consistent: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class HostnameRouted:
    """A hostname of the tenant and its domain object; `asked` of the certificate authority."""

    hostname: str
    domain_id: str | None
    asked: bool = False


Record = ReplicasSeen | BackupMade | HostnameRouted


@dataclass(frozen=True, slots=True)
class Done:
    """
    The goal is reached.

    `tenant` and `service` are facts for the rows of the tenant and of the step's own service;
    `details` stays on the step; `records` become rows of their own. All of it commits together
    with the step's success.
    """

    message: str
    tenant: Facts = field(default_factory=dict)
    service: Facts = field(default_factory=dict)
    details: Facts = field(default_factory=dict)
    health: HealthSeen | None = None
    records: tuple[Record, ...] = ()


@dataclass(frozen=True, slots=True)
class Wait:
    """Not yet: look again in so many seconds. Counts as a poll, never as a failed try."""

    seconds: float
    message: str
    service: Facts = field(default_factory=dict)
    details: Facts = field(default_factory=dict)
    records: tuple[Record, ...] = ()


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


class BackupFailed(Permanent):
    """No backup that counts; `records` keeps what was tried."""

    def __init__(self, words: str, made: BackupMade) -> None:
        super().__init__(words)
        self.records: tuple[Record, ...] = (made,)


@dataclass(frozen=True, slots=True)
class LogText:
    """Lines for the log of the deployment; redacted by the journal before they are stored."""

    lines: Sequence[str]
    stream: str = "system"
    hidden: bool = False
