"""`doctor`: exit codes and what it says to do."""

import socket
import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import text

from tenantry.config import load
from tenantry.errors import Permanent, SettingsInvalid
from tests.cli.counter import Counter
from tests.conftest import environment


@pytest.fixture
def smtp() -> Iterator[int]:
    """The port of something that greets as mail servers do."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def greet() -> None:
            while True:
                try:
                    conn, _ = server.accept()
                except OSError:
                    return
                with conn:
                    conn.sendall(b"220 mail.example.com\r\n")

        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        server.shutdown(socket.SHUT_RDWR)
    thread.join(5)


@pytest.fixture
def able(counter: Counter, database_url: str, valkey, smtp: int) -> Counter:
    """A shop in which everything answers."""
    given = environment(
        database_url, REDIS_URL=valkey.url(), MAIL_SERVER="127.0.0.1", MAIL_PORT=str(smtp)
    )
    settings = load(given)
    counter.shop.settings_of = lambda: settings
    return counter


def test_a_usable_installation_ends_with_zero(able: Counter):
    words = able.does("doctor")
    for line in (
        "✓ settings     development, complete",
        "! database     SQLite",
        "✓ broker       answers",
        "! eviction     cannot be read with this account; it must be noeviction",
        "! watchdog     is silent: run `tenantry run watchdog`",
        "✓ target main  v0.30.2, 1 server(s)",
        "answers",
        "✓ dns          192.0.2.53: 203.0.113.10",
    ):
        assert line in words


def test_bad_settings_are_all_told_and_end_with_one(able: Counter):
    def bad() -> None:
        raise SettingsInvalid(["SECRET_KEY is missing", "KEY_RING is missing"])

    able.shop.settings_of = bad  # type: ignore[assignment]
    words = able.refuses(1, "doctor")
    assert "✗ settings     SECRET_KEY is missing" in words
    assert "✗ settings     KEY_RING is missing" in words


def test_tables_that_are_behind_are_told_with_the_cure(able: Counter):
    change = text("UPDATE alembic_version SET version_num = :to")
    with able.shop.engine.begin() as conn:
        head = conn.execute(text("SELECT version_num FROM alembic_version")).scalar_one()
        conn.execute(change, {"to": "old"})
    try:
        words = able.refuses(1, "doctor")
    finally:
        with able.shop.engine.begin() as conn:
            conn.execute(change, {"to": head})
    assert "run `tenantry db upgrade`" in words


def test_a_broker_that_is_away_is_told(able: Counter, database_url: str):
    settings = load(environment(database_url))
    able.shop.settings_of = lambda: settings
    words = able.refuses(1, "doctor")
    assert "✗ broker" in words
    assert "MAIL_SERVER is not set" in words


def test_a_target_that_refuses_the_key_is_told_with_the_usual_cause(able: Counter):
    able.shop.stage.twins.target.fail("servers", Permanent("It answered 401"), times=1)
    words = able.refuses(1, "doctor")
    assert "✗ target main" in words
    assert "rateLimitEnabled:false" in words


def test_no_target_at_all_is_told(able: Counter, database_url: str, valkey):
    settings = load(environment(database_url, TARGETS="", REDIS_URL=valkey.url()))
    able.shop.settings_of = lambda: settings
    assert "set TARGETS" in able.refuses(1, "doctor")


def test_a_mail_server_that_is_away_is_told(able: Counter, database_url: str, valkey):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    given = environment(
        database_url, REDIS_URL=valkey.url(), MAIL_SERVER="127.0.0.1", MAIL_PORT=str(port)
    )
    settings = load(given)
    able.shop.settings_of = lambda: settings
    assert "cannot be reached" in able.refuses(1, "doctor")


def test_whatever_breaks_while_looking_is_a_finding(able: Counter, monkeypatch):
    def lookup(hostname: str) -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(able.shop.stage.twins.resolver, "lookup", lookup)
    assert "✗ dns          cannot be checked: RuntimeError" in able.refuses(1, "doctor")


def test_no_finding_shows_a_secret(able: Counter):
    words = able.does("doctor")
    settings = able.shop.settings
    assert settings.secret_key not in words
    assert settings.targets[0].key not in words


def test_upgrading_tables_that_are_up_to_date_changes_nothing(able: Counter):
    assert "up to date" in able.does("db", "upgrade")
    assert "revision" in able.does("doctor")
