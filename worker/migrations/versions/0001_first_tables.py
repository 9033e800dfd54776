"""The first tables.

Until the first release the tables may still move, so this revision makes them as worker.models has
them; the release writes them out here, and from then on every change is a revision of its own.
"""

from __future__ import annotations

from alembic import op

from worker.models import metadata

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make every table and index."""
    metadata.create_all(op.get_bind())
