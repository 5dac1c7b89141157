"""
`make crash-life`: every kind of step of the years after, its whole worker killed at three points.

Each tenant lives one story of several deployments through real processes. Each kind of step that
`make crash-small` does not know loses its worker by SIGKILL at each point; the
watchdog finds it and the step goes on elsewhere. Every deployment must succeed, nothing may be
there twice on the way, and after the teardown at the end of each story nothing may be left.
"""

import shutil
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from sqlalchemy import select

from tenantry.models import DeploymentStep
from tenantry.operations import deployments, tenants
from tenantry.operations.adoption import adopt, wish_of
from tenantry.planning.catalogue import KINDS, kind_name
from tests.crash.small import AT_ONCE, POINTS, worker
from tests.crash.stories import STORIES, Chapter, adoption, prepare
from tests.crash.worker import KEY
from tests.installation import ME, Installation, servers

# Those of the first deployment, which `make crash-small` kills already.
SPINE = frozenset(
    "project.create db.create db.deploy service.create service.git_attach service.build_config "
    "service.env_set service.deploy service.wait_deploy domains.create domains.wait_propagation "
    "health.check internal.provision email.notify_success email.notify_failure".split()
)
MOST_KILLS = 1
# There the database still runs, and a stack has neither schedules nor copies of its volumes.
NOTHING_TO_DO = frozenset({"stack db.start", "stack service.schedules_remove"})
READS_ONLY = frozenset(
    "service.wait_deploy service.observe service.wait_wake domains.wait_propagation health.check "
    "teardown.certify teardown.wait_builds restore.check restore.verify".split()
)
LONGEST = 420.0
WORKERS = 6
SLOTS = 2


@dataclass
class Life:
    """One tenant, its story and the point at which its steps die."""

    tenant: str
    product: str
    point: str
    chapters: list[Chapter]
    place: int = -1
    deployment: str = ""
    began: float = 0.0
    trouble: str = ""
    asked: int = 0
    killed: Counter[str] = field(default_factory=Counter)
    aimed: dict[int, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether it has come to its end, good or bad."""
        return bool(self.trouble) or self.place >= len(self.chapters)


class Fire:
    """Leads the lives, a few at once."""

    def __init__(self, place: Installation, broker: redis.Redis) -> None:
        self.place = place
        self.broker = broker
        self.doubled: set[str] = set()
        self.armed: Counter[tuple[str, str]] = Counter()

    def run(self, lives: list[Life]) -> None:
        """Starts each as soon as there is room, and waits for all."""
        waiting, going = list(lives), []
        began = time.monotonic()
        while (waiting or going) and time.monotonic() - began < 1500:
            while waiting and len(going) < AT_ONCE:
                life = waiting.pop(0)
                if not life.chapters[0].adopts:
                    self.place.tenant(life.tenant, life.product)
                self._next(life)
                going.append(life)
            for life in going:
                self._look(life)
            going = [life for life in going if not life.over]
            self.doubled |= set(self.place.doubles())
            time.sleep(0.2)
        for life in (*waiting, *going):
            life.trouble = life.trouble or "did not end"

    def _look(self, life: Life) -> None:
        ended = self.place.ended(life.tenant)
        if ended == "succeeded":
            self._count(life)
            title = life.chapters[life.place].title
            print(f"{life.tenant:10}{title:24}{time.monotonic() - life.began:6.0f} s", flush=True)
            self._next(life)
        elif ended and self._a_person_looks(life):
            life.asked += 1
        elif ended:
            life.trouble = f"{life.chapters[life.place].title}: {self._summary(life)}"
        elif time.monotonic() - life.began > LONGEST:
            life.trouble = f"{life.chapters[life.place].title}: took longer than {LONGEST:.0f} s"

    def _a_person_looks(self, life: Life) -> bool:
        """A restore whose answer was lost is never repeated by itself: somebody looks."""
        with self.place.shop.desk.reading() as session:
            found = deployments.find(session, life.deployment)
            step = next((s for s in found.steps if s.step_key == "restore.run"), None)
            asks = step is not None and step.status == "failed" and "may have run" in step.message
            public_id = str(step.public_id) if step else ""
        if asks:
            self.place.shop.desk.step(ME, public_id, "mark_done", "looked at the database")
        return asks

    def _summary(self, life: Life) -> str:
        with self.place.shop.desk.reading() as session:
            return deployments.find(session, life.deployment).summary

    def _next(self, life: Life) -> None:
        life.place += 1
        if life.over:
            return
        chapter = life.chapters[life.place]
        desk = self.place.shop.desk
        if chapter.before:
            chapter.before(self.place, life.tenant)

        taken = adoption(self.place, life.tenant) if chapter.adopts else None

        def act(session: Any) -> tuple[str, int]:
            if taken:
                tenant = adopt(session, ME, desk.secrets, *taken)
                wish: Any = wish_of(taken[1])
            else:
                tenant = tenants.find(session, life.tenant, away=True)
                wish = chapter.wish(session, tenant) if callable(chapter.wish) else chapter.wish
            made = deployments.create(session, ME, tenant, desk.secrets, wish=wish)
            life.names = [s.app_name for s in tenant.services if s.app_name] or life.names
            return str(made.public_id), made.target_id

        life.deployment, target_id = desk.do(act)
        life.began = time.monotonic()
        if chapter.fire:
            self._arm(life)
        self.place.shop.dispatcher.admit(target_id)

    def _arm(self, life: Life) -> None:
        for step_id, key in self._steps(life):
            kind = kind_name(key)
            of = f"stack {kind}" if life.product == "stacks" else kind
            if (kind in SPINE and of == kind) or self.armed[of, life.point] >= MOST_KILLS:
                continue
            reads = kind in READS_ONLY or of in NOTHING_TO_DO
            point = "after_claim" if life.point == "before_call" and reads else life.point
            self.broker.set(KEY.format(step=step_id, point=point), 1)
            self.armed[of, life.point] += 1
            life.aimed[step_id] = of

    def _steps(self, life: Life) -> list[tuple[int, str]]:
        with self.place.shop.desk.reading() as session:
            found = deployments.find(session, life.deployment)
            rows = session.execute(
                select(DeploymentStep.id, DeploymentStep.step_key).where(
                    DeploymentStep.deployment_id == found.id, DeploymentStep.gates
                )
            )
            return [(row.id, row.step_key) for row in rows]

    def _count(self, life: Life) -> None:
        """Which of the armed steps lost their worker; what was never come to is taken back."""
        for step_id, of in life.aimed.items():
            keys = [KEY.format(step=step_id, point=p) for p in (*POINTS, "after_claim")]
            if not self.broker.delete(*keys):
                life.killed[f"{of} {life.point}"] += 1
            else:
                # It had nothing to change here: somebody else's may.
                self.armed[of, life.point] -= 1
        life.aimed.clear()

    def left_over(self, lives: list[Life]) -> list[str]:
        """What the stand-in still holds of tenants that have left, beside volumes and files."""
        found = []
        for life in lives:
            if life.trouble:
                continue
            for name in life.names:
                rows = self.place.look(f"remains?of={name}")
                found += [
                    f"{life.tenant}: {kind} {ids}"
                    for kind, ids in rows.items()
                    if kind not in {"volumes", "files"}
                ]
        return found


def lives_of_all(chosen: list[str]) -> list[Life]:
    """Each story, or each chosen one, at each point."""
    return [
        Life(f"{name}{number}", story.product, point, list(story.chapters))
        for name, story in STORIES.items()
        if not chosen or name in chosen
        for number, point in enumerate(POINTS)
    ]


def main() -> int:
    """Prints the table; 0 where nothing was lost, doubled or left over."""
    base = Path(tempfile.mkdtemp(prefix="lives-"))
    postgres, valkey = servers(base)
    began = time.monotonic()
    try:
        with Installation(base / "place", postgres.url(), valkey.url(), limit=AT_ONCE + 1) as place:
            place.environ["TARGET_MAIN_RESTORE"] = "on"
            prepare(place)
            for number in range(WORKERS):
                place.supervisor.launch(worker(place, number, "steps", SLOTS))
            for number in range(3):
                place.supervisor.launch(worker(place, number, "slow", SLOTS))
                place.supervisor.launch(worker(place, number, "suspect", 1))
            place.start("watchdog")
            fire = Fire(place, redis.Redis.from_url(valkey.admin_url()))
            lives = lives_of_all(sys.argv[1:])
            fire.run(lives)
            return _report(fire, lives, time.monotonic() - began)
    finally:
        valkey.remove()
        postgres.remove()
        shutil.rmtree(base, ignore_errors=True)


def _report(fire: Fire, lives: list[Life], seconds: float) -> int:
    lost = [life for life in lives if life.trouble]
    left = fire.left_over(lives)
    killed: Counter[str] = Counter()
    for life in lives:
        killed += life.killed
    kinds = sorted({of for of, _ in fire.armed})
    never = [f"{of} {point}" for of in kinds for point in POINTS if not killed[f"{of} {point}"]]
    unknown = {kind for kind in KINDS if KINDS[kind].gates} - SPINE - {"health.retry"}
    unknown -= {of.removeprefix("stack ") for of in kinds}
    print(f"{'kind of step':32}" + "".join(f"{point:>15}" for point in POINTS))
    for of in kinds:
        print(f"{of:32}" + "".join(f"{killed[f'{of} {point}']:>15}" for point in POINTS))
    print(f"{'stories':26}{len(lives):>15}")
    print(f"{'ended well':26}{len(lives) - len(lost):>15}")
    print(f"{'kinds of step':26}{len(kinds):>15}")
    print(f"{'workers killed in all':26}{killed.total():>15}")
    print(f"{'restores given to a person':26}{sum(life.asked for life in lives):>15}")
    print(f"{'lost':26}{len(lost):>15}")
    print(f"{'doubled':26}{len(fire.doubled):>15}")
    print(f"{'left over':26}{len(left):>15}")
    print(f"{'seconds in all':26}{seconds:>15.0f}")
    for life in lost:
        print(f"  lost: {life.tenant} at {life.point}, {life.trouble}")
    for words in (*sorted(fire.doubled), *left):
        print(f"  {words}")
    for words in never:
        print(f"  never killed: {words}")
    for kind in sorted(unknown):
        print(f"  in no story: {kind}")
    return 1 if lost or fire.doubled or left or never or unknown else 0


if __name__ == "__main__":
    sys.exit(main())
