"""One installation of a run: the product's own parts, with twins, a broker and a clock of ours."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import sessionmaker

from tenantry.adapters.wire import send_until
from tenantry.config import Settings, load
from tenantry.engine.dispatch import Dispatcher
from tenantry.engine.reconcile import Reconciler
from tenantry.engine.runner import Runner
from tenantry.engine.watchdog import Watchdog
from tenantry.operations.desk import Desk
from tenantry.ports import Ports
from tenantry.steps import HANDLERS
from tests.conftest import environment
from tests.simulate.baton import Actor, Baton
from tests.simulate.broker import Broker
from tests.simulate.clockwork import Clock
from tests.simulate.database import Store
from tests.simulate.far import Door, Far
from tests.simulate.monitor import Monitor
from tests.simulate.singles import Crossing, Single
from tests.stage import Stage
from tests.twins import OpenTwin, Twins

LIMIT = 2
MAIL = ["staff@example.com"]
SERVICES: Mapping[str, dict[str, Any]] = {
    "jobs": {"name": "run", "service_type": "worker", "image": "acme/run:1"},
    "pages": {"name": "web", "service_type": "frontend", "image": "acme/web:1"},
    "whole": {
        "name": "api",
        "service_type": "backend",
        "image": "acme/api:1",
        "internal_provision_endpoint": "setup",
    },
}
TENANTS = ("jobs", "jobs", "pages", "pages", "whole", "whole")


def settings() -> Settings:
    """The shipped times: virtual ones cost nothing."""
    return load(environment("sqlite:///unused.db", TARGET_MAIN_LIMIT=str(LIMIT)))


def home(engine: Engine) -> None:
    """Three products and six tenants, none of them deployed."""
    stage = Stage(engine, settings())
    for slug, service in SERVICES.items():
        document = {
            "name": slug.title(),
            "slug": slug,
            "base_domain": f"{slug}.example.com",
            "notify_emails": MAIL,
            "db_required": slug == "whole",
            "services": [service],
        }
        stage.product(document)
    for number, slug in enumerate(TENANTS):
        stage.tenant(f"t{number}", slug)


class World:
    """Everything of one seed."""

    def __init__(self, store: Store, clock: Clock, seed: int, say: Callable[[str], None]) -> None:
        self.store, self.clock, self.say = store, clock, say
        self.dice = random.Random(seed)
        self.violations: list[tuple[str, str]] = []
        self.heard: frozenset[str] = frozenset()
        self.settings = settings()
        self.twins = Twins()
        self.baton = Baton(clock, self.dice, say)
        self.broker = Broker(clock, self.dice, self.baton)
        self.crossing = Crossing(store.query, self.baton, self.dice)
        self.far = Far(self.baton, self.dice, self.twins)
        self.monitor = Monitor(store, self.blame, say)
        self.times = self.settings.times
        self.dispatcher = Dispatcher(store.engine, self.broker.send)
        self.ports = Ports(
            target=OpenTwin(self._door(self.twins.target)),
            resolver=self._door(self.twins.resolver),
            web=self._door(self.twins.web),
            certificates=self.twins.certificates,
            mailer=self._door(self.twins.mailer),
            secrets=self.twins.secrets,
            send_until=send_until,
        )
        self.desk = Desk(
            self.settings,
            store.engine,
            sessionmaker(store.engine, expire_on_commit=False),
            self.twins.secrets,
            self.dispatcher,
            self.twins.resolver,
        )
        self._serial = 0

    def _door(self, twin: Any) -> Any:
        return Door(self.far, twin)

    def blame(self, invariant: str, words: str) -> None:
        if self.heard and invariant not in self.heard:
            return
        self.say(f"VIOLATION of {invariant}: {words}")
        self.violations.append((invariant, words))

    def name(self, stem: str) -> str:
        """Each actor has a name of its own: whoever settles must be who claimed."""
        self._serial += 1
        return f"{stem}.{self._serial}"

    def runner(self, owner: str) -> Runner:
        return Runner(
            engine=self.store.engine,
            ports=self.ports,
            handlers=HANDLERS,
            times=self.times,
            dispatcher=self.dispatcher,
            owner=owner,
            public_url="https://panel.example.com",
            at=self.baton.point,
        )

    def watchdog(self) -> Watchdog:
        return Watchdog(self.store.engine, self.dispatcher, self.times, self.broker.lengths)

    def reconciler(self) -> Reconciler:
        return Reconciler(self.store.engine, self.ports, self.times)

    def holds(self, actor: Actor) -> bool:
        return self.monitor.holds(actor.step_id, actor.name)

    def public_id(self, deployment_id: int) -> str:
        rows = self.store.query(f"SELECT public_id FROM deployment WHERE id = {deployment_id}")
        return str(UUID(str(rows[0][0])))

    def open(self) -> list[str]:
        """What has not ended: deployments, and mails that are due."""
        rows = self.store.query(
            "SELECT s.id, s.step_key, s.status, d.status FROM deployment d"
            " JOIN deployment_step s ON s.deployment_id = d.id WHERE"
            " (s.gates AND d.status IN ('pending', 'running')"
            "  AND s.status IN ('pending', 'waiting', 'running'))"
            " OR (NOT s.gates AND s.status IN ('pending', 'waiting', 'running'))"
        )
        return [f"{key} {number} {status} of a {ended} one" for number, key, status, ended in rows]

    @contextmanager
    def at_transactions(self) -> Iterator[None]:
        """The beginning of a transaction is a point; its end is looked at, or its answer lost."""
        engine, baton = self.store.engine, self.baton
        dialect: Any = engine.dialect
        real = dialect.do_commit

        def begin(_connection: Any) -> None:
            baton.point("begin")
            baton.inside(is_so=True)

        def over(_connection: Any) -> None:
            self.crossing.after_commit()
            baton.inside(is_so=False)

        def commit(connection: Any) -> None:
            actor, luck = baton.actor, self.dice.random()
            if actor and luck < baton.weather.database:
                self.say(f"{actor.name}: the database refuses a commit")
                raise OperationalError("COMMIT", {}, RuntimeError("refused"))
            self.crossing.before_commit()
            real(connection)
            self.crossing.after_commit()
            baton.inside(is_so=False)
            if not baton.mingling or not any(a.in_transaction for a in baton.actors):
                self.monitor.look()
            if actor and luck > 1 - baton.weather.commit_lost:
                self.say(f"{actor.name}: the answer to its commit is lost")
                raise OperationalError("COMMIT", {}, RuntimeError("connection reset"))

        event.listen(engine, "begin", begin, insert=True)
        event.listen(engine, "rollback", over)

        dialect.do_commit = commit
        try:
            with self._at_singles():
                yield
        finally:
            dialect.do_commit = real
            event.remove(engine, "begin", begin)
            event.remove(engine, "rollback", over)

    @contextmanager
    def _at_singles(self) -> Iterator[None]:
        """The same for statements that commit by themselves; PostgreSQL alone has them."""
        singles, baton = self.store.singles, self.baton
        kept = singles.around

        def around(single: Single) -> None:
            actor, luck = baton.actor, self.dice.random()
            if actor and luck < baton.weather.database:
                self.say(f"{actor.name}: the database refuses a statement")
                raise psycopg.OperationalError("refused")
            self.crossing.cross(single)
            self.monitor.look()
            if actor and luck > 1 - baton.weather.commit_lost:
                self.say(f"{actor.name}: the answer to its statement is lost")
                raise psycopg.OperationalError("connection reset")

        singles.around = around
        try:
            yield
        finally:
            singles.around = kept
