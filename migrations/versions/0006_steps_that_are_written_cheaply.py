"""Steps that are written cheaply

A renewed lease touched an index, and the search for one running step went through all of them:
the index of what runs is by id now. The index of retries holds retries only. On PostgreSQL, pages
of steps are left room for what is soon written beside them.

Revision: 0006, after 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

RUNS = sa.text("status='running'")
RETRIED = sa.text("retried_by_id IS NOT NULL")


def upgrade() -> None:
    """Narrower indexes, roomier pages; existing pages fill up as they are rewritten."""
    op.drop_index("ix_step_lease", table_name="deployment_step")
    op.create_index(
        "ix_step_lease",
        "deployment_step",
        ["id"],
        postgresql_where=RUNS,
        sqlite_where=RUNS,
    )
    op.drop_index("ix_deployment_step_retried_by_id", table_name="deployment_step")
    op.create_index(
        "ix_deployment_step_retried_by_id",
        "deployment_step",
        ["retried_by_id"],
        postgresql_where=RETRIED,
        sqlite_where=RETRIED,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE deployment_step SET (fillfactor = 70)")


def downgrade() -> None:
    """As 0005 had them."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE deployment_step RESET (fillfactor)")
    op.drop_index("ix_deployment_step_retried_by_id", table_name="deployment_step")
    op.create_index("ix_deployment_step_retried_by_id", "deployment_step", ["retried_by_id"])
    op.drop_index("ix_step_lease", table_name="deployment_step")
    op.create_index(
        "ix_step_lease",
        "deployment_step",
        ["lease_until"],
        postgresql_where=RUNS,
        sqlite_where=RUNS,
    )
