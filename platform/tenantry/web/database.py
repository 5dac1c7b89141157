"""
The panel's own session: Flask-SQLAlchemy over the engine of the desk.

It reads. The two who write through it are Flask-Security's own views (log-in times, passwords);
everything else that changes goes through the desk.
"""

from pathlib import Path
from typing import Any

from flask import Flask
from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from tenantry.engine.store import engine_options
from tenantry.models import Base
from tenantry.web.door import desk_of

MIGRATIONS = Path(__file__).resolve().parents[3] / "migrations"


class _Database(SQLAlchemy):
    """One engine for desk and panel, and our own Base as it stands."""

    def _make_engine(self, _bind_key: str | None, _options: dict[str, Any], app: Flask) -> Engine:
        # The desk's engine has `attach`ed SQLite's rules, and one pool serves both.
        return desk_of(app).engine

    def _make_declarative_base(
        self,
        model_class: Any,
        disable_autonaming: bool = False,  # noqa: ARG002, FBT001, FBT002 — the library's signature
    ) -> Any:
        # Flask-SQLAlchemy would copy a 2.x base, and a copy cannot hold our type map.
        model_class.metadata.info["bind_key"] = None
        self.metadatas[None] = model_class.metadata
        return model_class


db = _Database(model_class=Base)
migrate = Migrate()


def set_up_database(app: Flask) -> None:
    """Makes `db.session` usable in requests and `flask db …` at the command line."""
    url = desk_of(app).settings.database_url
    app.config["SQLALCHEMY_DATABASE_URI"] = url
    app.config["SQLALCHEMY_ENGINE_OPTIONS"] = engine_options(url)
    db.init_app(app)
    migrate.init_app(app, db, directory=str(MIGRATIONS))


def reading() -> Session:
    """This request's session, for reading."""
    return db.session()


def let_go() -> None:
    """
    Ends the reading transaction of this request.

    Called before every write by the desk, which uses a connection of its own: on SQLite even a
    reader holds the one write lock, and would wait for itself.
    """
    db.session.rollback()
