"""What waits is found by itself

Steps behind one that waits are due all the while: the index of all that is due held them too, and
the watchdog's sweep went through them each second.

Revision: 0008, after 0007
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

WAITS = sa.text("gates AND status='waiting'")
MAIL = sa.text("NOT gates AND status IN ('pending','waiting')")
OPEN = sa.text("status IN ('pending','waiting')")


def upgrade() -> None:
    """Two narrow indexes in place of a wide one."""
    op.create_index(
        "ix_step_waiting",
        "deployment_step",
        ["due_at", "deployment_id"],
        postgresql_where=WAITS,
        sqlite_where=WAITS,
    )
    op.create_index(
        "ix_step_mail", "deployment_step", ["due_at"], postgresql_where=MAIL, sqlite_where=MAIL
    )
    op.drop_index("ix_step_due", table_name="deployment_step")


def downgrade() -> None:
    """As 0007 had it."""
    op.create_index(
        "ix_step_due", "deployment_step", ["due_at"], postgresql_where=OPEN, sqlite_where=OPEN
    )
    op.drop_index("ix_step_mail", table_name="deployment_step")
    op.drop_index("ix_step_waiting", table_name="deployment_step")
