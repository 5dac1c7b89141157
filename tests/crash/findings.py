"""What must not be there: things twice, rows left open, mails too many, remains of who has left."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sqlalchemy import or_, select

from tenantry.models import Deployment, DeploymentStep, JobRecord, Tenant
from tenantry.planning.databases import DATABASE_KINDS
from tests.crash.life import Life
from tests.crash.points import KILL, LEASED, MAYBE_SENT
from tests.crash.strikes import Strike
from tests.installation import Installation

MARKED = ("projects", "applications", "compose", "databases")
# What may be there once for each of these columns.
ONCE = {
    "domains": ("host",),
    "mounts": ("serviceId", "mountPath"),
    "redirects": ("applicationId", "regex"),
    "schedules": ("applicationId", "composeId", "name"),
    "volume_backups": ("prefix", "volumeName", "destinationId"),
}
OWNERS = frozenset(f"{kind}Id" for kind in (*DATABASE_KINDS, "compose"))
# A clean end leaves a tenant's data and the files of its backups.
MAY_STAY = frozenset({"volumes", "files"})


def doubled(world: dict[str, Any], provisioned: int) -> set[str]:
    """Names of what is there twice now; `provisioned` tenants were ever to be set up."""
    found = set()
    for kind in MARKED:
        words = [(row["description"] or "").split() for row in world[kind]]
        found |= {f"{kind} {mark}" for mark in _twice(row[0] for row in words if row)}
    for kind, columns in ONCE.items():
        keys = [" ".join(str(row.get(name)) for name in columns) for row in world[kind]]
        found |= {f"{kind} {key}" for key in _twice(keys)}
    # One stored plan of each name for each database, of whatever kind that is.
    plans = [
        " ".join(str(v) for k, v in sorted(row.items()) if k in {"prefix", *OWNERS})
        for row in world["backups"]
    ]
    found |= {f"backups {key}" for key in _twice(plans)}
    runs = [
        f"{row['applicationId'] or row['composeId']} {row['title']}"
        for row in world["deployments"]
        if str(row["title"]).startswith("tenantry ")
    ]
    found |= {f"build {key}" for key in _twice(runs)}
    # Calls under one key are answered 409 after the first: only a second key sets up twice.
    if len(world["provision_calls"]) > provisioned:
        found.add("provisioning")
    return found


def _twice(names: Iterable[str]) -> set[str]:
    return {name for name, number in Counter(names).items() if number > 1}


def left_over(place: Installation, lives: list[Life]) -> list[str]:
    """What the stand-in still holds of tenants that have left."""
    found = []
    for life in lives:
        if life.trouble or not life.over:
            continue
        for name in life.names:
            rows = place.look(f"remains?of={name}")
            found += [f"{life.tenant}: {k} {ids}" for k, ids in rows.items() if k not in MAY_STAY]
    return found


def dangling(place: Installation) -> list[str]:
    """Rows that nobody will ever close: open ones of what has ended, leases, intents, jobs."""
    step = DeploymentStep
    ended = Deployment.status.in_(("succeeded", "failed", "cancelled"))
    of = select(step.id, step.step_key, step.status, Deployment.id).join(Deployment)
    asked = {
        "active": select(Deployment.id, Deployment.status).where(
            Deployment.status.in_(("pending", "running"))
        ),
        "leased": of.where(or_(step.status == "running", step.lease_until.is_not(None))),
        "open": of.where(
            Deployment.status == "succeeded",
            step.gates,
            step.status.not_in(("success", "skipped")),
            step.retried_by_id.is_(None),
        ),
        "mail open": of.where(ended, step.gates.is_(False), step.status.in_(("pending", "waiting")))
        .where(step.due_at.is_not(None))
        .where(step.epoch == Deployment.epoch),
        "intent": of.where(Deployment.status == "succeeded", step.intent_at.is_not(None)),
        "job": select(JobRecord.id, JobRecord.status, JobRecord.deployment_id).where(
            JobRecord.status.in_(("scheduled", "running"))
        ),
        "tenant": select(Tenant.subdomain, Tenant.status).where(
            Tenant.status.in_(("provisioning", "waiting_for_internal_provision"))
        ),
    }
    with place.shop.desk.reading() as session:
        return [
            f"{what}: {tuple(row)}"
            for what, query in asked.items()
            for row in session.execute(query).all()
        ]


class Mails:
    """Counts the mailbox as it fills: it forgets the oldest."""

    def __init__(self, place: Installation) -> None:
        self._place = place
        self._seen: dict[int, str] = {}

    def look(self) -> None:
        """Takes in what is new."""
        for message in self._place.mailbox.messages:
            if message.number not in self._seen:
                self._seen[message.number] = message.header("Message-ID")

    def extra(self, strikes: Iterable[Strike]) -> tuple[int, list[str]]:
        """
        Mails that came more than once, and those of them that nothing excuses.

        One more is excused where the mail's step lost a worker that may have sent it: one that was
        killed from its call to its settle, that stood still, or that died with a neighbour.
        """
        counts = Counter(self._seen.values())
        before_it = Counter(
            strike.step_id
            for strike in strikes
            if strike.order.signal == KILL and strike.order.point in LEASED - MAYBE_SENT
        )
        excused: Counter[str] = Counter()
        with self._place.shop.desk.reading() as session:
            for row in session.execute(
                select(
                    Deployment.public_id,
                    DeploymentStep.id,
                    DeploymentStep.epoch,
                    DeploymentStep.lost,
                )
                .join(DeploymentStep, DeploymentStep.deployment_id == Deployment.id)
                .where(DeploymentStep.gates.is_(False), DeploymentStep.lost > 0)
            ):
                excused[f"{row.public_id}.{row.epoch}"] += max(0, row.lost - before_it[row.id])
        more = {name: number - 1 for name, number in counts.items() if number > 1}
        bad = [
            f"{name} came {number + 1} times"
            for name, number in more.items()
            if number > min(1, excused[name.strip("<").rpartition(".")[0]])
        ]
        return sum(more.values()), bad

    @property
    def total(self) -> int:
        """All of them."""
        return len(self._seen)
