"""One probe: a real request, or what the target's engine says of all its containers at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from sqlalchemy import Engine

from tenantry.engine.context import API_KEY_SECRET, SecretDrawer
from tenantry.errors import SecretUnreadable, StepTrouble
from tenantry.journal import Redactor
from tenantry.planning.health import is_expected
from tenantry.ports import Ports, Target, Web
from tenantry.watching.claims import Assignment
from tenantry.watching.results import Result, Seen

log = structlog.get_logger(__name__)
REDACTOR = Redactor()


def by_http(web: Web, url: str, expected: str, deadline: float) -> Seen:
    """One GET, judged as the deployment's own health check judges it."""
    answer = web.get(url, deadline=deadline)
    # A path may carry a token of the product's own.
    shown = url.partition("?")[0]
    if answer.status is None:
        words = REDACTOR.redact(f"{shown} did not answer: {answer.problem}")
        return Seen(ok=False, latency_ms=answer.latency_ms, words=words)
    if is_expected(answer.status, expected):
        return Seen(ok=True, status=answer.status, latency_ms=answer.latency_ms)
    words = REDACTOR.redact(f"{shown} answered {answer.status}, not {expected}")
    return Seen(ok=False, status=answer.status, latency_ms=answer.latency_ms, words=words)


@dataclass(slots=True)
class ContainerRound:
    """
    Judges services without a hostname: one call for each target, machine and key.

    Made for one round and thrown away. A service whose target rests or cannot be asked is neither
    up nor down.
    """

    engine: Engine
    ports: Ports
    _keys: dict[int, str | None] = field(default_factory=dict)
    _listed: dict[Any, dict[str, tuple[int, int]]] = field(default_factory=dict)

    def judge(self, assignments: Iterable[Assignment]) -> list[Result]:
        """One result for each; never raises for what the target or a secret is the cause of."""
        return [Result(one, self._seen(one)) for one in assignments]

    def _seen(self, one: Assignment) -> Seen:
        if one.resting:
            return Seen(ok=None, words="The target rests: its breaker is open")
        try:
            key = self._key(one)
            target = self.ports.target(one.target_name, key)
            if one.service_type == "cron" and (seen := _by_schedule(target, one)):
                return seen
            return _by_containers(self._running(target, one, key), one)
        except (StepTrouble, SecretUnreadable) as trouble:
            log.info("not judged", target=one.target_name, reason=type(trouble).__name__)
            return Seen(ok=None, words="The target could not be asked")

    def _key(self, one: Assignment) -> str | None:
        """The product's own key for the target, where it has one."""
        if one.project_id not in self._keys:
            drawer = SecretDrawer(self.engine, self.ports, one.tenant_id, one.project_id)
            own = API_KEY_SECRET in drawer.sealed()
            self._keys[one.project_id] = drawer.open(API_KEY_SECRET) if own else None
        return self._keys[one.project_id]

    def _running(
        self, target: Target, one: Assignment, key: str | None
    ) -> dict[str, tuple[int, int]]:
        place = (one.target_name, one.server_id, key)
        if place not in self._listed:
            # Kept from here on, also where the call fails: it is not made again for each service.
            self._listed[place] = {}
            found = target.node_apps(one.server_id)
            self._listed[place] = {app.name: (app.running, app.wanted) for app in found}
        return self._listed[place]


def _by_containers(listed: dict[str, tuple[int, int]], one: Assignment) -> Seen:
    if not listed:
        return Seen(ok=None, words="The target lists no containers, which may be its own error")
    name = one.app_name or ""
    # The services of a stack are called after it.
    found = [seen for at, seen in listed.items() if at == name or at.startswith(f"{name}_")]
    if not found and one.compose:
        return Seen(ok=None, words="The target does not list the containers of its compose file")
    if not found or not name:
        return Seen(ok=False, words=f"The target runs no service {name or 'of that name'}")
    running, wanted = (sum(numbers) for numbers in zip(*found, strict=True))
    if not wanted:
        return Seen(ok=None, words="It is scaled to no containers")
    words = f"{running} of {wanted} container{'' if wanted == 1 else 's'} running"
    # Of a stack each service must run; of replicas one is enough.
    well = all(up > 0 for up, asked in found if asked)
    return Seen(ok=well, words="" if running == wanted else words)


def _by_schedule(target: Target, one: Assignment) -> Seen | None:
    """The last run of its schedule; None where it has none yet: then its containers are judged."""
    runs: Sequence[Any] = target.schedules(one.app_id) if one.app_id else ()
    if not runs:
        return None
    good = runs[0].status in {"done", "running"}
    return Seen(ok=good, words="" if good else f"Its last scheduled run is {runs[0].status}")
