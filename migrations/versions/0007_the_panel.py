"""What staff leave in the panel, and causes to group failures by

Revision: 0007, after 0006
"""

import sqlalchemy as sa
from alembic import op

from tenantry.models.dbtime import UTCDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

CAUSED = sa.text("cause <> ''")


def _shared() -> tuple[sa.Column, ...]:
    """A key, a public id and two times, as every such table has them."""
    now = sa.func.current_timestamp()
    return (
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("public_id", sa.Uuid(), nullable=False, unique=True),
        sa.Column("created_at", UTCDateTime(), nullable=False, server_default=now),
        sa.Column("updated_at", UTCDateTime(), nullable=False, server_default=now),
    )


def upgrade() -> None:
    """Two tables and a column; deployments that failed before stay without a cause."""
    op.create_table(
        "saved_view",
        *_shared(),
        sa.Column(
            "user_id", sa.Integer(), sa.ForeignKey("user.id", ondelete="CASCADE"), nullable=False
        ),
        sa.Column("place", sa.String(40), nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("query", sa.String(1000), nullable=False),
        sa.UniqueConstraint("user_id", "place", "name"),
    )
    op.create_table(
        "failure_note",
        *_shared(),
        sa.Column("cause", sa.String(300), nullable=False, unique=True),
        sa.Column("note", sa.String(2000), nullable=False),
        sa.Column("hint", sa.String(500), nullable=False),
        sa.Column("author", sa.String(255), nullable=False),
    )
    op.add_column(
        "deployment", sa.Column("cause", sa.String(300), nullable=False, server_default="")
    )
    op.create_index(
        "ix_deployment_cause",
        "deployment",
        ["cause", "ended_at"],
        postgresql_where=CAUSED,
        sqlite_where=CAUSED,
    )


def downgrade() -> None:
    """As 0006 had it."""
    op.drop_index("ix_deployment_cause", table_name="deployment")
    op.drop_column("deployment", "cause")
    op.drop_table("failure_note")
    op.drop_table("saved_view")
