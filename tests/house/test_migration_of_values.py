"""Values that tenants had in clear are sealed on the way up, and opened on the way down."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, inspect, text
from sqlalchemy.orm import Session

from tenantry.adapters.vault import Vault
from tenantry.config import load
from tenantry.engine.store import open_engine
from tenantry.errors import SettingsInvalid
from tenantry.models import EnvVar, EnvVersion
from tenantry.operations import environments
from tests.conftest import environment
from tests.house.test_migrations import indexes
from tests.stage import PRODUCT, Stage

ROOT = Path(__file__).resolve().parents[2]
RING = {"k1": bytes(range(32))}
SENTINEL = "hunter2-sentinel"
TENANT = {"REGION": "eu", "SMTP_PASSWORD": SENTINEL, "TOKEN": "${SECRET_SETUP_TOKEN}"}
SERVICE = {"REGION": "us"}


def config(engine: Engine, ring: Mapping[str, bytes] | None) -> Config:
    made = Config(str(ROOT / "migrations" / "alembic.ini"))
    made.attributes |= {"engine": engine, "key_ring": ring}
    return made


@pytest.fixture(autouse=True)
def _no_keys_around(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("KEY_RING", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def old(database_url: str) -> Iterator[Engine]:
    """A tenant at 0003, with values in clear."""
    engine = open_engine(database_url)
    Stage(engine, load(environment(database_url))).ready(PRODUCT)
    command.downgrade(config(engine, RING), "0003")
    fill(engine, "tenant", TENANT, "subdomain = 'acme'")
    fill(engine, "tenant_service", SERVICE, "name = 'backend'")
    yield engine
    engine.dispose()


def fill(engine: Engine, table: str, env: Mapping[str, str], where: str) -> None:
    with engine.begin() as conn:
        conn.execute(text(f"UPDATE {table} SET env = :env WHERE {where}"), {"env": json.dumps(env)})


def held(engine: Engine, table: str, where: str) -> Any:
    with engine.connect() as conn:
        found = conn.execute(text(f"SELECT env FROM {table} WHERE {where}")).scalar_one()
    return json.loads(found) if isinstance(found, str) else found


def values(engine: Engine) -> dict[tuple[str, bool], tuple[str, bool]]:
    """(KEY, of a service) → (value, secret), of what is live."""
    with Session(engine) as session:
        rows = session.query(EnvVar, EnvVersion).filter(
            EnvVersion.env_var_id == EnvVar.id,
            EnvVersion.number == EnvVar.current,
            EnvVar.removed_at.is_(None),
        )
        return {
            (var.key, var.tenant_service_id is not None): (
                environments.open_version(Vault(RING), version),
                var.secret,
            )
            for var, version in rows
        }


SEALED = {
    ("REGION", False): ("eu", False),
    ("SMTP_PASSWORD", False): (SENTINEL, True),
    ("TOKEN", False): ("${SECRET_SETUP_TOKEN}", False),
    ("REGION", True): ("us", False),
}


def test_values_are_sealed_and_the_columns_go(old: Engine) -> None:
    checks = {t: inspect(old).get_check_constraints(t) for t in ("tenant", "tenant_service")}
    before = {t: indexes(old, t) for t in ("tenant", "tenant_service", "tenant_domain")}
    command.upgrade(config(old, RING), "0004")
    assert values(old) == SEALED
    for table, kept in checks.items():
        assert {c["name"] for c in inspect(old).get_check_constraints(table)} == {
            c["name"] for c in kept
        }
        assert "env" not in {column["name"] for column in inspect(old).get_columns(table)}
    for table, names in before.items():
        assert names <= indexes(old, table)
    with old.connect() as conn:
        for table in inspect(old).get_table_names():
            assert SENTINEL not in str(conn.execute(text(f'SELECT * FROM "{table}"')).all())


def test_without_a_key_nothing_is_changed_and_the_reason_is_said(old: Engine) -> None:
    with pytest.raises(SettingsInvalid) as refused:
        command.upgrade(config(old, None), "0004")
    assert "KEY_RING is missing" in str(refused.value)
    assert "(4)" in str(refused.value)
    assert SENTINEL not in str(refused.value)
    assert held(old, "tenant", "subdomain = 'acme'") == TENANT
    with old.connect() as conn:
        assert conn.execute(text("SELECT version_num FROM alembic_version")).scalar() == "0003"
        assert conn.execute(text("SELECT count(*) FROM env_var")).scalar() == 0


def test_the_key_ring_of_the_environment_serves_too(
    old: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEY_RING", environment("sqlite:///x")["KEY_RING"])
    command.upgrade(config(old, None), "0004")
    assert values(old) == SEALED


def test_without_values_no_key_is_needed(old: Engine) -> None:
    fill(old, "tenant", {}, "1 = 1")
    fill(old, "tenant_service", {}, "1 = 1")
    command.upgrade(config(old, None), "0004")
    assert values(old) == {}


def test_down_and_up_again_keeps_every_value(old: Engine) -> None:
    command.upgrade(config(old, RING), "0004")
    command.downgrade(config(old, RING), "0003")
    assert held(old, "tenant", "subdomain = 'acme'") == TENANT
    assert held(old, "tenant_service", "name = 'backend'") == SERVICE
    fill(old, "tenant", TENANT | {"REGION": "asia"}, "subdomain = 'acme'")
    command.upgrade(config(old, RING), "0004")
    assert values(old) == SEALED | {("REGION", False): ("asia", False)}
    with old.connect() as conn:
        # The history of what was there before stays.
        assert conn.execute(text("SELECT count(*) FROM env_version")).scalar() == 5


@pytest.mark.parametrize("ring", [None, {"k2": b"x" * 32}], ids=["none", "another"])
def test_down_without_the_key_leaves_values_sealed_and_says_so(
    old: Engine, ring: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    command.upgrade(config(old, RING), "0004")
    command.downgrade(config(old, ring), "0003")
    assert held(old, "tenant", "subdomain = 'acme'") == {}
    assert "stay sealed" in capsys.readouterr().out
    command.upgrade(config(old, RING), "0004")
    assert values(old) == SEALED
