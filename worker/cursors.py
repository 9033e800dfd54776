"""How far each partition's stream is committed, and what to do when a stream is behind that."""

from __future__ import annotations

import redis
from sqlalchemy import Connection, Engine, select, update

from worker import bulk, models, stream
from worker.database import reading, transaction


def positions(connection: Connection) -> dict[int, str]:
    """The committed position of every partition."""
    cursors = models.cursors.c
    rows = connection.execute(select(cursors.partition, cursors.position))
    return {int(str(partition)): str(position) for partition, position in rows}


def add_cursors(connection: Connection, partitions: int) -> None:
    """Give each partition a cursor; those that have one keep it."""
    rows = [(number, stream.START, 0) for number in range(partitions)]
    bulk.insert_missing(connection, models.cursors, ("partition", "position", "moved_at"), rows)


def outdated(engine: Engine, client: redis.Redis) -> dict[int, str]:
    """The partitions whose stream's last id is behind the cursor, with that cursor.

    So it is after Redis was replaced or flushed: new entries would stand below the cursor and
    never be seen.
    """
    with reading(engine) as connection:
        committed = positions(connection)
    return {
        partition: position
        for partition, position in committed.items()
        if stream.order(stream.last_position(client, partition)) < stream.order(position)
    }


def mend(engine: Engine, client: redis.Redis) -> list[int]:
    """Set such cursors back to the start; the partitions concerned.

    Nothing is applied twice: what the stream still holds of the past stops at the event log.
    """
    behind = outdated(engine, client)
    cursors = models.cursors
    with transaction(engine) as connection:
        for partition, position in behind.items():
            connection.execute(
                update(cursors)
                .where(cursors.c.partition == partition, cursors.c.position == position)
                .values(position=stream.START)
            )
    return sorted(behind)
