"""Reading a store's own lists: backfills and polls that go on where they stopped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "shoal_walks",
        sa.Column("store", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("kind", sa.Text, primary_key=True),
        _number("since"),
        sa.Column("resume", sa.Text, nullable=False, server_default=""),
        _number("every"),
        _number("next_at"),
        _number("began_at"),
        _number("done_at"),
        _number("brought"),
        _number("expected"),
        _number("failures"),
        sa.Column("problem", sa.Text, nullable=False, server_default=""),
    )
    op.create_index("ix_shoal_walks_next_at", "shoal_walks", ["next_at"])


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False, server_default="0")
