"""The gate: which keys were said to lead elsewhere than was known."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; nothing was remembered before."""
    op.create_table(
        "shoal_contradictions",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("other", sa.Text, primary_key=True),
        sa.Column("store", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("noted_at", sa.BigInteger, nullable=False, server_default="0"),
    )
