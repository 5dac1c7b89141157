"""A panel over a small seeded fleet on SQLite, built once; each test works on its own copy."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from tenantry.clock import utcnow
from tenantry.config import load
from tenantry.engine.store import open_engine
from tenantry.errors import Permanent
from tenantry.models import TargetRow, User
from tenantry.web import create_web
from tenantry.web.security import SINCE
from tenantry.web.staff import add_staff
from tests.conftest import environment, migrate
from tests.stage import IMAGE_ONLY, PRODUCT, Stage

PASSWORD = "correct horse battery"
ROLES = ("viewer", "operator", "admin")
SCRIPT = "<script>alert(1)</script>"
TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


class World:
    """A panel, the stage behind it, and people who are logged in."""

    def __init__(self, engine: Engine, **more: str) -> None:
        self.engine = engine
        url = engine.url.render_as_string(hide_password=False)
        self.settings = load(environment(url, **more))
        self.stage = Stage(engine, self.settings)
        self.resting = False
        self.app: Flask = create_web(self.stage.desk, lambda: self.resting)
        self.app.testing = True

    def client(self, role: str | None = None) -> "Person":
        """A browser; logged in where a role is named."""
        person = Person(self.app.test_client())
        if role is not None:
            with self.stage.desk.reading() as session:
                user = session.scalars(
                    select(User).where(User.email == f"{role}@example.com")
                ).one()
            with person.session_transaction() as cookie:
                cookie["_user_id"] = user.fs_uniquifier
                cookie["_fresh"] = True
                cookie[SINCE] = utcnow().timestamp()
        return person

    def row(self, table: Any, **where: Any) -> Any:
        """One row."""
        with self.stage.desk.reading() as session:
            return session.scalars(select(table).filter_by(**where)).one()

    def rows(self, table: Any, **where: Any) -> list[Any]:
        """Rows in order."""
        with self.stage.desk.reading() as session:
            return list(session.scalars(select(table).filter_by(**where).order_by(table.id)))


class Person:
    """A test client that finds the token of the page as a browser's form does."""

    def __init__(self, client: FlaskClient) -> None:
        self._client = client
        self.get = client.get
        self.open = client.open
        self.session_transaction = client.session_transaction

    def token(self) -> str:
        found = TOKEN.search(self.get("/find").text)
        assert found, "no form on a page of our frame"
        return found[1]

    def post(self, url: str, data: Any = None, **more: Any) -> Any:
        """With the token."""
        return self._client.post(url, data={"csrf_token": self.token(), **(data or {})}, **more)

    def bare_post(self, url: str, **more: Any) -> Any:
        """Without it."""
        return self._client.post(url, **more)

    def page(self, url: str) -> str:
        """The text of a page that must be there."""
        answer = self.get(url)
        assert answer.status_code == 200, (url, answer.status_code, answer.text[:400])
        return str(answer.text)

    def flashes(self) -> str:
        """What the next page tells."""
        return " ".join(
            re.findall(r'<p class="flash[^>]*>(.*?)</p>', self.page("/find"), re.DOTALL)
        )


def furnish(engine: Engine) -> None:
    """Staff, three products, and deployments that succeeded, failed, wait and stand in line."""
    world = World(engine)
    for role in ROLES:
        add_staff(world.app, f"{role}@example.com", role, PASSWORD)
    stage = world.stage
    stage.product(PRODUCT)
    stage.product(IMAGE_ONLY)
    stage.product({**IMAGE_ONLY, "name": "Idle", "slug": "idle", "base_domain": "idle.example.com"})
    stage.tenant(
        "acme", "tools", client_ref="=HYPERLINK(1)", env={"SMTP_PASSWORD": "hunter2hunter2"}
    )
    stage.deploy("acme")
    stage.finish()
    stage.tenant("broken", "tools", name=f"Broken {SCRIPT}")
    stage.twins.target.fail("create_domain", Permanent(f"HTTP 400: {SCRIPT} is no host"))
    stage.deploy("broken")
    stage.finish()
    stage.twins.target.mend()
    stage.tenant("waiting", "dms")
    stage.twins.web.answers("waiting-backend", *[502] * 20)
    stage.deploy("waiting")
    stage.play()
    for _ in range(60):
        if sum(s.step_key == "health.retry" for s in stage.steps()) >= 2:
            break
        stage.pass_time(20)
        stage.play()
    with engine.begin() as conn:
        conn.execute(TargetRow.__table__.update().values(max_in_flight=1))
    stage.tenant("fresh", "tools")


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The fleet, to copy."""
    path = tmp_path_factory.mktemp("panel") / "panel.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    furnish(engine)
    # The last connection that closes writes the log back into the file.
    engine.dispose()
    return path


@pytest.fixture
def make_world(furnished: Path, tmp_path: Path) -> Iterator[Callable[..., World]]:
    """A world with settings of one's own."""
    engines = []

    def make(**more: str) -> World:
        path = tmp_path / f"panel{len(engines)}.db"
        shutil.copy(furnished, path)
        engines.append(open_engine(f"sqlite:///{path}"))
        return World(engines[-1], **{"TARGET_MAIN_LIMIT": "1", **more})

    yield make
    for engine in engines:
        engine.dispose()


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    """The usual one."""
    return make_world()


@pytest.fixture
def make_postgres_world(postgres_url: str) -> Iterator[Callable[[], World]]:
    """The same fleet on PostgreSQL."""
    engine = open_engine(postgres_url)

    def make() -> World:
        furnish(engine)
        return World(engine, TARGET_MAIN_LIMIT="1")

    yield make
    engine.dispose()


@pytest.fixture(params=ROLES)
def role(request: pytest.FixtureRequest) -> str:
    """Each role in turn."""
    return str(request.param)
