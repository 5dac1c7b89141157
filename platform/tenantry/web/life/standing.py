"""How each service of a tenant stands, for its table: a fixed number of queries for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from tenantry.models import ReplicaObservation, TemplateRelease, Tenant, TenantService
from tenantry.operations import scaling
from tenantry.planning.limits import Limits
from tenantry.watching import reading
from tenantry.watching.reading import ServiceState

ALIVE = "running"


@dataclass(frozen=True, slots=True)
class Flag:
    """Something that wants attention: a word, and the whole sentence."""

    word: str
    says: str


@dataclass(frozen=True, slots=True)
class Standing:
    """One service. `running` is None where nobody has looked; `health` a state with its time."""

    service: TenantService
    wanted: int
    running: int | None
    limits: tuple[str, ...]
    health: str
    since: datetime | None
    latency_ms: int | None
    flags: tuple[Flag, ...]

    @property
    def replicas(self) -> str:
        """`3 wanted, 2 running`."""
        if self.running is None:
            return f"{self.wanted} wanted"
        return f"{self.wanted} wanted, {self.running} running"


def standings(session: Session, tenant: Tenant) -> list[Standing]:
    """In the order in which the services were added."""
    rows = list(tenant.services)
    seen = scaling.replicas_seen(session, [row.id for row in rows])
    wanted = scaling.wanted_of_all(session, tenant)
    states = {
        state.service_id: state for state in reading.states(session.connection(), [tenant.id])
    }
    return [
        _standing(tenant, row, wanted[row.id], seen.get(row.id), states.get(row.id)) for row in rows
    ]


def _standing(
    tenant: Tenant,
    row: TenantService,
    wanted: tuple[int, Limits],
    seen: Sequence[ReplicaObservation] | None,
    state: ServiceState | None,
) -> Standing:
    rests = tenant.status in {"suspended", "archived"}
    number = 0 if rests and row.service_type != "db" else wanted[0]
    running = None if seen is None else sum(task.state == ALIVE for task in seen)
    known = state is not None and state.state != "unknown"
    health = state.state if state is not None and known else row.health_status
    if row.service_type == "db" and not known:
        health = "ready" if row.deployed else "unknown"
    return Standing(
        service=row,
        wanted=number,
        running=running,
        limits=_limits(wanted[1]),
        health="suspended" if rests and health in {"ok", "unhealthy", "unknown"} else health,
        since=state.since if state and known else None,
        latency_ms=state.latency_ms if state and state.state == "up" else None,
        flags=tuple(_flags(row, number, running, seen or (), state)),
    )


def _limits(limits: Limits) -> tuple[str, ...]:
    found = []
    if limits.cpu_cores is not None:
        found.append(f"{limits.cpu_cores:g} CPU")
    if limits.memory_mb is not None:
        found.append(f"{limits.memory_mb:,} MB")
    return tuple(found)


def _flags(
    row: TenantService,
    wanted: int,
    running: int | None,
    seen: Sequence[ReplicaObservation],
    state: ServiceState | None,
) -> list[Flag]:
    found = []
    if running is not None and running < wanted:
        errors = [task.error for task in seen if task.error]
        found.append(Flag(f"{wanted - running} missing", errors[0] if errors else "Not all run."))
    if state is not None and state.state == "down":
        found.append(Flag("down", state.detail or "It does not answer."))
    elif row.health_status == "unhealthy" and (state is None or state.state != "up"):
        found.append(Flag("unhealthy", row.detail or "Its last check failed."))
    if row.source_overridden:
        source = row.image or row.repo_branch or ""
        found.append(Flag("own source", f"It stays at {source}, whatever the product says."))
    return found


def release_of(session: Session, tenant: Tenant) -> int | None:
    """The number of the release that its last successful deployment ran."""
    if tenant.release_id is None:
        return None
    return session.scalar(
        select(TemplateRelease.number).where(TemplateRelease.id == tenant.release_id)
    )
