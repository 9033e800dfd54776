"""Read by Alembic: hands the connection over to it."""

from __future__ import annotations

from alembic import context

from worker.database import VERSION_TABLE
from worker.models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
context.run_migrations()
