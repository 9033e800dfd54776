"""Where a store was asked to send its webhooks: there they are taken back when it is left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; of stores that are there it is not known."""
    column = sa.Column("webhook_addresses", sa.Text, nullable=False, server_default="")
    op.add_column("shoal_stores", column)
