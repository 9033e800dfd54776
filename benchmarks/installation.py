"""A fresh installation to measure: a Valkey of its own, an empty database, one kit."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import text

from worker import models
from worker.database import database_url, ensure_schema, open_engine, transaction
from worker.embedded import redis_url, valkey_command
from worker.installation import partitions
from worker.runtime import Kit, close_kit, open_kit
from worker.secret_key import ensure_secret_key
from worker.settings import Settings, settings_from
from worker.stream import await_server, connect


@contextmanager
def fresh_installation() -> Iterator[Kit]:
    """A kit on an empty database: ``SHOAL_DATABASE_URL`` (its tables are emptied) or SQLite."""
    home = Path(tempfile.mkdtemp(prefix="shoal-bench-"))
    os.environ["SHOAL_HOME"] = str(home)
    settings = settings_from(os.environ)
    ensure_secret_key(settings)
    server = subprocess.Popen(  # noqa: S603 - our own program
        valkey_command(settings), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await_server(connect(redis_url(settings)))
        _prepare(settings)
        kit = open_kit(settings)
        try:
            yield kit
        finally:
            close_kit(kit)
    finally:
        server.terminate()
        server.wait()
        shutil.rmtree(home, ignore_errors=True)


def _prepare(settings: Settings) -> None:
    engine = open_engine(database_url(settings))
    ensure_schema(engine)
    with transaction(engine) as connection:
        for table in reversed(models.metadata.sorted_tables):
            connection.execute(text(f"DELETE FROM {table.name}"))  # noqa: S608 - our own tables
        partitions(connection, settings.partitions)
    engine.dispose()


def database_name(kit: Kit) -> str:
    """Which database was measured."""
    return kit.engine.dialect.name
