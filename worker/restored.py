"""Stores that came from a backup: marked and without pushes until they were read again."""

from __future__ import annotations

from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select

from connectors.events import moment
from worker import bulk, models, stores, walks
from worker.stores import Store

_PREFIX: Final = "restored:"  # and a store's number, in `meta`, until it was read again


class Mark(msgspec.Struct, frozen=True):
    """Of one store: the backup's time and the restore's, int microseconds."""

    made_at: int
    restored_at: int

    @property
    def reason(self) -> str:
        """Why its pushes wait."""
        at = moment(self.made_at).isoformat(timespec="seconds")
        return f"restored from a backup of {at}: what came after it is being read again"


def mark(connection: Connection, store: Store, made_at: int, now: int) -> None:
    """Remember that a store came from a backup, and stop its pushes until it was read again."""
    one = Mark(made_at, now)
    if not store.paused:
        stores.pause_store(connection, store.number, one.reason)
    row = (f"{_PREFIX}{store.number}", msgspec.json.encode(one).decode())
    bulk.upsert(connection, models.meta, ("name", "value"), [row])


def release(connection: Connection) -> list[str]:
    """Let restored stores push again whose lists were read to the end; their ids."""
    done = []
    for number, mark in marks(connection).items():
        walk = walks.walk_of(connection, number, "backfill")
        if walk is None or walk.next_at or walk.done_at < mark.restored_at:
            continue
        done.append(resume(connection, number, mark))
    return done


def resume(connection: Connection, store: int, mark: Mark) -> str:
    """Take a store's mark away, and the pause that came with it; its id."""
    found = stores.load_store(connection, store)
    if found.paused == mark.reason:
        stores.pause_store(connection, store, "")
    meta = models.meta.c
    connection.execute(delete(models.meta).where(meta.name == f"{_PREFIX}{store}"))
    return found.id


def marks(connection: Connection) -> dict[int, Mark]:
    """The restored stores, by number, that have not been read again yet."""
    meta = models.meta.c
    query = select(meta.name, meta.value).where(meta.name.like(f"{_PREFIX}%"))
    return {
        int(str(name).removeprefix(_PREFIX)): msgspec.json.decode(str(value), type=Mark)
        for name, value in connection.execute(query)
    }
