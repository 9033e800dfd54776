"""Why goods came back: the reason of a refund, and which version of it said so."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; of refunds that are there nobody said a reason."""
    reason = sa.Column("reason", sa.Text, nullable=False, server_default="")
    version = sa.Column("reason_version", sa.BigInteger, nullable=False, server_default="0")
    op.add_column("shoal_refunds", reason)
    op.add_column("shoal_refunds", version)
