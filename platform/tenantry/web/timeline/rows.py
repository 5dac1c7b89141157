"""
Rows of the timeline: one for each step of the plan.

Health retries are rows of their own in the database; here they stand under the check that they
repeat, and the check shows how the last of them stands.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tenantry.models import Deployment, DeploymentStep
from tenantry.planning.catalogue import kind_of
from tenantry.web.words import title_of

OPEN = ("pending", "running", "waiting")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the timeline."""

    step: DeploymentStep
    shown: DeploymentStep
    title: str
    service: str | None
    retries: tuple[DeploymentStep, ...] = ()
    most_tries: int = 0
    tries: int = 0
    seconds: float | None = None
    left: float = 0.0
    width: float = 0.0
    deeds: tuple[str, ...] = ()

    @property
    def status(self) -> str:
        """How it stands: of a check with retries, how the last one stands."""
        return self.shown.status

    @property
    def made(self) -> int:
        """Tries that were no mere looks, retries included."""
        return len(self.retries) + 1 if self.retries else self.shown.attempts - self.shown.polls

    @property
    def next_try(self) -> str:
        """`3 of 8` while it waits for another try; empty for a mere look."""
        return f"{self.tries} of {self.most_tries}" if self.tries else ""


def rows_of(
    deployment: Deployment, steps: Sequence[DeploymentStep], now: datetime
) -> Iterator[Row]:
    """Steps in order, retries folded under what they repeat."""
    for chain in chains(steps):
        step, last = chain[0], chain[-1]
        tries, most = _tries(deployment, step, chain)
        yield Row(
            step=step,
            shown=last,
            title=title_of(step.step_key),
            service=step.service_name,
            retries=tuple(chain[1:]),
            tries=tries,
            most_tries=most,
            seconds=_seconds(step, last, now),
            deeds=deeds_of(deployment, last),
        )


def chains(steps: Sequence[DeploymentStep]) -> Iterator[list[DeploymentStep]]:
    """Each step with the retries that follow it."""
    by_id = {step.id: step for step in steps}
    followers = {step.retried_by_id for step in steps if step.retried_by_id}
    for step in steps:
        if step.id in followers:
            continue
        chain = [step]
        while (after := by_id.get(chain[-1].retried_by_id or 0)) is not None:
            chain.append(after)
        yield chain


def _tries(
    deployment: Deployment, step: DeploymentStep, chain: list[DeploymentStep]
) -> tuple[int, int]:
    """The try that comes next and how many there are in all; 0 for a mere look."""
    kind = kind_of(step.step_key)
    last = chain[-1]
    if kind is None:
        return 0, 0
    if len(chain) > 1:
        return len(chain) - 1, _retries(deployment, step, kind.retries)
    used = last.attempts - last.budget_from - last.lost - last.polls
    waits = last.status == "waiting" and used > 0 and last.due_at is not None
    return (used + 1, kind.attempts) if waits and kind.patience is None else (0, kind.attempts)


def _retries(deployment: Deployment, step: DeploymentStep, otherwise: int) -> int:
    for service in deployment.blueprint.get("services", ()):
        if service.get("name") == step.service_name:
            return int(service.get("health_retries", otherwise))
    return otherwise


def _seconds(first: DeploymentStep, last: DeploymentStep, now: datetime) -> float | None:
    if first.started_at is None:
        return None
    end = last.ended_at or (now if last.status in OPEN else None)
    return (end - first.started_at).total_seconds() if end else None


def with_bars(deployment: Deployment, rows: Sequence[Row], now: datetime) -> Iterator[Row]:
    """Where each bar begins and ends, in hundredths of the whole run."""
    starts = [row.step.started_at for row in rows if row.step.started_at]
    begin = min(starts, default=deployment.queued_at)
    whole = max(((deployment.ended_at or now) - begin).total_seconds(), 1.0)
    for row in rows:
        if row.step.started_at is None or row.seconds is None:
            yield row
            continue
        left = 100 * (row.step.started_at - begin).total_seconds() / whole
        left = min(max(left, 0.0), 99.4)
        width = min(max(100 * row.seconds / whole, 0.6), 100 - left)
        yield replace(row, left=round(left, 2), width=round(width, 2))


def deeds_of(deployment: Deployment, step: DeploymentStep) -> tuple[str, ...]:
    """What staff may do to a step as it stands; the operation judges again."""
    if step.retried_by_id is not None:
        return ()
    ended = deployment.status in {"failed", "cancelled"}
    if step.status == "failed" and step.gates and ended:
        return ("retry", "mark_done")
    if step.status == "failed" and not step.gates and step.epoch == deployment.epoch:
        return ("retry",)
    if step.status == "waiting" and step.gates:
        return ("run_now", "skip")
    if step.status == "pending" and step.gates and deployment.status != "succeeded":
        return ("skip",)
    return ()
