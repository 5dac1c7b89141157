"""Secrets: sealed to their place, never shown, never in the audit."""

from typing import Any

import pytest
from sqlalchemy import LargeBinary, select, update

from tenantry.errors import Invalid, NotFound, SecretUnreadable
from tenantry.models import AuditEntry, IntegrationSecret
from tenantry.models.secret import SECRET_TYPES
from tenantry.operations import secrets, templates
from tenantry.ports import Sealed
from tests.operations.ledger import audit, refused
from tests.stage import IMAGE_ONLY, ME, Stage

VALUE = "hunter2-Sentinel-9f8e7d"


def put(
    stage: Stage, name: str = "token", value: str = VALUE, slug: str = "dms", **more: Any
) -> int:
    def act(session: Any) -> int:
        project = templates.find(session, slug).id
        row = secrets.put(session, ME, stage.desk.secrets, name, value, project_id=project, **more)
        return row.id

    return stage.desk.do(act)


def opened(stage: Stage, row_id: int) -> str:
    with stage.desk.reading() as session:
        row = session.get_one(IntegrationSecret, row_id)
        return stage.desk.secrets.open(Sealed(row.encrypted_value, row.key_id, row.bound_to))


def test_a_secret_is_sealed_and_opens_again(stage: Stage):
    stage.product()
    row_id = put(stage)
    assert opened(stage, row_id) == VALUE
    with stage.desk.reading() as session:
        row = session.get_one(IntegrationSecret, row_id)
        assert VALUE.encode() not in row.encrypted_value
        assert VALUE not in f"{row} {row!r} {vars(row)}"
        assert row.last_rotated_at is None


def test_setting_it_again_rotates_the_same_row(stage: Stage):
    stage.product()
    first = put(stage)
    second = put(stage, value="another-value-1")
    assert first == second
    assert opened(stage, first) == "another-value-1"
    with stage.desk.reading() as session:
        row = session.get_one(IntegrationSecret, first)
        assert row.last_rotated_at is not None
        assert row.last_rotated_at >= row.created_at
    assert [r.action for r in audit(stage) if r.object_name == "token"] == [
        "secret.create",
        "secret.rotate",
    ]


@pytest.mark.parametrize("column", ["encrypted_value", "both"])
def test_a_ciphertext_that_was_moved_to_another_row_does_not_open(stage: Stage, column: str):
    stage.product()
    stage.product(IMAGE_ONLY)
    one, two = put(stage), put(stage, value="the-other-value", slug="tools")
    with stage.engine.begin() as conn:
        stolen = conn.execute(
            select(IntegrationSecret.encrypted_value, IntegrationSecret.key_id).where(
                IntegrationSecret.id == one
            )
        ).one()
        values: dict[str, Any] = {"encrypted_value": stolen.encrypted_value}
        if column == "both":
            values["key_id"] = stolen.key_id
        conn.execute(update(IntegrationSecret).where(IntegrationSecret.id == two).values(**values))
    with pytest.raises(SecretUnreadable):
        opened(stage, two)
    assert opened(stage, one) == VALUE


def test_a_secret_that_was_moved_to_another_scope_does_not_open(stage: Stage):
    stage.product()
    stage.product(IMAGE_ONLY)
    row_id = put(stage)
    with stage.engine.begin() as conn:
        other = select(IntegrationSecret.project_id).where(IntegrationSecret.id == row_id)
        assert conn.execute(other).scalar_one()
    with stage.desk.reading() as session:
        target = templates.find(session, "tools").id
    with stage.engine.begin() as conn:
        conn.execute(
            update(IntegrationSecret)
            .where(IntegrationSecret.id == row_id)
            .values(project_id=target)
        )
    with pytest.raises(SecretUnreadable):
        opened(stage, row_id)


def test_a_stolen_secret_stops_the_step_that_needs_it(stage: Stage):
    stage.ready()
    with stage.engine.begin() as conn:
        token = conn.execute(
            select(IntegrationSecret.encrypted_value).where(IntegrationSecret.name == "setup_token")
        ).scalar_one()
        conn.execute(
            update(IntegrationSecret)
            .where(IntegrationSecret.name == "db_password")
            .values(encrypted_value=token)
        )
    stage.deploy()
    stage.finish()
    assert stage.deployment().status == "failed"
    assert "does not open" in stage.step("db.create").message
    assert not stage.twins.target.services("postgres")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "Token"}, "name"),
        ({"name": "a-b"}, "name"),
        ({"name": "a\n"}, "name"),
        ({"name": "a" * 61}, "name"),
        ({"secret_type": "password"}, "secret_type"),
        ({"value": ""}, "value"),
        ({"value": "a\0b"}, "value"),
        ({"value": "\ud800"}, "value"),
        ({"value": "x" * 16_385}, "value"),
    ],
)
def test_a_bad_secret_is_refused_and_its_value_never_repeated(stage: Stage, change, field: str):
    stage.product()
    trouble = refused(stage, lambda: put(stage, **change))
    assert trouble.field == field
    if change.get("value"):
        assert change["value"] not in str(trouble)


def test_a_secret_has_exactly_one_scope(stage: Stage):
    stage.product()
    for scope in ({}, {"project_id": 1, "tenant_service_id": 1}):
        with pytest.raises(TypeError, match="one scope"):
            stage.desk.do(
                lambda s, at=scope: secrets.put(s, ME, stage.desk.secrets, "token", VALUE, **at)
            )


def test_the_same_name_in_two_products_is_two_secrets(stage: Stage):
    stage.product()
    stage.product(IMAGE_ONLY)
    one, two = put(stage), put(stage, value="other-value-2", slug="tools")
    assert (opened(stage, one), opened(stage, two)) == (VALUE, "other-value-2")
    with stage.desk.reading() as session:
        project = templates.find(session, "tools").id
        assert secrets.find(session, "token", project_id=project).id == two
        with pytest.raises(NotFound):
            secrets.find(session, "nothing", project_id=project)


def test_the_audit_says_that_it_was_set_never_what(stage: Stage):
    stage.product()
    put(stage)
    put(stage, value=f"{VALUE}-2")
    rows = [r for r in audit(stage) if r.object_type == "IntegrationSecret"]
    assert rows[-1].after == {"type": "provision_token", "scope": "project_id"}
    with stage.engine.connect() as conn:
        dump = str(conn.execute(select(AuditEntry.__table__)).all())
    assert "hunter2" not in dump


def test_no_stored_value_of_a_deployment_holds_a_secret(stage: Stage):
    stage.ready()
    put(stage, name="setup_token")
    stage.deploy()
    stage.finish()
    assert any(
        call.headers.get("Authorization") == f"Bearer {VALUE}" for call in stage.twins.web.seen
    )
    with stage.engine.connect() as conn:
        for table in IntegrationSecret.metadata.sorted_tables:
            columns = [c for c in table.c if not isinstance(c.type, LargeBinary)]
            assert VALUE not in str(conn.execute(select(*columns)).all()), table.name


def test_made_up_values_are_long_letters_and_digits():
    made = {secrets.generated() for _ in range(50)}
    assert len(made) == 50
    assert all(len(value) == 40 and value.isalnum() and value.isascii() for value in made)
    assert len(secrets.generated(32)) == 32


def test_every_kind_of_secret_may_be_stored(stage: Stage):
    stage.product()
    for kind in SECRET_TYPES:
        put(stage, name=f"a_{kind}", secret_type=kind)


def test_names_are_checked_before_they_are_used():
    assert secrets.name_of("setup_token") == "setup_token"
    for name in (None, 7, "", "1a", "A"):
        with pytest.raises(Invalid, match="secrets"):
            secrets.name_of(name)  # type: ignore[arg-type]
