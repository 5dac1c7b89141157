"""Staff: they deploy, cancel, resume, press every button of a step, and press it twice."""

from collections.abc import Callable

from sqlalchemy.exc import OperationalError

from tenantry.errors import Conflict
from tenantry.operations.actors import Actor as Person
from tenantry.operations.wishes import Wish
from tests.simulate.baton import Actor
from tests.simulate.world import TENANTS, World

ADA = Person("ada@example.com")
# Steps whose goal nobody else relies on: called done by a person, nothing is missing later.
SPARE = "step_key IN ('health.check', 'health.retry', 'domains.wait_propagation')"


class People:
    """Each deed is an actor of its own, so that two of them may meet."""

    def __init__(self, world: World, tenants: int) -> None:
        self.world, self.tenants = world, tenants
        self._pressed = 0
        self._deeds: dict[Callable[[], None], int] = {
            self.deploy: 6,
            self.cancel: 4,
            self.resume: 8,
            self.run_now: 6,
            self.retry: 4,
            self.mark_done: 2,
            self.skip: 1,
        }

    def act(self) -> None:
        """One deed by one person, or the same by two of them at once."""
        dice = self.world.dice
        (deed,) = dice.choices(list(self._deeds), list(self._deeds.values()))
        for _ in range(2 if dice.random() < 0.15 else 1):
            self.spawn(deed)

    def only(self, *deeds: str) -> None:
        """Impatient people, who press nothing else."""
        self._deeds = {getattr(self, deed): 1 for deed in deeds}

    def spawn(self, deed: Callable[[], None]) -> None:
        name = self.world.name("staff")

        def do() -> None:
            # What a page would show, or the trouble of the database behind it.
            try:
                deed()
                self.world.say(f"{name} did {deed.__name__}")
            except (Conflict, OperationalError) as refusal:
                self.world.say(f"{name} is refused to {deed.__name__}: {refusal}")
            except Exception as trouble:  # noqa: BLE001 — a page that breaks is a finding
                words = f"{deed.__name__}: {type(trouble).__name__}: {trouble}"
                self.world.blame("no crash", words)

        self.world.baton.spawn(Actor(name, "staff"), do)

    def deploy(self) -> None:
        dice, world = self.world.dice, self.world
        number = dice.randrange(self.tenants)
        self._pressed += dice.random() < 0.8
        # The same key again is the same deployment, or another tenant's conflict.
        key = f"press {number} {self._pressed}"
        world.desk.deploy(ADA, f"t{number}", wish=Wish(force=True), request_key=key)

    def cancel(self) -> None:
        if found := self._one("deployment", "status IN ('pending', 'running')"):
            self.world.desk.cancel(ADA, found)

    def resume(self) -> None:
        if found := self._one("deployment", "status IN ('failed', 'cancelled')"):
            only = self.world.dice.random() < 0.1
            self.world.desk.resume(ADA, found, only_failed=only)

    def run_now(self) -> None:
        self._press("run_now", "status = 'waiting'")

    def retry(self) -> None:
        self._press("retry", "status IN ('failed', 'cancelled')")

    def mark_done(self) -> None:
        self._press("mark_done", f"status = 'failed' AND {SPARE}")

    def skip(self) -> None:
        self._press("skip", f"status IN ('waiting', 'pending') AND {SPARE}")

    def _press(self, deed: str, which: str) -> None:
        if found := self._one("deployment_step", which):
            self.world.desk.step(ADA, found, deed, "because I say so")

    def _one(self, table: str, which: str) -> str | None:
        rows = self.world.store.query(f"SELECT public_id FROM {table} WHERE {which} ORDER BY id")
        return str(self.world.dice.choice(rows)[0]) if rows else None


def resume_all(world: World) -> int:
    """Once it is calm: the newest of each tenant goes on to success, a mail that failed is sent."""
    rows = world.store.query(
        "SELECT public_id FROM deployment d WHERE status IN ('failed', 'cancelled') AND NOT EXISTS"
        " (SELECT 1 FROM deployment n WHERE n.tenant_id = d.tenant_id AND n.id > d.id) ORDER BY id"
    )
    for (public_id,) in rows:
        world.desk.resume(ADA, str(public_id))
    mails = world.store.query(
        "SELECT s.public_id FROM deployment_step s JOIN deployment d ON d.id = s.deployment_id"
        " AND d.epoch = s.epoch WHERE NOT s.gates AND s.status = 'failed'"
        " AND d.status IN ('succeeded', 'failed', 'cancelled') ORDER BY s.id"
    )
    for (public_id,) in mails:
        world.desk.step(ADA, str(public_id), "retry")
    return len(rows) + len(mails)


def everybody(world: World, tenants: int) -> None:
    """The first deployment of each tenant of this run."""
    assert tenants <= len(TENANTS)
    for number in range(tenants):
        world.desk.deploy(ADA, f"t{number}", request_key=f"first {number}")
