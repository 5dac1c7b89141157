"""
For programs that watch us: `/livez` (the process), `/readyz` (what it needs), `/metrics`.

Without a database nothing works, so that is 503. Broker and watchdog may be away for a while:
rows wait and nothing is lost, so that is 200 with a note.
"""

from collections.abc import Callable
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import redis
from alembic.config import Config
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, abort, jsonify, request
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from tenantry.web.database import MIGRATIONS, let_go
from tenantry.web.door import desk
from tenantry.web.metrics import Fleet
from tenantry.web.people import may, member

health = Blueprint("health", __name__)
HEARTBEAT = "tenantry:watchdog"
BROKER_SECONDS = 1.0
Check = dict[str, Any]


@health.get("/livez")
def livez() -> Response:
    """The process answers; nothing else is asked."""
    return jsonify(status="ok")


@health.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Every check with its result. 503 only where the database is not usable."""
    let_go()
    checks = [_check("database", _database), _check("migrations", _migrations)]
    usable = all(check["ok"] for check in checks)
    checks += _broker_and_watchdog()
    well = all(check["ok"] for check in checks)
    word = "ok" if well else "degraded" if usable else "down"
    return jsonify(status=word, checks=checks), 200 if usable else 503


@health.get("/metrics")
def metrics() -> Response:
    """For Prometheus on this machine, and for admins."""
    if not _from_this_machine():
        if member() is None:
            abort(401)
        if not may("admin"):
            abort(403, "Metrics are for this machine and for admins.")
    let_go()
    registry = CollectorRegistry()
    registry.register(Fleet(desk().engine))
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _from_this_machine() -> bool:
    """
    Whether nobody but this machine can have asked.

    A proxy on this machine calls from loopback on behalf of the whole world: unless it is one of
    the trusted proxies, which name the true client, its headers give it away.
    """
    try:
        near = ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False
    passed_on = any(
        name in request.headers for name in ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
    )
    return near and (desk().settings.trusted_proxies > 0 or not passed_on)


def _check(name: str, look: Callable[[], str]) -> Check:
    try:
        return {"name": name, "ok": True, "note": look()}
    except (SQLAlchemyError, redis.RedisError, LookupError, OSError) as trouble:
        words = str(trouble) if isinstance(trouble, LookupError) else type(trouble).__name__
        return {"name": name, "ok": False, "note": words.strip("'")}


def _database() -> str:
    with desk().engine.connect() as connection:
        connection.execute(text("SELECT 1"))
    return "SQLite, for trying out only" if desk().settings.sqlite else "answers"


def _migrations() -> str:
    with desk().engine.connect() as connection:
        there = connection.execute(text("SELECT version_num FROM alembic_version")).scalars().all()
    wanted = head(MIGRATIONS)
    if list(there) != [wanted]:
        raise LookupError(f"tables are at {', '.join(there) or 'nothing'}, the code at {wanted}")
    return f"at {wanted}"


@cache
def head(folder: Path) -> str:
    """The newest migration in a folder; it does not change while we run."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    return ScriptDirectory.from_config(config).get_current_head() or ""


def _broker_and_watchdog() -> list[Check]:
    with redis.Redis.from_url(
        desk().settings.redis_url,
        socket_timeout=BROKER_SECONDS,
        socket_connect_timeout=BROKER_SECONDS,
    ) as client:
        broker = _check("broker", lambda: "answers" if client.ping() else "")
        if not broker["ok"]:
            broker["note"] += ": rows wait, and go on when it is back"
            return [broker, {"name": "watchdog", "ok": False, "note": "unknown without the broker"}]
        return [broker, _check("watchdog", lambda: _heartbeat(client))]


def _heartbeat(client: Any) -> str:
    if not client.exists(HEARTBEAT):
        raise LookupError("no heartbeat for 30 s; nothing repairs lost messages")
    return "beats"
