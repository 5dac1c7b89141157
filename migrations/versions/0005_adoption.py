"""Taking an existing project over is an action of its own

Revision: 0005, after 0004
"""

import re

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

LIFE = (
    "'rollback', 'scale', 'restart', 'suspend', 'unsuspend', 'backup', 'restore', 'teardown', "
    "'remove_volumes'"
)
# Name of the check on `deployment`, its text before and after.
CHECKS = (
    (
        "trigger_reason_known",
        f"\"trigger_reason\" IN ('initial', 'redeploy', 'resume', 'manual_fix', {LIFE})",
        f"\"trigger_reason\" IN ('initial', 'redeploy', 'resume', 'manual_fix', {LIFE}, 'adopt')",
    ),
    (
        "action_known",
        f"\"action\" IN ('deploy', {LIFE})",
        f"\"action\" IN ('deploy', {LIFE}, 'adopt')",
    ),
)


def _replace(*, back: bool) -> None:
    """SQLite cannot replace a check: its table is rebuilt from its own text, with every index."""
    for name, before, after in CHECKS:
        old, new = (after, before) if back else (before, after)
        full = f"ck_deployment_{name}"
        if op.get_bind().dialect.name == "sqlite":
            _rebuild("deployment", f"CONSTRAINT {full} CHECK ({old})", f"CONSTRAINT {full} CHECK ({new})")
        else:
            op.drop_constraint(op.f(full), "deployment", type_="check")
            op.create_check_constraint(op.f(full), "deployment", sa.text(new))


def _rebuild(table: str, old: str, new: str) -> None:
    """SQLite's own way to change a table: another one from edited text, and the rows moved over."""
    bind = op.get_bind()
    rows = bind.exec_driver_sql(
        "SELECT type, sql FROM sqlite_master WHERE tbl_name = ? AND sql IS NOT NULL", (table,)
    ).all()
    made, times = re.subn(
        re.escape(old), lambda _: new, next(sql for kind, sql in rows if kind == "table")
    )
    if times != 1:
        raise RuntimeError(f"{old} is not as this migration knows it")
    bind.exec_driver_sql(f'CREATE TABLE "{table}_new" {made[made.index("("):]}')
    columns = bind.exec_driver_sql(f'PRAGMA table_info("{table}_new")').all()
    listed = ", ".join(f'"{column[1]}"' for column in columns)
    bind.exec_driver_sql(f'INSERT INTO "{table}_new" ({listed}) SELECT {listed} FROM "{table}"')
    bind.exec_driver_sql(f'DROP TABLE "{table}"')
    bind.exec_driver_sql("PRAGMA legacy_alter_table=ON")
    bind.exec_driver_sql(f'ALTER TABLE "{table}_new" RENAME TO "{table}"')
    bind.exec_driver_sql("PRAGMA legacy_alter_table=OFF")
    for kind, sql in rows:
        if kind == "index":
            bind.exec_driver_sql(sql)


def upgrade() -> None:
    _replace(back=False)


def downgrade() -> None:
    _replace(back=True)
