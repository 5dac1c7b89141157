"""The stage on both databases; after every test the rows must keep the rules."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tenantry.config import Settings
from tests.engine.scenes import broken_rules
from tests.stage import Stage


@pytest.fixture
def stage(engine: Engine, settings: Settings) -> Iterator[Stage]:
    """An empty installation with twins outside."""
    scene = Stage(engine, settings)
    yield scene
    assert broken_rules(engine) == []
