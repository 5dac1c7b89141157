"""The stage on kept databases."""

from collections.abc import Iterator

import pytest
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Engine

from tenantry.config import Settings
from tests import kept
from tests.cli.counter import Counter, SmallShop
from tests.stage import Stage

# Examples are judged by what they show, not by how long a busy machine takes for them.
hypothesis_settings.register_profile("patient", deadline=None)
hypothesis_settings.load_profile("patient")


@pytest.fixture(scope="session", params=["sqlite"])
def kept_engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    """One database of a kind for this folder."""
    yield from kept.opened(request, request.param, "cli_tests")


@pytest.fixture
def engine(kept_engine: Engine) -> Engine:
    """Empty."""
    return kept.emptied(kept_engine)


@pytest.fixture
def database_url(engine: Engine) -> str:
    """Where the engine is connected to."""
    return kept.url_of(engine)


@pytest.fixture
def stage(engine: Engine, settings: Settings) -> Stage:
    """An empty installation with twins outside."""
    return Stage(engine, settings)


@pytest.fixture
def shop(stage: Stage) -> SmallShop:
    """What `app` would hand to commands."""
    return SmallShop(stage)


@pytest.fixture
def counter(shop: SmallShop) -> Counter:
    """Where commands are asked for."""
    return Counter(shop)
