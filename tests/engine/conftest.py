"""
The stage on both databases; after every test the rows must keep the rules.

One database of each kind serves this whole folder and is emptied before each test: an engine that
is kept has its statements compiled, which is most of what a short test would wait for.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import Engine, text

from tenantry.config import Settings, load
from tenantry.demo.postgres import Postgres
from tenantry.engine.store import open_engine
from tenantry.models.base import Base
from tests.conftest import TEMPLATE, environment
from tests.engine.scenes import broken_rules
from tests.stage import Stage


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    """Tracebacks of workers that die on purpose are drawn in colour for seconds otherwise."""
    before = structlog.get_config()
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL),
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session", params=["postgresql", "sqlite"])
def kept_engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """Migrated, with the shipped options."""
    if request.param == "postgresql":
        server: Postgres = request.getfixturevalue("postgres")
        server.create_database("engine_tests", template=TEMPLATE)
        url = server.url("engine_tests")
    else:
        template: Path = request.getfixturevalue("sqlite_template")
        path = tmp_path_factory.mktemp("engine") / "tenantry.db"
        path.write_bytes(template.read_bytes())
        url = f"sqlite:///{path}"
    opened = open_engine(url)
    yield opened
    opened.dispose()


@pytest.fixture
def engine(kept_engine: Engine) -> Engine:
    """The engine as the product opens it, on an empty database."""
    tables = list(reversed(Base.metadata.sorted_tables))
    with kept_engine.begin() as conn:
        if kept_engine.dialect.name == "postgresql":
            names = ", ".join(f'"{table.name}"' for table in tables)
            conn.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        else:
            for table in tables:
                conn.execute(table.delete())
    return kept_engine


@pytest.fixture
def database_url(engine: Engine) -> str:
    """Where the engine is connected to."""
    return engine.url.render_as_string(hide_password=False)


@pytest.fixture
def stage(engine: Engine, settings: Settings) -> Iterator[Stage]:
    """An empty installation with twins outside, at a fifteenth of the shipped times."""
    scene = Stage(engine, settings)
    yield scene
    assert broken_rules(engine) == []


@pytest.fixture
def shipped(engine: Engine, database_url: str) -> Iterator[Stage]:
    """The same at the shipped times: nothing falls due unless a test lets time pass."""
    scene = Stage(engine, load(environment(database_url)))
    yield scene
    assert broken_rules(engine) == []
