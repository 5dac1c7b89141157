"""S12: people press buttons at the same moment."""

from collections import Counter
from collections.abc import Callable

from sqlalchemy import Engine, func, select

from tenantry.config import load
from tenantry.demo.postgres import Postgres
from tenantry.engine.store import open_engine
from tenantry.errors import Conflict, Permanent
from tenantry.models import Deployment
from tests.chaos.scenario import How, Told, scenario
from tests.conftest import environment, migrate
from tests.engine.scenes import at_once, quiet
from tests.stage import IMAGE_ONLY, ME, Stage

ROUNDS = 60
# Without certificates: so many tenants at once would pass the authority's weekly number.
PLAIN = IMAGE_ONLY | {"https": False, "certificate": "none"}
KEY = "project.create"


@scenario("S12", "60 races each of resumes, redeploys and both, on both databases: one winner")
def of_two_people_one_wins_and_the_other_is_told(how: How) -> Told:
    """Threads that start together, on a real PostgreSQL and a real SQLite file."""
    told = Told()
    postgres = Postgres(how.base, durable=False)
    postgres.start()
    try:
        for name, url in (
            ("PostgreSQL", postgres.url()),
            ("SQLite", f"sqlite:///{how.base}/races.db"),
        ):
            engine = open_engine(url)
            migrate(engine)
            stage = quiet(Stage(engine, load(environment(url, TIME_DIVISOR="15"))))
            stage.product(PLAIN)
            for race in (_resumes, _redeploys, _redeploy_and_resume):
                seen: Counter[str] = Counter()
                for number in range(ROUNDS):
                    seen[race(stage, f"{race.__name__.strip('_').replace('_', '-')}-{number}")] += 1
                words = race.__name__.strip("_").replace("_", " ")
                told.figures[f"{name}: {words}"] = dict(seen)
                told.expect(set(seen) == {"one"}, f"{name}, {words}: {dict(seen)}")
            told.expect(_active_twice(engine) == 0, f"{name}: two active for one tenant")
            engine.dispose()
    finally:
        postgres.remove()
    return told


def _outcome(results: list[object]) -> str:
    other = [r for r in results if isinstance(r, BaseException) and not isinstance(r, Conflict)]
    if other:
        return f"{type(other[0]).__name__}: {other[0]}"[:80]
    won = [r for r in results if not isinstance(r, Conflict)]
    return {1: "one"}.get(len(won), f"{len(won)} winners")


def _failed(stage: Stage, name: str) -> str:
    stage.tenant(name, PLAIN["slug"])
    stage.handlers[KEY] = _refuses
    public_id = stage.deploy(name)
    stage.play()
    return public_id


def _refuses(_ctx: object) -> object:
    raise Permanent("no")


def _resumes(stage: Stage, name: str) -> str:
    public_id = _failed(stage, name)
    return _outcome(at_once(*[lambda: stage.desk.resume(ME, public_id)] * 4))


def _redeploys(stage: Stage, name: str) -> str:
    stage.tenant(name, PLAIN["slug"])
    press: list[Callable[[], str]] = [lambda: stage.deploy(name)] * 4
    return _outcome(at_once(*press))


def _redeploy_and_resume(stage: Stage, name: str) -> str:
    """A new deployment against the resume of the old one."""
    public_id = _failed(stage, name)
    return _outcome(at_once(lambda: stage.deploy(name), lambda: stage.desk.resume(ME, public_id)))


def _active_twice(engine: Engine) -> int:
    twice = (
        select(Deployment.tenant_id)
        .where(Deployment.status.in_(("pending", "running")))
        .group_by(Deployment.tenant_id)
        .having(func.count() > 1)
    )
    with engine.connect() as conn:
        return len(conn.execute(twice).all())
