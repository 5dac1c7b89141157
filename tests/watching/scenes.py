"""Deployed tenants, a prober whose hours pass at once, and a target that lists its containers."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, bindparam, event, select, update

from tenantry.config import Settings, Watching
from tenantry.models import (
    HealthCheck,
    HealthRollup,
    HostnameWatch,
    LetterOutbox,
    Outage,
    ServiceWatch,
)
from tenantry.models.dbtime import db_now
from tenantry.ports import NodeAppSeen
from tenantry.watching.prober import Prober
from tests.stage import IMAGE_ONLY, Killed, Stage
from tests.twin_target import TargetTwin
from tests.twins import Twins

RULES = Watching(interval=60, failures=3, seconds=90, recoveries=2)
TIMES = {
    ServiceWatch: "next_due_at leased_until state_since run_since probed_at".split(),
    HostnameWatch: "next_due_at leased_until dns_since checked_at".split(),
    Outage: "started_at opened_at ended_at".split(),
    LetterOutbox: ["due_at"],
}


class ListingTarget(TargetTwin):
    """A target twin whose list of services is what a test says."""

    def __init__(self) -> None:
        super().__init__()
        self.listed: dict[str, tuple[int, int]] = {}

    def node_apps(self, server_id: str | None) -> list[NodeAppSeen]:
        self.calls["node_apps"] += 1
        self.break_if_asked("node_apps", "before")
        return [NodeAppSeen(name, "", *seen) for name, seen in self.listed.items()]


class Scene:
    """One installation inside a test, with one prober unless it asks for more."""

    def __init__(self, engine: Engine, settings: Settings, rules: Watching = RULES) -> None:
        self.target = ListingTarget()
        self.stage = Stage(engine, settings, Twins(target=self.target))
        self.engine = engine
        self.twins = self.stage.twins
        self.prober = self.another(rules)

    def another(self, rules: Watching = RULES, **addresses: tuple[str, ...]) -> Prober:
        """One more copy of the prober."""
        return Prober(
            self.engine,
            self.stage.ports,
            self.stage.settings.times,
            rules,
            "https://panel.example.com",
            addresses,
        )

    def deployed(self, subdomain: str = "acme", document: Any = IMAGE_ONLY, **more: Any) -> "Scene":
        """A tenant whose deployment has succeeded; its services are watched and due."""
        slug = self.stage.product(document)
        self.stage.tenant(subdomain, slug, **more)
        self.stage.deploy(subdomain)
        self.stage.finish()
        self.twins.mailer.outbox.clear()
        self.prober.enrol()
        self.due()
        return self

    def due(self) -> None:
        """Everything is due at this moment."""
        with self.engine.begin() as conn:
            for table in (ServiceWatch, HostnameWatch):
                conn.execute(update(table).values(next_due_at=db_now(), leased_until=None))

    def later(self, seconds: float) -> None:
        """So many seconds have gone by."""
        shift = timedelta(seconds=seconds)
        with self.engine.begin() as conn:
            for model, names in TIMES.items():
                table: Any = model.__table__
                rows = conn.execute(select(table.c.id, *(table.c[n] for n in names))).all()
                moved = [
                    {"the_id": row.id}
                    | {f"new_{n}": (at := getattr(row, n)) and at - shift for n in names}
                    for row in rows
                ]
                if moved:
                    new = {n: bindparam(f"new_{n}", type_=table.c[n].type) for n in names}
                    conn.execute(
                        update(table).where(table.c.id == bindparam("the_id")).values(new), moved
                    )

    def minutes(self, *answers: int | str, part: str = "") -> None:
        """One probe a minute, each answered so: a status, or a word for no answer at all."""
        for answer in answers:
            self.later(60)
            self.due()
            self.twins.web.answers(part, answer)
            self.prober.probe()

    def post(self) -> None:
        """Every letter that is due goes out."""
        while self.prober.postman.send_one():
            pass

    def rows(self, model: Any) -> list[Any]:
        """All rows of a kind, in order."""
        with self.stage.desk.reading() as session:
            return list(session.scalars(select(model).order_by(*model.__table__.primary_key)))

    @property
    def watch(self) -> Any:
        """The only watched service."""
        (row,) = self.rows(ServiceWatch)
        return row

    @property
    def checks(self) -> list[Any]:
        """Probes of the prober, without those of deployments."""
        return [row for row in self.rows(HealthCheck) if row.step_id is None]

    @property
    def subjects(self) -> list[str]:
        """What was sent."""
        return [letter.subject for letter in self.twins.mailer.outbox]

    def write(self, model: Any, **values: Any) -> None:
        """Sets columns of all rows."""
        with self.engine.begin() as conn:
            conn.execute(update(model).values(**values))

    def rollups(self, period: str) -> list[Any]:
        """Sums of a period."""
        return [row for row in self.rows(HealthRollup) if row.period == period]


@contextmanager
def dies_at_statement(engine: Engine, number: int) -> Iterator[None]:
    """The process dies just before it sends its nth statement of the block."""
    left = number

    def before(*_: Any) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed(number)

    event.listen(engine, "before_cursor_execute", before)
    try:
        yield
    finally:
        event.remove(engine, "before_cursor_execute", before)
