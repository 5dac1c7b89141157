"""An engine that is kept for a whole run, and emptied before each test: that is quicker."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from tenantry.demo.postgres import Postgres
from tenantry.engine.store import open_engine
from tenantry.models.base import Base
from tests.conftest import TEMPLATE

_numbers = count(1)


def opened(request: pytest.FixtureRequest, kind: str, name: str) -> Iterator[Engine]:
    """Migrated, with the shipped options; `name` begins that of the database."""
    # Where tests run in any order, a fixture of the whole run is made again at each change of kind.
    name = f"{name}_{next(_numbers)}"
    server: Postgres | None = None
    if kind == "postgresql":
        server = request.getfixturevalue("postgres")
        server.create_database(name, template=TEMPLATE)
        url = server.url(name)
    else:
        template: Path = request.getfixturevalue("sqlite_template")
        folder: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
        path = folder.mktemp(name) / "tenantry.db"
        path.write_bytes(template.read_bytes())
        url = f"sqlite:///{path}"
    engine = open_engine(url)
    yield engine
    engine.dispose()
    if server is not None:
        server.drop_database(name)


def emptied(engine: Engine) -> Engine:
    """The same engine on an empty database."""
    tables = list(reversed(Base.metadata.sorted_tables))
    with engine.begin() as conn:
        if engine.dialect.name == "postgresql":
            names = ", ".join(f'"{table.name}"' for table in tables)
            conn.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
        else:
            for table in tables:
                conn.execute(table.delete())
    return engine


def url_of(engine: Engine) -> str:
    """Where it is connected to."""
    return engine.url.render_as_string(hide_password=False)
