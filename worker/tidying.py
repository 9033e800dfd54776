"""Rewriting files after an erasure, so that the old bytes are gone from them, too.

Deleting a row leaves its bytes in a page, in the write-ahead log and in the append-only file. Each
is written anew from what is still there: Redis by ``BGREWRITEAOF``, SQLite by ``VACUUM`` and a
truncating checkpoint, PostgreSQL by ``VACUUM FULL`` of the tables that name people and of the
statistics that hold examples of their values. PostgreSQL's write-ahead log keeps what was written
until the server overwrites or removes the segment; archives and backups are the operator's. See
``docs/privacy.md``.

While a table is written anew the drain waits for it and the door goes on accepting.
"""

from __future__ import annotations

import logging
import time
from typing import Final

import redis
from sqlalchemy import Engine, LargeBinary, Table, Text, delete

from connectors.events import microseconds
from worker import bulk, models
from worker.database import reading, transaction
from worker.due import FILES_OWED, STREAM_OWED, debts
from worker.errors import DatabaseDown, RedisDown
from worker.runtime import Kit

PATIENCE: Final = 60.0  # seconds
_PAUSE: Final = 0.1
_TABLES: Final = (
    models.events,
    models.profiles,
    models.identities,
    models.customers,
    models.dead_letters,
    models.unowned,
    models.orders,
    models.refunds,
    models.carts,
    models.timers,
    models.codes,
    models.actions,
    models.decisions,
    models.holds,
    models.segment_changes,
    models.memberships,
    models.membership_changes,
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
        owed = debts(connection, FILES_OWED, STREAM_OWED)
    if not owed:
        return False
    now = microseconds(kit.clock())
    rewrite_append_only(kit.redis)
    _, of_files = owed.get(FILES_OWED, (0, ""))
    if of_files:
        rewrite_database(kit.engine)
    meta = models.meta.c
    with transaction(kit.engine) as connection:
        connection.execute(
            delete(models.meta).where(meta.name == FILES_OWED, meta.value == of_files)
        )
        bulk.upsert(connection, models.meta, ("name", "value"), [(STREAM_OWED, str(now))])
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
            connection.exec_driver_sql(_without_statistics(engine, table))
            connection.exec_driver_sql(f"VACUUM (FULL, ANALYZE) {table.name}")
        # Who does not own the database is told no by a notice, and gets it from autovacuum later.
        connection.exec_driver_sql("VACUUM (FULL) pg_statistic")


def _without_statistics(engine: Engine, table: Table) -> str:
    """The statement after which PostgreSQL keeps no examples of a table's texts and bytes.

    Giving a column the type that it has changes nothing else. ``ANALYZE`` alone would leave the
    examples of a table that is empty now.
    """
    told = [column for column in table.c if isinstance(column.type, Text | LargeBinary)]
    changes = [
        f'ALTER COLUMN "{column.name}" TYPE {column.type.compile(engine.dialect)}'
        for column in told
    ]
    return f"ALTER TABLE {table.name} {', '.join(changes)}"


def _persistence(client: redis.Redis) -> dict[str, object]:
    return dict(client.info("persistence"))
