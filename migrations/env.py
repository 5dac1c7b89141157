"""Alembic's environment. The engine comes from whoever runs a migration, never from a file."""

from alembic import context
from sqlalchemy import Engine

from tenantry.models import Base
from tenantry.models.dbtime import UTCDateTime

config = context.config


def _engine() -> Engine:
    given = config.attributes.get("engine")
    if given is not None:
        return given
    from flask import current_app  # noqa: PLC0415 — only Flask-Migrate comes without an engine

    return current_app.extensions["migrate"].db.engine


def _render(kind: str, item: object, autogen: object) -> str | bool:
    # Migrations outlive the code: they name SQLAlchemy's types, not ours.
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False


def run() -> None:
    engine = _engine()
    sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if sqlite:
            # Batch mode rebuilds tables, which must not cascade into their neighbours. The pragma
            # does nothing inside a transaction, hence the driver's own connection.
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=OFF")
        elif engine.dialect.name == "postgresql":
            connection.exec_driver_sql("SET statement_timeout=0")
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout=0")
            connection.commit()
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            render_item=_render,
            render_as_batch=sqlite,
            compare_type=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        if sqlite:
            connection.connection.driver_connection.execute("PRAGMA foreign_keys=ON")


run()
