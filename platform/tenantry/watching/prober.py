"""
The process that watches: its rounds, each of which may be run by any number of copies.

No transaction is open while anything is asked; a round that fails is made again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Engine

from tenantry.config import Times, Watching
from tenantry.engine.store import transaction
from tenantry.planning.watching import Thresholds
from tenantry.ports import Ports
from tenantry.watching import hostnames
from tenantry.watching.claims import Assignment, Claimed, claim
from tenantry.watching.enrolment import due_tenants, enrol, enrol_hostnames
from tenantry.watching.postman import Postman
from tenantry.watching.probing import ContainerRound, by_http
from tenantry.watching.results import Result, Seen, keep
from tenantry.watching.tidying import BATCH, tidy

LEASE_MARGIN = 30.0
# Containers of one target are listed by one call, so those that fall due soon are judged with it.
AHEAD = 0.25
MOST_CONTAINERS = 500
MOST_HOSTNAMES = 20


@dataclass(frozen=True, slots=True)
class Prober:
    """
    Built once in a process by `app`; safe to share between threads.

    `addresses` are those that hostnames should have, by target, where configuration states them.
    """

    engine: Engine
    ports: Ports
    times: Times
    rules: Watching
    public_url: str
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def lease(self) -> float:
        """For how many seconds a claim holds: longer than any probe may take."""
        return self.times.health + LEASE_MARGIN

    @property
    def thresholds(self) -> Thresholds:
        """When outages open and close."""
        return Thresholds(self.rules.failures, self.rules.seconds, self.rules.recoveries)

    @property
    def postman(self) -> Postman:
        """Sends what the rounds have written."""
        return Postman(self.engine, self.ports.mailer, self.times.smtp)

    def claim(self, room: int, kind: str = "http", ahead: float = 0.0) -> Claimed:
        """At most `room` due services, this process's alone until the lease ends."""
        with transaction(self.engine) as conn:
            return claim(conn, kind, room, self.rules, lease=self.lease, ahead=ahead)

    def ask(self, one: Assignment) -> Result:
        """One request; safe in any thread."""
        seen: Seen = by_http(self.ports.web, one.url, one.expected_status, self.times.health)
        return Result(one, seen)

    def keep(self, results: Sequence[Result]) -> int:
        """Keeps what is still ours of these results, in one transaction."""
        with transaction(self.engine) as conn:
            return keep(conn, results, self.thresholds, self.public_url)

    def probe(self, room: int = 50) -> int:
        """Claims, asks one after the other and keeps: for suites and for small installations."""
        claimed = self.claim(room)
        return self.keep([self.ask(one) for one in claimed.assignments])

    def judge_containers(self) -> int:
        """Services without a hostname, by one call for each target; how many were judged."""
        claimed = self.claim(MOST_CONTAINERS, "containers", AHEAD * self.rules.interval)
        if not claimed.assignments:
            return 0
        return self.keep(ContainerRound(self.engine, self.ports).judge(claimed.assignments))

    def look_at_hostnames(self) -> int:
        """A few due hostnames, one after the other; how many were claimed."""
        # All of them must be over before the lease is.
        each = self.times.dns + self.times.health
        with transaction(self.engine) as conn:
            looks = hostnames.claim(
                conn, MOST_HOSTNAMES, self.rules, lease=MOST_HOSTNAMES * each + LEASE_MARGIN
            )
        for one in looks:
            looked = hostnames.look(self.ports, one, self.times.health)
            with transaction(self.engine) as conn:
                hostnames.keep(conn, looked, self.rules, self.addresses, self.public_url)
        return len(looks)

    def enrol(self) -> int:
        """Watches what new deployments have brought about; how many services."""
        with transaction(self.engine) as conn:
            due = due_tenants(conn)
        number = 0
        for row in due:
            with transaction(self.engine) as conn:
                number += enrol(conn, row.id, row.deployment_id, self.rules)
        with transaction(self.engine) as conn:
            enrol_hostnames(conn, self.rules)
        return number

    def tidy(self) -> bool:
        """Deletes what is too old; True where there is more of it."""
        with transaction(self.engine) as conn:
            return tidy(conn, self.rules) >= BATCH
