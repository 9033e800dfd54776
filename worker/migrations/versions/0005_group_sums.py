"""What the ageing pass adds up over everybody, for learning to go on from."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; the next ageing pass begins to fill it."""
    op.create_table(
        "shoal_group_sums",
        sa.Column("store", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("body", sa.Text, nullable=False, server_default=""),
    )
