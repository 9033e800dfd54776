"""`shoal db upgrade`: the tables of this version, in one transaction, while the door accepts.

The door needs no database; drains wait for the lock or try again, and lose nothing by that. An
SQLite file with a store in it is changed only if a backup has all that is in it.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from sqlalchemy import Engine, text

from worker import backup, models
from worker.database import HEAD, ensure_schema, reading, schema_version
from worker.errors import BackupMissing


def bring_up_to_date(engine: Engine, *, is_meant: bool = False) -> bool:
    """Upgrade if the tables are not at this version; whether there was something to do.

    Parameters
    ----------
    is_meant
        Upgrade an SQLite file even without a backup.

    Raises
    ------
    BackupMissing
        If no backup has all that is in the SQLite file; nothing was changed.
    """
    if not is_meant and _would_change_data(engine) and not _is_backed_up(engine):
        msg = (
            f"{engine.url.database} would be changed, and no backup has all that is in it: run "
            "`shoal db upgrade --backup FILE`, or with --no-backup if you mean it"
        )
        raise BackupMissing(msg)
    return ensure_schema(engine)


def _would_change_data(engine: Engine) -> bool:
    """Whether an SQLite file holds a store at an older revision."""
    if engine.dialect.name != "sqlite" or not Path(str(engine.url.database)).exists():
        return False
    with reading(engine) as connection:
        if schema_version(connection) in {"", HEAD}:
            return False
        # In words of SQL: the columns are those of another revision.
        found = connection.execute(text(f"SELECT 1 FROM {models.stores.name} LIMIT 1"))  # noqa: S608 - our own table
        return found.first() is not None


def _is_backed_up(engine: Engine) -> bool:
    last = backup.last_backup(engine)
    if last is None or not Path(last.file).exists():
        return False
    place = Path(str(engine.url.database)).absolute().parent
    with tempfile.TemporaryDirectory(prefix=".shoal-backup-", dir=place) as own:
        copy = Path(own) / "database.sqlite"
        backup.sqlite_copy(engine, copy)
        return backup.content_of(copy) == last.content
