"""
The stage on both databases; after every test the rows must keep the rules.

One database of each kind serves this whole folder and is emptied before each test: an engine that
is kept has its statements compiled, which is most of what a short test would wait for.
"""

import logging
import os
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy import Engine

from tenantry.config import Settings, load
from tests import kept
from tests.conftest import environment
from tests.engine.scenes import broken_rules
from tests.stage import Stage

# Whole lives take seconds each; what they ask of a database the other modules ask on both.
ON_POSTGRESQL = frozenset(
    "test_adoption test_backup_plans test_backups test_departures test_drift test_drift_of_kinds "
    "test_life test_lives_under_fire test_second_thoughts".split()
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Whole lives run on PostgreSQL; on SQLite too where ALL_DATABASES is set."""
    if os.environ.get("ALL_DATABASES"):
        return
    left = [i for i in items if i.path.stem in ON_POSTGRESQL and "sqlite" in i.name]
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = [item for item in items if item not in left]


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
def kept_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """One for each kind of database."""
    yield from kept.opened(request, request.param, "engine_tests")


@pytest.fixture
def engine(kept_engine: Engine) -> Engine:
    """The engine as the product opens it, on an empty database."""
    return kept.emptied(kept_engine)


@pytest.fixture
def database_url(engine: Engine) -> str:
    """Where the engine is connected to."""
    return kept.url_of(engine)


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
