"""Environment values of tenants: versions, who, what holds, and that nothing shows a secret."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from tenantry.errors import Conflict, Invalid, NotFound
from tenantry.models import AuditEntry, EnvVar, EnvVersion
from tenantry.operations import effective, environments, tenants
from tenantry.operations.environments import Place
from tenantry.planning.environment import MASK
from tests.operations.ledger import refused
from tests.stage import BACKEND, FRONTEND, ME, PRODUCT, Stage

SENTINEL = "hunter2-sentinel"


@pytest.fixture
def ready(stage: Stage) -> Stage:
    return stage.ready()


def at(stage: Stage, act: Callable[[Session, Place], Any], service: str | None = None) -> Any:
    return stage.desk.do(
        lambda session: act(session, environments.place_of(tenants.find(session, "acme"), service))
    )


def put(stage: Stage, key: str, value: str, service: str | None = None, **how: Any) -> bool:
    store = stage.desk.secrets
    return bool(
        at(stage, lambda s, p: environments.set_value(s, ME, store, p, key, value, **how), service)
    )


def revert(stage: Stage, key: str, number: int) -> None:
    store = stage.desk.secrets
    at(stage, lambda s, p: environments.revert(s, ME, store, p, key, number))


def lines(stage: Stage, service: str = "backend") -> dict[str, effective.Line]:
    with stage.desk.reading() as session:
        tenant = tenants.find(session, "acme")
        found = effective.effective(session, stage.desk.secrets, tenant, service)
    return {line.key: line for line in found}


def audits(stage: Stage) -> list[AuditEntry]:
    with stage.desk.reading() as session:
        wanted = select(AuditEntry).where(AuditEntry.action.like("env.%")).order_by(AuditEntry.id)
        return list(session.scalars(wanted))


def test_each_change_is_a_version_with_who_and_when(ready: Stage) -> None:
    assert put(ready, "REGION", "eu")
    assert put(ready, "REGION", "us")
    assert not put(ready, "REGION", "us")
    at(ready, lambda s, p: environments.unset(s, ME, p, "REGION"))
    assert "REGION" not in lines(ready)
    revert(ready, "REGION", 1)
    assert lines(ready)["REGION"].shown == "eu"
    found = at(ready, lambda s, p: environments.history(s, p, "REGION"))
    assert [(v.number, v.holds, v.actor) for v in found] == [
        (3, True, ME.name),
        (2, False, ME.name),
        (1, False, ME.name),
    ]
    assert found[0].at >= found[2].at
    told = [(row.action, row.after["version"], row.actor) for row in audits(ready)]
    assert [(action, version) for action, version, _ in told] == [
        ("env.set", 1),
        ("env.set", 2),
        ("env.unset", 2),
        ("env.revert", 3),
    ]


def test_values_stand_sealed_in_rows_and_nowhere_else(ready: Stage) -> None:
    put(ready, "SMTP_PASSWORD", SENTINEL)
    put(ready, "REGION", SENTINEL)
    with ready.engine.connect() as conn:
        for table in ("env_var", "env_version", "audit_entry", "tenant", "tenant_service"):
            assert SENTINEL not in str(conn.exec_driver_sql(f"SELECT * FROM {table}").all())
    with ready.desk.reading() as session:
        row = session.scalars(select(EnvVersion)).first()
        assert row is not None
        assert SENTINEL.encode() not in bytes(row.encrypted_value)
        assert environments.open_version(ready.desk.secrets, row) == SENTINEL


def test_a_tenant_is_added_with_sealed_values(stage: Stage) -> None:
    stage.tenant(slug=stage.product(), env={"REGION": "eu", "SMTP_PASSWORD": SENTINEL})
    found = lines(stage)
    assert (found["REGION"].shown, found["SMTP_PASSWORD"].shown) == ("eu", MASK)
    assert found["SMTP_PASSWORD"].source == "tenant"


def test_a_secret_is_known_by_its_name_by_a_flag_or_afterwards(ready: Stage) -> None:
    put(ready, "SMTP_PASSWORD", SENTINEL)
    put(ready, "TOKEN_MINUTES", "30", secret=False)
    put(ready, "LICENCE", SENTINEL, secret=True)
    put(ready, "PLAIN", SENTINEL)
    at(ready, lambda s, p: environments.mark_secret(s, ME, p, "PLAIN"))
    found = lines(ready)
    masked = [key for key, line in found.items() if line.shown == MASK]
    assert masked == ["LICENCE", "PLAIN", "SMTP_PASSWORD"]
    assert found["TOKEN_MINUTES"].shown == "30"


def test_what_was_secret_once_never_comes_to_light(ready: Stage) -> None:
    put(ready, "LICENCE", SENTINEL, secret=True)
    refused(ready, lambda: put(ready, "LICENCE", "x", secret=False), Conflict)
    at(ready, lambda s, p: environments.unset(s, ME, p, "LICENCE"))
    put(ready, "LICENCE", "another")
    assert lines(ready)["LICENCE"].shown == MASK


def test_layers_cover_each_other_and_that_is_said(stage: Stage) -> None:
    service = BACKEND | {"env": {"A": "service", "B": "service"}}
    stage.ready(PRODUCT | {"default_env": {"A": "product"}, "services": [service, FRONTEND]})
    put(stage, "A", "tenant")
    put(stage, "A", "own", "backend")
    found = lines(stage)
    assert (found["A"].shown, found["A"].source) == ("own", "service backend of the tenant")
    assert found["A"].covers == ("product", "service backend of the product", "tenant")
    assert (found["A"].place, found["B"].place) == ("service", "")
    assert found["B"].source == "service backend of the product"
    other = lines(stage, "frontend")
    assert (other["A"].shown, other["A"].source) == ("tenant", "tenant")


def test_changed_since_the_last_deployment_is_seen_without_opening_a_secret(ready: Stage) -> None:
    put(ready, "SAME", "1")
    put(ready, "CHANGED_TOKEN", SENTINEL)
    put(ready, "GONE", "1")
    assert {line.state for line in lines(ready).values()} == {""}
    ready.deploy()
    ready.finish()
    assert {line.state for line in lines(ready).values()} == {""}
    put(ready, "CHANGED_TOKEN", SENTINEL + "2")
    put(ready, "NEW", "1")
    at(ready, lambda s, p: environments.unset(s, ME, p, "GONE"))
    states = {key: line.state for key, line in lines(ready).items() if line.state}
    assert states == {"CHANGED_TOKEN": "changed", "GONE": "removed", "NEW": "new"}
    with ready.desk.reading() as session:
        tenant = tenants.find(session, "acme")
        found = effective.differences(session, ready.desk.secrets, tenant, "backend")
    assert {line.key for line in found} == set(states)
    assert ready.desk.preview(ME, "acme").differing["backend"] == ("environment",)
    ready.desk.deploy(ME, "acme")
    ready.finish()
    assert {line.state for line in lines(ready).values()} == {""}


def test_a_rotated_secret_that_a_value_refers_to_counts_as_changed(stage: Stage) -> None:
    stage.ready(PRODUCT | {"default_env": {"KEY": "x${SECRET_SETUP_TOKEN}"}}).deploy()
    stage.finish()
    assert lines(stage)["KEY"].state == ""
    with stage.engine.begin() as conn:
        conn.exec_driver_sql("UPDATE integration_secret SET last_rotated_at = created_at")
    assert lines(stage)["KEY"].state == "changed"


@pytest.mark.parametrize(
    ("key", "value", "field"),
    [
        ("lower", "x", "key"),
        ("A B", "x", "key"),
        ("A", "${NOPE}", "env.A"),
        ("A", "${lower}", "env.A"),
        ("A", "${{project.X}}", "env.A"),
        ("A", "a\rb", "env.A"),
        ("A", "a\0b", "env.A"),
        ("A", "' \" ` # " + SENTINEL, "env.A"),
        ("A", "${SECRET_DOKPLOY_API_KEY}", "env.A"),
        ("A", "x" * 32_769, "env.A"),
    ],
)
def test_bad_values_are_refused_by_name_and_never_shown(
    ready: Stage, key: str, value: str, field: str
) -> None:
    trouble = refused(ready, lambda: put(ready, key, value), Invalid)
    assert trouble.field == field
    assert SENTINEL not in str(trouble)


def test_what_is_not_there_is_said(ready: Stage) -> None:
    for act in (
        lambda s, p: environments.unset(s, ME, p, "NOPE"),
        lambda s, p: environments.history(s, p, "NOPE"),
        lambda s, p: environments.mark_secret(s, ME, p, "NOPE"),
    ):
        refused(ready, lambda act=act: at(ready, act), NotFound)
    put(ready, "A", "1")
    refused(ready, lambda: revert(ready, "A", 9), NotFound)
    refused(ready, lambda: revert(ready, "A", 1), Conflict)
    refused(ready, lambda: put(ready, "A", "1", "nothing"), NotFound)
    refused(ready, lambda: put(ready, "A", "1", "db"), Invalid)


def test_a_revert_to_a_placeholder_that_is_gone_is_refused(stage: Stage) -> None:
    stage.ready(PRODUCT | {"default_env": {}})
    put(stage, "URL", "${FRONTEND_URL}")
    put(stage, "URL", "x")
    stage.product(PRODUCT | {"services": [BACKEND]})
    refused(stage, lambda: revert(stage, "URL", 1), Invalid)


def test_a_value_that_does_not_open_can_be_set_again(ready: Stage) -> None:
    put(ready, "A", "1")
    with ready.engine.begin() as conn:
        conn.execute(update(EnvVersion).values(encrypted_value=b"not ours" * 8))
    assert lines(ready)["A"].shown == "does not open with our keys"
    assert put(ready, "A", "1")
    assert lines(ready)["A"].shown == "1"


def test_a_row_moved_under_another_key_does_not_open(ready: Stage) -> None:
    put(ready, "A", "1")
    put(ready, "B_TOKEN", SENTINEL)
    with ready.engine.begin() as conn:
        stolen = select(EnvVersion.encrypted_value).join(EnvVar).where(EnvVar.key == "B_TOKEN")
        value = conn.execute(stolen).scalar_one()
        ids = select(EnvVar.id).where(EnvVar.key == "A")
        conn.execute(
            update(EnvVersion).where(EnvVersion.env_var_id.in_(ids)).values(encrypted_value=value)
        )
    assert SENTINEL not in lines(ready)["A"].shown


def test_the_same_key_of_two_tenants_and_of_a_service_are_three(ready: Stage) -> None:
    ready.tenant("other", env={"A": "theirs"})
    put(ready, "A", "ours")
    put(ready, "A", "own", "frontend")
    assert (lines(ready)["A"].shown, lines(ready, "frontend")["A"].shown) == ("ours", "own")
    with ready.desk.reading() as session:
        assert session.scalar(select(func.count()).select_from(EnvVar)) == 3
