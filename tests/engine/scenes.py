"""What the tests of the engine share: rules that hold after every scene, and workers that die."""

import threading
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from sqlalchemy import Connection, Engine, and_, exists, select
from sqlalchemy.orm import aliased

from tenantry.engine.runner import Runner
from tenantry.engine.transitions import TABLES
from tenantry.errors import Permanent
from tenantry.models import Deployment, DeploymentStep, JobRecord, StatusChange
from tenantry.planning.states import MOVES, NEW
from tenantry.steps.context import Handler, StepContext
from tenantry.steps.outcomes import Done, Outcome, Wait
from tests.stage import IMAGE_ONLY, ME, Killed, Stage

Step = DeploymentStep
other = aliased(Step)


def broken_rules(engine: Engine) -> list[str]:
    """Every rule of KERNEL §2.1 that the rows break at this moment; empty is how it should be."""
    with engine.begin() as conn:
        return [*_broken_chains(conn), *_broken_jobs(conn), *_broken_steps(conn)]


def _broken_chains(conn: Connection) -> list[str]:
    """Each row's changes must be one chain of allowed moves that ends at its status."""
    found = []
    for thing, table in TABLES.items():
        status = {row.id: row.status for row in conn.execute(select(table.id, table.status))}
        at = dict.fromkeys(status, NEW)
        changes = conn.execute(
            select(StatusChange.thing_id, StatusChange.old, StatusChange.new)
            .where(StatusChange.thing == thing)
            .order_by(StatusChange.id)
        )
        for row in changes:
            if at[row.thing_id] != row.old or (row.old, row.new) not in MOVES[thing]:
                found.append(f"{thing} {row.thing_id}: {at[row.thing_id]}, then {row.old, row.new}")
            at[row.thing_id] = row.new
        found += [
            f"{thing} {key} is {status[key]}, its changes end at {at[key]}"
            for key in status
            if status[key] != at[key]
        ]
    return found


def _broken_jobs(conn: Connection) -> list[str]:
    fits = {"scheduled": {"waiting", "pending"}, "running": {"running"}}
    rows = conn.execute(
        select(JobRecord.id, JobRecord.status, Step.status.label("step"), Step.step_key)
        .join(Step, Step.id == JobRecord.step_id)
        .where(JobRecord.status.in_(tuple(fits)))
    )
    found = [
        f"job {row.id} is {row.status} while {row.step_key} is {row.step}"
        for row in rows
        if row.step not in fits[row.status]
    ]
    lonely = select(Step.step_key).where(
        Step.status == "waiting",
        ~exists().where(JobRecord.step_id == Step.id, JobRecord.status == "scheduled"),
    )
    return found + [f"{key} waits without a job" for key in conn.execute(lonely).scalars()]


def _broken_steps(conn: Connection) -> list[str]:
    two = select(Step.step_key).where(
        Step.gates,
        Step.status == "running",
        exists().where(
            and_(
                other.deployment_id == Step.deployment_id,
                other.id != Step.id,
                other.gates,
                other.status == "running",
            )
        ),
    )
    ended = (
        select(Step.step_key, Step.status, Deployment.status.label("ended"))
        .join(Deployment, Deployment.id == Step.deployment_id)
        .where(
            Step.gates,
            Step.retried_by_id.is_(None),
            Step.status.in_(("running", "waiting")),
            Deployment.status.in_(("succeeded", "failed", "cancelled")),
        )
    )
    return [f"{key} runs beside another" for key in conn.execute(two).scalars()] + [
        f"{row.step_key} is {row.status} in a deployment that {row.ended}"
        for row in conn.execute(ended)
    ]


class Deaths:
    """Kills a worker at one point, once for every step that comes to it, and plays on."""

    def __init__(self, stage: Stage, point: str) -> None:
        self.stage = stage
        self.point = point
        self.killed: Counter[str] = Counter()
        self._keys: dict[int, str] = {}
        self._step = 0

    def _at(self, name: str) -> None:
        key = self._keys[self._step]
        if name == self.point and not self.killed[key]:
            self.killed[key] += 1
            raise Killed(name)

    def play(self, rounds: int = 400) -> None:
        """Until everything has ended."""
        stage, runner = self.stage, self.stage.runner(at=self._at)
        for _ in range(rounds):
            if not stage.sent:
                stage.watchdog.repair()
                stage.watchdog.sweep()
            if stage.sent:
                self._run(stage.sent.pop(0), runner)
            elif not stage._open():
                return
            else:
                self._time_flies()
        raise AssertionError("the play does not end")

    def _run(self, chain: Any, runner: Any) -> None:
        for step in self.stage.steps():
            self._keys[step.id] = f"{step.step_key}/{step.service_name}"
        for link in chain.links:
            self._step = link.step_id
            suspect = link.queue == "suspect"
            try:
                if not runner.run(chain.deployment_id, link.step_id, chain.epoch, suspect=suspect):
                    return
            except Killed:
                # The messages behind this one died with the worker.
                return

    def _time_flies(self) -> None:
        slow = any(s.status in {"running", "pending"} and s.fence for s in self._slow())
        self.stage.pass_time(45 if slow else 5)

    def _slow(self) -> list[Any]:
        return [s for s in self.stage.steps() if s.step_key == "db.deploy"]


def then_freeze(point: str, act: Callable[[], object], nth: int = 1) -> Callable[[str], None]:
    """A hook that lets the world go on while this worker stands still at a point, once."""
    left = nth

    def hook(name: str) -> None:
        nonlocal left
        if name == point:
            left -= 1
            if left == 0:
                act()

    return hook


def quiet(stage: Stage, scripts: Mapping[str, Sequence[object]] | None = None) -> Stage:
    """
    Handlers that say Done and touch nothing; those with a script answer from it first.

    An exception in a script is raised, a function is called with the context.
    """
    waiting = {kind: deque(answers) for kind, answers in (scripts or {}).items()}

    def handler_of(kind: str) -> Handler:
        def handler(ctx: StepContext) -> Outcome:
            left = waiting.get(kind)
            answer: Any = left.popleft() if left else Done("done")
            if callable(answer):
                answer = answer(ctx)
            if isinstance(answer, BaseException):
                raise answer
            return cast("Outcome", answer)

        return handler

    for kind in list(stage.handlers):
        stage.handlers[kind] = handler_of(kind)
    return stage


def message(
    stage: Stage, step: Any, runner: Runner | None = None, *, suspect: bool = False
) -> bool:
    """Delivers one message for a step in the deployment's epoch."""
    epoch = stage.deployment().epoch
    worker = runner or stage.runner()
    return worker.run(step.deployment_id, step.id, epoch, suspect=suspect)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Runs all of them at the same moment, each in a thread; results or the errors they raised."""
    barrier = threading.Barrier(len(acts))
    results: list[object] = [None] * len(acts)

    def one(place: int, act: Callable[[], object]) -> None:
        barrier.wait(10)
        try:
            results[place] = act()
        except BaseException as trouble:  # noqa: BLE001 — handed to the test
            results[place] = trouble

    threads = [threading.Thread(target=one, args=pair) for pair in enumerate(acts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    return results


def elsewhere(act: Callable[[], object]) -> object:
    """Runs it in another thread to its end: what a thread keeps for itself stays apart."""
    (result,) = at_once(act)
    if isinstance(result, BaseException):
        raise result
    return result


KEY = "project.create"
NO = Permanent("no")


def one_waits(stage: Stage, kind: str = KEY) -> str:
    """A deployment whose step waits for a long time."""
    quiet(stage, {kind: [Wait(3000, "not yet")]}).ready(IMAGE_ONLY)
    public_id = stage.deploy()
    stage.play()
    return public_id


def one_failed(stage: Stage, kind: str = KEY, *more: object) -> str:
    quiet(stage, {kind: [NO, *more]}).ready(IMAGE_ONLY)
    public_id = stage.deploy()
    stage.play()
    assert stage.deployment().status == "failed"
    return public_id


def mails(stage: Stage) -> list[tuple[str, int, str]]:
    return [
        (s.step_key.removeprefix("email.notify_"), s.epoch, s.status)
        for s in stage.steps()
        if not s.gates
    ]


def do(stage: Stage, deed: str, key: str, reason: str = "because I say so") -> None:
    step = [s for s in stage.steps() if s.step_key == key][-1]
    stage.desk.step(ME, str(step.public_id), deed, reason)
