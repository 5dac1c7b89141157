"""The stage on both databases; after every test the rows must keep the rules."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tenantry.config import Settings, load
from tests.conftest import environment
from tests.engine.scenes import broken_rules
from tests.stage import Stage


@pytest.fixture
def stage(engine: Engine, settings: Settings) -> Iterator[Stage]:
    """An empty installation with twins outside."""
    scene = Stage(engine, settings)
    yield scene
    assert broken_rules(engine) == []


@pytest.fixture
def shipped(engine: Engine, database_url: str) -> Iterator[Stage]:
    """The same at the shipped times: nothing falls due unless a test lets time pass."""
    scene = Stage(engine, load(environment(database_url)))
    yield scene
    assert broken_rules(engine) == []
