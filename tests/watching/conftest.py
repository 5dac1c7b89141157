"""The stage of the engine's tests with a prober on it, on both databases."""

import logging
from collections.abc import Iterator

import pytest
import structlog
from sqlalchemy import Engine

from tenantry.config import Settings
from tests import kept
from tests.watching.scenes import Scene


@pytest.fixture(autouse=True)
def _quiet_log() -> Iterator[None]:
    """Tracebacks of probers that die on purpose are drawn in colour for seconds otherwise."""
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
    yield from kept.opened(request, request.param, "watching_tests")


@pytest.fixture
def engine(kept_engine: Engine) -> Engine:
    """The engine as the product opens it, on an empty database."""
    return kept.emptied(kept_engine)


@pytest.fixture
def database_url(engine: Engine) -> str:
    """Where the engine is connected to."""
    return kept.url_of(engine)


@pytest.fixture
def scene(engine: Engine, settings: Settings) -> Scene:
    """An empty installation with twins outside and a prober."""
    return Scene(engine, settings)
