"""Migrations run up and down on both databases, and leave nothing over."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

from tenantry.engine.store import open_engine
from tenantry.models import Base

# SQLAlchemy cannot reflect an index on lower(…) of SQLite; the last test reads the catalogue.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Skipped unsupported reflection"),
    pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified"),
]
ROOT = Path(__file__).resolve().parents[2]


def config(engine: Engine) -> Config:
    made = Config(str(ROOT / "migrations" / "alembic.ini"))
    made.attributes["engine"] = engine
    return made


@pytest.fixture
def fresh(database_url: str) -> Iterator[Engine]:
    """A migrated database of its own."""
    opened = open_engine(database_url)
    yield opened
    opened.dispose()


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def indexes(engine: Engine, table: str) -> set[str]:
    listed = "SELECT indexname FROM pg_indexes WHERE tablename = :table"
    if engine.dialect.name == "sqlite":
        listed = "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = :table"
    with engine.connect() as conn:
        return set(conn.execute(text(listed), {"table": table}).scalars())


def test_migrations_make_every_table_and_agree_with_the_models(fresh: Engine):
    assert tables(fresh) == set(Base.metadata.tables)
    command.check(config(fresh))


def test_migrations_run_down_to_nothing_and_up_again_without_drift(fresh: Engine):
    command.downgrade(config(fresh), "base")
    assert tables(fresh) == set()
    command.upgrade(config(fresh), "head")
    assert tables(fresh) == set(Base.metadata.tables)
    command.check(config(fresh))


def test_migrations_make_every_index_and_check_of_the_models(fresh: Engine):
    seen = inspect(fresh)
    for table in Base.metadata.tables.values():
        made = indexes(fresh, table.name)
        assert {index.name for index in table.indexes} <= made, table.name
        checks = {check["name"] for check in seen.get_check_constraints(table.name)}
        named = {c.name for c in table.constraints if c.__visit_name__ == "check_constraint"}
        assert named <= checks, table.name


def test_migrations_are_one_line_without_branches():
    script = ScriptDirectory(str(ROOT / "migrations"))
    assert len(script.get_heads()) == 1
    for revision in script.walk_revisions():
        assert not revision.is_branch_point
        assert revision.doc
