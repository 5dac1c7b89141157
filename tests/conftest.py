"""Real PostgreSQL and Valkey from wheels, once for a run; a fresh database for each test."""

import base64
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from tenantry.config import Settings, load
from tenantry.demo.postgres import Postgres
from tenantry.demo.valkey import Valkey
from tenantry.engine.store import open_engine

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = "tenantry_template"
_numbers = count(1)


def migrate(engine: Engine, revision: str = "head") -> None:
    """Runs the real migrations."""
    config = Config(str(ROOT / "migrations" / "alembic.ini"))
    config.attributes["engine"] = engine
    command.upgrade(config, revision)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """One server for the run, without fsync."""
    server = Postgres(tmp_path_factory.mktemp("pg"), durable=False)
    server.start()
    server.create_database(TEMPLATE)
    engine = open_engine(server.url(TEMPLATE), pool=2)
    migrate(engine)
    engine.dispose()
    yield server
    server.remove()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One broker for the run."""
    server = Valkey(tmp_path_factory.mktemp("vk"), durable=False)
    server.start()
    yield server
    server.remove()


@pytest.fixture
def postgres_url(postgres: Postgres) -> Iterator[str]:
    """A migrated database of its own for one test."""
    name = f"t{os.getpid()}_{next(_numbers)}"
    postgres.create_database(name, template=TEMPLATE)
    yield postgres.url(name)
    postgres.drop_database(name)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    engine.dispose()
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated SQLite database for one test."""
    path = tmp_path / "tenantry.db"
    path.write_bytes(sqlite_template.read_bytes())
    return f"sqlite:///{path}"


@pytest.fixture(params=["postgresql", "sqlite"])
def database_url(request: pytest.FixtureRequest) -> str:
    """Both databases, one after the other."""
    name = "postgres_url" if request.param == "postgresql" else "sqlite_url"
    return str(request.getfixturevalue(name))


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The engine as the product opens it."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def environment(database_url: str, **more: str) -> dict[str, str]:
    """A complete, valid environment for tests."""
    return {
        "TENANTRY_MODE": "development",
        "DATABASE_URL": database_url,
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "SECRET_KEY": "k" * 12 + "0123456789abcdefghijklmnop",
        "KEY_RING": f"k1:{base64.b64encode(bytes(range(32))).decode()}",
        "TARGETS": "main",
        "TARGET_MAIN_URL": "http://127.0.0.1:3000",
        "TARGET_MAIN_KEY": "target-key-of-tests",
        **more,
    }


@pytest.fixture
def settings(database_url: str) -> Settings:
    """Settings for the database of the test, at a fifteenth of the shipped times."""
    return load(environment(database_url, TIME_DIVISOR="15"))
