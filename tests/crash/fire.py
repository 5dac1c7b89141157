"""Leads the lives of one installation, a few at once, and has their workers die."""

import time
from collections import defaultdict
from typing import Any

import redis
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from tenantry.models import Deployment, DeploymentStep
from tenantry.planning.catalogue import kind_name
from tests.crash.board import Board, Cell
from tests.crash.findings import Mails, doubled
from tests.crash.life import Life
from tests.crash.points import STOP, Order
from tests.crash.stories import Story
from tests.crash.strikes import DISTURBED, Strike, Strikes, bound_of
from tests.installation import ME, Installation

READS_ONLY = frozenset(
    "service.wait_deploy service.observe service.wait_wake domains.wait_propagation health.check "
    "health.retry teardown.certify teardown.wait_builds restore.check restore.verify".split()
)
# There the database still runs, and a stack has neither schedules nor copies of its volumes.
NOTHING_TO_DO = frozenset({"stack db.start", "stack service.schedules_remove"})
NEED_AN_INTENT = frozenset({"after intent", "before the call", "in the call"})
LONGEST = 420.0


class Fire:
    """`at_once` lives; at most `kills` strikes in one deployment and `lives` of one story."""

    def __init__(
        self,
        place: Installation,
        broker: redis.Redis,
        board: Board,
        *,
        at_once: int,
        kills: int,
        lives: int,
    ) -> None:
        self.place, self.board = place, board
        self.at_once, self.kills, self.most_lives = at_once, kills, lives
        self.strikes = Strikes(place, broker)
        self.mails = Mails(place)
        self.lives: list[Life] = []
        self.doubled: set[str] = set()
        self.seen: defaultdict[str, set[str]] = defaultdict(set)
        # Steps that had nothing to change when they were tried: story, chapter, key.
        self._barren: set[tuple[str, int, str]] = set()
        # Lives from here on were born when all that is wanted could be had.
        self._returned = 0
        self._looked = 0.0

    def run(self, stories: dict[str, Story], seconds: float) -> None:
        """Lives each story once, then again while a cell of its kinds is wanted."""
        began = time.monotonic()
        going: list[Life] = []
        first = list(stories)
        while time.monotonic() - began < seconds:
            while len(going) < self.at_once:
                name = first.pop(0) if first else self._wanted(stories, going)
                if name is None:
                    break
                going.append(self._born(name, stories[name]))
            if not going:
                return
            self._look(going)
            for life in going:
                if life.trouble:
                    print(f"  {life.tenant:12}LOST: {life.trouble}", flush=True)
            going = [life for life in going if not life.over]
            time.sleep(0.15)
        for life in going:
            self._give_up(life, "out of time")

    def _wanted(self, stories: dict[str, Story], going: list[Life]) -> str | None:
        """The story that most cells wait for and that not enough tenants live yet."""
        best: tuple[int, str] | None = None
        for name in stories:
            lived = [life for life in self.lives if life.story == name]
            # What a whole life found nothing for, another one would not find either.
            since = [life for life in self.lives[self._returned :] if life.story == name]
            fruitless = any(life.over and not life.ordered for life in since)
            if fruitless or len(lived) >= self.most_lives:
                continue
            need = max((self.board.wanted(of) for of in self.seen[name]), default=0)
            need -= sum(life.story == name for life in going)
            if need > 0 and (best is None or need > best[0]):
                best = need, name
        return best[1] if best else None

    def _born(self, name: str, story: Story) -> Life:
        number = sum(life.story == name for life in self.lives)
        life = Life(f"{name}{number}", name, story.product, story.chapters)
        self.lives.append(life)
        if not story.chapters[0].adopts:
            self._patiently(lambda: self.place.tenant(life.tenant, life.product))
        self._next(life)
        return life

    def _patiently(self, act: Any) -> Any:
        """SQLite has one writer at a time, and that one may stand still."""
        for _ in range(5):
            try:
                return act()
            except OperationalError as trouble:
                last = trouble
                # Nobody but us would wake it.
                self.strikes.look()
        raise last

    def _look(self, going: list[Life]) -> None:
        self.strikes.look()
        rows = self._rows([life.deployment_id for life in going])
        if time.monotonic() - self._looked > 1:
            self._looked = time.monotonic()
            self._see(self.place.world())
        for life in going:
            self._follow(life, rows[life.deployment_id])

    def _see(self, world: dict[str, Any]) -> None:
        self.mails.look()
        provisioned = sum(life.product == "dms" for life in self.lives)
        self.doubled |= doubled(world, provisioned)

    def _rows(self, ids: list[int]) -> dict[int, list[Any]]:
        step = DeploymentStep
        query = (
            select(
                step.id,
                step.deployment_id,
                step.step_key,
                step.status,
                step.gates,
                step.due_at,
                step.public_id,
                step.message,
                Deployment.status.label("outcome"),
                Deployment.summary,
            )
            .join(Deployment)
            .where(step.deployment_id.in_(ids))
            .order_by(step.order)
        )
        found: dict[int, list[Any]] = {one: [] for one in ids}
        with self.place.shop.desk.reading() as session:
            for row in session.execute(query):
                found[row.deployment_id].append(row)
        return found

    def _follow(self, life: Life, rows: list[Any]) -> None:
        outcome = rows[0].outcome
        if time.monotonic() - life.began > LONGEST:
            self._give_up(life, "did not end")
            return
        if outcome in {"pending", "running"}:
            self._order(life, rows)
            return
        mail = [row for row in rows if not row.gates and row.due_at]
        still = any(row.status in {"pending", "waiting", "running"} for row in mail)
        if still or not self.strikes.told(life.strikes):
            return
        if outcome == life.chapter.ends:
            self._ended(life, rows)
            self._next(life)
        elif not self._a_person_looks(life, rows):
            life.trouble = f"{life.chapter.title}: {outcome}: {rows[0].summary}"

    def _give_up(self, life: Life, why: str) -> None:
        rows = self._rows([life.deployment_id])[life.deployment_id]
        step = next((r for r in rows if r.gates and r.status not in {"success", "skipped"}), None)
        words = f"{step.step_key} is {step.status}: {step.message}" if step else rows[0].outcome
        life.trouble = f"{life.chapter.title}: {why}; {words}"

    def _a_person_looks(self, life: Life, rows: list[Any]) -> bool:
        """A restore whose answer was lost is never repeated by itself: somebody looks."""
        step = next((row for row in rows if row.step_key == "restore.run"), None)
        if step is None or step.status != "failed" or "may have run" not in step.message:
            return False
        words = "looked at the database"
        self._patiently(
            lambda: self.place.shop.desk.step(ME, str(step.public_id), "mark_done", words)
        )
        life.asked += 1
        return True

    def _next(self, life: Life) -> None:
        life.place += 1
        if life.over:
            return
        # Each by itself: what was done on the target must not be done again for a lock.
        self._patiently(lambda: life.set_scene(self.place))
        target_id = self._patiently(lambda: life.create(self.place))
        self._order(life, self._rows([life.deployment_id])[life.deployment_id])
        self._patiently(lambda: self.place.shop.dispatcher.admit(target_id))

    def _order(self, life: Life, rows: list[Any]) -> None:
        """Gives cells to the steps that are new: kinds that lag behind first, and rare ones."""
        new = [row for row in rows if row.id not in life.known]
        life.known |= {row.id for row in new}
        told = "success" if life.chapter.ends == "succeeded" else "failure"
        fitting = [row for row in new if row.gates or row.step_key == f"email.notify_{told}"]
        for row in fitting:
            self.seen[life.story].add(life.label(kind_name(row.step_key)))
        for row in sorted(fitting, key=lambda row: self._urgency(life, row)):
            if len(life.strikes) >= self.kills:
                return
            cell = self._cell(life, row)
            if cell is not None:
                self._aim(life, row, cell)

    def _urgency(self, life: Life, row: Any) -> tuple[int, int]:
        of = life.label(kind_name(row.step_key))
        return -self.board.wanted(of), sum(of in kinds for kinds in self.seen.values())

    def _cell(self, life: Life, row: Any) -> Cell | None:
        of = life.label(kind_name(row.step_key))
        barren = (life.story, life.place, row.step_key) in self._barren

        def allowed(cell: Cell) -> bool:
            if cell.slow and any(strike.cell.slow for strike in life.strikes):
                return False
            return not (barren and cell.point in NEED_AN_INTENT)

        return self.board.take(of, allowed)

    def _aim(self, life: Life, row: Any, cell: Cell) -> None:
        looks = cell.kind in READS_ONLY or cell.of in NOTHING_TO_DO
        point = cell.point
        if point == "after intent" and looks:
            point = "after claim"
        wire = looks and point in NEED_AN_INTENT
        order = Order(point, cell.signal, looks=wire, whole=row.id % 2 == 0)
        bound = bound_of(self.strikes.times, cell)
        strike = Strike(cell, order, row.id, row.step_key, life.deployment_id, life.tenant, bound)
        life.strikes.append(strike)
        life.ordered += 1
        self.strikes.order(strike)

    def _ended(self, life: Life, rows: list[Any]) -> None:
        life.remember(self.place)
        world = self.place.world()
        self._see(world)
        if life.built_too_often(world, [kind_name(row.step_key) for row in rows]):
            self.doubled.add(f"builds of {life.tenant} in {life.chapter.title}")
        hit = 0
        for strike in life.strikes:
            if self.strikes.withdraw(strike):
                here = (life.story, life.place, strike.step_key)
                learnt = strike.cell.point in NEED_AN_INTENT and here not in self._barren
                self._barren.add(here)
                self.board.give_back(strike.cell, counts=not learnt)
                self._returned = len(self.lives)
                continue
            hit += 1
            self.strikes.hear(strike)
            strike.recovery = self.strikes.next_claim(strike)
            if strike.order.signal == STOP and strike.said in DISTURBED:
                # It never came back to be refused: this cell is still to be seen.
                self.board.give_back(strike.cell)
                self._returned = len(self.lives)
            else:
                self.board.reach(strike.cell)
        seconds = time.monotonic() - life.began
        print(f"  {life.tenant:12}{life.chapter.title:24}{hit:4}{seconds:6.0f} s", flush=True)
