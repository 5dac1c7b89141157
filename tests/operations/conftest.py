"""The stage on both databases."""

import pytest
from sqlalchemy import Engine

from tenantry.config import Settings
from tests.stage import Stage


@pytest.fixture
def stage(engine: Engine, settings: Settings) -> Stage:
    """An empty installation with twins outside."""
    return Stage(engine, settings)
