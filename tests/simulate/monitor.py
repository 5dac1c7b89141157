"""
Reads the history that the engine writes with each move, after each commit, and knows by it what
every row's state must be. What it sees there it asks the rules about.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tenantry.planning.states import ACTIVE_DEPLOYMENT, DONE_STEP, MOVES, NEW, OPEN_JOB
from tests.simulate.database import Store

ENDED = ("succeeded", "failed", "cancelled")


@dataclass
class StepKnown:
    """One step as its history tells it. `owner` claimed it last."""

    id: int
    deployment: int
    order: int
    gates: bool
    key: str
    epoch: int
    status: str = NEW
    owner: str = ""


@dataclass
class DeploymentKnown:
    """One deployment, with its steps and its epoch."""

    id: int
    tenant: int
    target: int
    status: str = NEW
    epoch: int = 0
    steps: list[StepKnown] = field(default_factory=list)


Blame = Callable[[str, str], None]


class Monitor:
    """`blame(invariant, words)` is called for each breach; `seen` for each move."""

    def __init__(self, store: Store, blame: Blame, seen: Callable[[str], None]) -> None:
        self.store, self.blame, self.say = store, blame, seen
        self.steps: dict[int, StepKnown] = {}
        self.deployments: dict[int, DeploymentKnown] = {}
        self.jobs: dict[int, tuple[int, str]] = {}
        self.tenants: dict[int, str] = {}
        self.limits: dict[int, int] = {}
        self.marks: dict[int, tuple[object, ...]] = {}
        self.claims = 0
        self.on_success: Callable[[DeploymentKnown], None] = lambda _deployment: None
        self._last = int(store.query("SELECT COALESCE(MAX(id), 0) FROM status_change")[0][0])

    def look(self) -> None:
        """What was committed since the last look."""
        rows = self.store.query(
            "SELECT id, thing, thing_id, old, new, actor FROM status_change"
            f" WHERE id > {self._last} ORDER BY id"
        )
        if not rows:
            return
        self._last = rows[-1][0]
        touched: dict[int, None] = {}
        succeeded: list[int] = []
        opened: set[int] = set()
        for _, thing, number, old, new, actor in rows:
            self._legal(thing, number, old, new)
            if thing == "step":
                touched[self._step(number, old, new, actor)] = None
                if (old == NEW or new in DONE_STEP) and self._counts(self.steps[number]):
                    opened.add(self.steps[number].deployment)
            elif thing == "deployment":
                self._deployment(number, old, new)
                touched[number] = None
                if new == "succeeded":
                    succeeded.append(number)
            elif thing == "job":
                touched[self._job(number, new)] = None
        self._noticed(touched, opened)
        for number in touched:
            self._whole(self.deployments[number])
        for number in succeeded:
            self.on_success(self.deployments[number])

    def _counts(self, step: StepKnown) -> bool:
        """Whether the end of its deployment asks for it: mail of an earlier epoch is nobody's."""
        return step.gates or step.epoch == self.deployments[step.deployment].epoch

    def _noticed(self, touched: Iterable[int], opened: set[int]) -> None:
        """
        Whoever waited for a deployment's lock sees by its row that other steps are open now.

        A statement of `engine.fused` reads steps as they were when it began (ADR 0014).
        """
        listed = ", ".join(map(str, touched))
        if not listed:
            return
        for number, *mark in self.store.query(
            "SELECT id, next_seq, status, epoch, cancel_requested FROM deployment"
            f" WHERE id IN ({listed})"
        ):
            if number in opened and self.marks.get(number) == tuple(mark):
                self.blame("noticed", f"what is open of deployment {number} changed, not its row")
            self.marks[number] = tuple(mark)

    def holds(self, step_id: int, owner: str) -> bool:
        """Whether this worker's claim of the step is the one that counts."""
        step = self.steps.get(step_id)
        return step is not None and step.status == "running" and step.owner == owner

    def _legal(self, thing: str, number: int, old: str, new: str) -> None:
        if thing not in MOVES:
            return
        known = {
            "step": lambda: self.steps[number].status if number in self.steps else NEW,
            "deployment": lambda: (
                self.deployments[number].status if number in self.deployments else NEW
            ),
            "job": lambda: self.jobs.get(number, (0, NEW))[1],
            "tenant": lambda: self.tenants.get(number, old),
        }[thing]()
        if thing == "tenant":
            self.tenants[number] = new
        if known != old or (old, new) not in MOVES[thing]:
            self.blame("history", f"{thing} {number} was {known}, then went {old} → {new}")

    def _step(self, number: int, old: str, new: str, actor: str) -> int:
        if number not in self.steps:
            self._learn(number)
        step = self.steps[number]
        if new == "running":
            self.claims += 1
            self._turn(step)
            step.owner = actor
        elif old == "running" and actor not in {"watchdog", step.owner}:
            words = f"{step.key} was settled as {new} by {actor}, but {step.owner} holds it"
            self.blame("fence", words)
        step.status = new
        self.say(f"step {number} {step.key}: {old} → {new} by {actor}")
        return step.deployment

    def _turn(self, step: StepKnown) -> None:
        """A gating step runs after all before it, and alone."""
        deployment = self.deployments[step.deployment]
        if not step.gates:
            return
        for other in deployment.steps:
            if other.gates and other.status == "running" and other is not step:
                self.blame("order", f"{step.key} began beside {other.key}")
            open_before = other.order < step.order and other.status not in DONE_STEP
            if other.gates and open_before and not self._retried(other):
                self.blame("order", f"{step.key} began before {other.key}, which is {other.status}")

    def _retried(self, step: StepKnown) -> bool:
        query = f"SELECT retried_by_id FROM deployment_step WHERE id = {step.id}"
        return step.status == "failed" and self.store.query(query)[0][0] is not None

    def _learn(self, number: int) -> None:
        row = self.store.query(
            'SELECT deployment_id, "order", gates, step_key, epoch FROM deployment_step'
            f" WHERE id = {number}"
        )[0]
        step = StepKnown(number, row[0], row[1], bool(row[2]), row[3], row[4])
        self.steps[number] = step
        self._of(row[0]).steps.append(step)

    def _of(self, number: int) -> DeploymentKnown:
        if number not in self.deployments:
            tenant, target = self.store.query(
                f"SELECT tenant_id, target_id FROM deployment WHERE id = {number}"
            )[0]
            self.deployments[number] = DeploymentKnown(number, tenant, target)
        return self.deployments[number]

    def _deployment(self, number: int, old: str, new: str) -> None:
        deployment = self._of(number)
        deployment.status = new
        deployment.epoch += old in ENDED
        self.say(f"deployment {number}: {old} → {new}")

    def _job(self, number: int, new: str) -> int:
        step = self.jobs.get(number, (0, ""))[0]
        if not step:
            step = self.store.query(f"SELECT step_id FROM job_record WHERE id = {number}")[0][0]
        self.jobs[number] = (step, new)
        return self.steps[step].deployment

    def _whole(self, deployment: DeploymentKnown) -> None:
        """What must hold whenever a transaction that touched this deployment is over."""
        if deployment.status in ACTIVE_DEPLOYMENT:
            self._alone(deployment)
        if deployment.status != "running":
            for step in deployment.steps:
                if step.gates and step.status in {"running", "waiting"}:
                    words = f"{step.key} is {step.status} in a deployment that {deployment.status}"
                    self.blame("ended", words)
        self._jobs(deployment)

    def _alone(self, deployment: DeploymentKnown) -> None:
        active = [d for d in self.deployments.values() if d.status in ACTIVE_DEPLOYMENT]
        if any(d.tenant == deployment.tenant and d is not deployment for d in active):
            self.blame("one active", f"two deployments of tenant {deployment.tenant} are active")
        here = [d for d in active if d.target == deployment.target and d.status == "running"]
        limit = self.limits.get(deployment.target)
        if limit is None:
            query = f"SELECT max_in_flight FROM target WHERE id = {deployment.target}"
            limit = self.limits[deployment.target] = self.store.query(query)[0][0]
        if len(here) > limit:
            self.blame("admission", f"{len(here)} deployments run where {limit} may")

    def _jobs(self, deployment: DeploymentKnown) -> None:
        ids = {step.id for step in deployment.steps}
        open_jobs: dict[int, list[str]] = defaultdict(list)
        for step_id, status in self.jobs.values():
            if step_id in ids and status in OPEN_JOB:
                open_jobs[step_id].append(status)
        for step in deployment.steps:
            jobs = open_jobs.get(step.id, [])
            fits = {"running": {"running"}, "waiting": {"scheduled"}, "pending": {"scheduled"}}
            if len(jobs) > 1:
                self.blame("one job", f"{step.key} has {len(jobs)} open jobs")
            elif set(jobs) - fits.get(step.status, set()):
                self.blame("one job", f"{step.key} is {step.status}, its job is {jobs[0]}")
            elif step.status == "waiting" and not jobs:
                self.blame("one job", f"{step.key} waits without a job")
