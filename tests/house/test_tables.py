"""What the database promises: indexes, foreign keys, and where secrets stand."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, Index, PrimaryKeyConstraint, Table, UniqueConstraint, insert, text
from sqlalchemy.exc import IntegrityError

from tenantry.engine.store import open_engine
from tenantry.models import Base, LogEntry, StepAttempt, TargetRow
from tenantry.planning.catalogue import KINDS
from tenantry.steps import HANDLERS

TABLES = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
OPERATIONS = Path(__file__).resolve().parents[2] / "platform" / "tenantry" / "operations"
# Every list, sweep and history query, and the index that serves it: table, columns, condition.
WANTED = [
    ("deployment", "tenant_id", "status IN ('pending','running')"),
    ("deployment", "tenant_id created_at", None),
    ("deployment", "status created_at", None),
    ("deployment", "created_at", None),
    ("deployment", "target_id queued_at id", "status='pending'"),
    ("deployment", "target_id", "status='running'"),
    ("deployment", "id", "cancel_requested"),
    ("deployment_step", "id", "status='running'"),
    ("deployment_step", "due_at deployment_id", "gates AND status='waiting'"),
    ("deployment_step", "due_at", "NOT gates AND status IN ('pending','waiting')"),
    ("deployment_step", "step_key status", None),
    ("job_record", "step_id", "status IN ('scheduled','running')"),
    ("job_record", "status next_run_at", None),
    ("job_record", "deployment_id created_at", None),
    ("job_record", "job_id", None),
    ("log_entry", "step_id seq", None),
    ("status_change", "thing thing_id id", None),
    ("status_change", "at", None),
    ("audit_entry", "object_type object_id", None),
    ("audit_entry", "at", None),
    ("health_check", "tenant_service_id at", None),
    ("tenant", "project_id status", None),
    ("tenant", "status created_at", None),
]
# Columns whose name speaks of a secret and that hold none in clear, each with its reason.
HARMLESS = {
    "deployment.request_key": "an idempotency key",
    "deployment_step.step_key": "the kind of a step",
    "env_var.key": "the name of a variable",
    "env_var.secret": "whether its values are masked",
    "env_version.encrypted_value": "sealed bytes",
    "env_version.key_id": "which key of the ring",
    "integration_secret.key_id": "which key of the ring",
    "integration_secret.secret_type": "the kind of a secret",
    "integration_secret.encrypted_value": "sealed bytes",
    "project_template.db_url_secret": "the name of a secret",
    "service_template.internal_provision_token_secret_id": "a reference",
    "user.password": "argon2id, written by Flask-Security",
    "user.tf_totp_secret": "encrypted by Flask-Security",
    "user.us_totp_secrets": "encrypted by Flask-Security",
}


def names(index: Index) -> str:
    return " ".join(str(part).removeprefix(f"{index.table.name}.") for part in index.expressions)


def condition(index: Index) -> str | None:
    where = index.dialect_options["postgresql"]["where"]
    other = index.dialect_options["sqlite"]["where"]
    assert (where is None) is (other is None), index.name
    return None if where is None else str(where)


def leads(table: Table) -> Iterator[str]:
    """Columns by which a row is found without reading the whole table."""
    for constraint in table.constraints:
        if isinstance(constraint, UniqueConstraint | PrimaryKeyConstraint):
            yield from [column.name for column in constraint.columns][:1]
    for index in table.indexes:
        first = names(index).split(" ")[0]
        if condition(index) in {None, f"{first} IS NOT NULL"}:
            yield first


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_foreign_key_has_an_index(table: Table):
    missing = {key.parent.name for key in table.foreign_keys} - set(leads(table))
    assert missing == set()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_foreign_key_says_what_a_delete_does_and_every_rule_has_a_name(table: Table):
    assert all(key.ondelete for key in table.foreign_keys)
    assert all(constraint.name for constraint in table.constraints)
    assert len({index.name for index in table.indexes}) == len(table.indexes)
    assert all(len(str(index.name)) <= 63 for index in table.indexes)


@pytest.mark.parametrize(("table", "columns", "where"), WANTED)
def test_every_list_and_sweep_has_its_index(table: str, columns: str, where: str | None):
    found = [
        index
        for index in Base.metadata.tables[table].indexes
        if names(index) == columns and condition(index) == where
    ]
    assert len(found) == 1


def test_secrets_stand_in_encrypted_columns_only():
    words = ("secret", "password", "token", "key", "cipher", "encrypted")
    speaking = {
        f"{table.name}.{column.name}"
        for table in TABLES
        for column in table.columns
        if any(word in column.name for word in words) and not column.name.endswith("_value")
    }
    sealed = {"env_version.encrypted_value", "integration_secret.encrypted_value"}
    assert speaking == set(HARMLESS) - sealed
    values = [f"{t.name}.{c.name}" for t in TABLES for c in t.columns if c.name.endswith("_value")]
    assert set(values) == sealed


def test_every_kind_of_step_has_a_handler_and_a_title():
    assert set(HANDLERS) == set(KINDS)
    titles = [kind.title for kind in KINDS.values()]
    assert all(titles)
    assert len(set(titles)) == len(titles)


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Engine]:
    opened = open_engine(sqlite_url)
    yield opened
    opened.dispose()


def test_sqlite_enforces_foreign_keys_on_every_connection(sqlite: Engine):
    with sqlite.connect() as one, sqlite.connect() as two:
        for conn in (one, two):
            assert conn.connection.driver_connection is not None
            cursor = conn.connection.driver_connection.execute("PRAGMA foreign_keys")
            assert cursor.fetchone() == (1,)
            conn.rollback()
    orphan = insert(StepAttempt).values(
        step_id=1, number=1, fence=1, owner="x", outcome="x", details={}
    )
    with pytest.raises(IntegrityError, match="FOREIGN KEY"), sqlite.begin() as conn:
        conn.execute(orphan.values(ended_at=text("'2026-01-01 00:00:00.000000'")))


def test_both_databases_refuse_unknown_statuses_and_orphans(engine: Engine):
    values = {"deployment_id": 1, "seq": 1, "text": "x", "stream": "system"}
    with pytest.raises(IntegrityError), engine.begin() as conn:
        conn.execute(insert(LogEntry).values(**values))
    with pytest.raises(IntegrityError), engine.begin() as conn:
        conn.execute(insert(LogEntry).values(**values | {"stream": "nonsense"}))
    with pytest.raises(IntegrityError), engine.begin() as conn:
        conn.execute(insert(TargetRow).values([{"name": "a"}, {"name": "a"}]))


def soft_deleted() -> set[str]:
    return {
        mapper.class_.__name__
        for mapper in Base.registry.mappers
        if "deleted_at" in mapper.local_table.c
    }


# Statements that must see deleted rows, each with its reason.
SEES_DELETED = {
    "templates.delete": "history hangs on the product of a deleted tenant too",
    "onboarding.was_added": "what a form has added stays added, whatever became of it since",
    "onboarding._again": "the same: a form that is sent again adds nobody twice",
    "certificates._spent": "certificates of hostnames that have left were given all the same",
}


@pytest.mark.parametrize("path", sorted(OPERATIONS.glob("*.py")), ids=lambda path: path.stem)
def test_no_question_of_an_operation_finds_soft_deleted_rows(path: Path):
    source = path.read_text(encoding="utf-8")
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        words = ast.get_source_segment(source, function) or ""
        for call in ast.walk(function):
            asked = isinstance(call, ast.Call) and getattr(call.func, "id", "") in {
                "select",
                "exists",
            }
            if not asked or f"{path.stem}.{function.name}" in SEES_DELETED:
                continue
            models = {n.id for n in ast.walk(call) if isinstance(n, ast.Name)} & soft_deleted()
            for model in models:
                assert f"{model}.deleted_at" in words, f"{function.name} reads {model}"
