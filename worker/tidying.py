"""Rewriting files after an erasure, so that the old bytes are gone from them, too.

Deleting a row leaves its bytes in a page, in the write-ahead log and in the append-only file. Each
is written anew from what is still there: Redis by ``BGREWRITEAOF``, SQLite by ``VACUUM`` and a
truncating checkpoint, PostgreSQL by ``VACUUM FULL`` of the tables that name people (its write-ahead
log goes as it is recycled; archives and backups are the operator's).
"""

from __future__ import annotations

import logging
import time
from typing import Final

import redis
from sqlalchemy import Engine, delete

from worker import models
from worker.database import reading, transaction
from worker.due import FILES_OWED, files_owed_since
from worker.errors import DatabaseDown, RedisDown
from worker.runtime import Kit

PATIENCE: Final = 60.0  # seconds
_PAUSE: Final = 0.1
# The event log is left out: what it keeps of an erased person is the time and type of an event.
_TABLES: Final = (
    models.profiles,
    models.identities,
    models.customers,
    models.dead_letters,
    models.unowned,
    models.orders,
    models.refunds,
    models.carts,
    models.codes,
    models.actions,
    models.decisions,
    models.holds,
    models.segment_changes,
)
_log: Final = logging.getLogger("shoal.tidy")


def rewrite_files(kit: Kit) -> bool:
    """Rewrite what an erasure left behind; whether there was anything. Repeating it is harmless.

    Raises
    ------
    RedisDown, DatabaseDown
        If a rewriting does not end in time; it stays owed.
    """
    with reading(kit.engine) as connection:
        owed = files_owed_since(connection)
    if owed is None:
        return False
    rewrite_append_only(kit.redis)
    rewrite_database(kit.engine)
    meta = models.meta.c
    with transaction(kit.engine) as connection:
        connection.execute(
            delete(models.meta).where(meta.name == FILES_OWED, meta.value == str(owed))
        )
    return True


def rewrite_append_only(client: redis.Redis) -> None:
    """Have Redis write its append-only file anew, and wait for it; nothing if it keeps none.

    Raises
    ------
    RedisDown
        If it does not end within ``PATIENCE``, or fails.
    """
    if not _persistence(client)["aof_enabled"]:
        return
    try:
        client.bgrewriteaof()
    except redis.ResponseError as error:
        # Managed services keep the command to themselves and rewrite on their own.
        if "in progress" not in str(error).lower():
            _log.warning("append_only_not_rewritten", extra={"error": type(error).__name__})
            return
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        told = _persistence(client)
        if not told["aof_rewrite_in_progress"] and not told["aof_rewrite_scheduled"]:
            if told["aof_last_bgrewrite_status"] == "ok":
                return
            break
        time.sleep(_PAUSE)
    message = "Redis did not rewrite its append-only file; erased data may stand in it"
    raise RedisDown(message)


def rewrite_database(engine: Engine) -> None:
    """Write the database's files anew from what stands in the tables.

    Raises
    ------
    DatabaseDown
        If SQLite's write-ahead log stays in use for ``PATIENCE``.
    """
    if engine.dialect.name == "postgresql":
        _rewrite_postgresql(engine)
        return
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        if driver is None:
            return
        driver.execute("VACUUM")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            (is_busy, _, _) = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not is_busy:
                return
            time.sleep(_PAUSE)
    message = "SQLite's write-ahead log is in use; erased data may stand in it"
    raise DatabaseDown(message)


def _rewrite_postgresql(engine: Engine) -> None:
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for table in _TABLES:
            connection.exec_driver_sql(f"VACUUM (FULL) {table.name}")
        connection.exec_driver_sql(f"VACUUM {models.events.name}")


def _persistence(client: redis.Redis) -> dict[str, object]:
    return dict(client.info("persistence"))
