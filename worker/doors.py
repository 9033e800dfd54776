"""A store with its business time, as delivery and learning see it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, select

from worker import models
from worker.stores import Store, load_store


@dataclass(frozen=True, slots=True)
class Door:
    """A store as delivery sees it.

    Attributes
    ----------
    store
        Its row.
    now
        Its business time, int microseconds.
    """

    store: Store
    now: int

    @property
    def is_on_log_time(self) -> bool:
        """Whether its business time is a log's."""
        return self.store.clock == "log"


def door_of(connection: Connection, store: int, wall: int) -> Door | None:
    """A store by number; None if it is gone.

    Parameters
    ----------
    wall
        Operating time, int microseconds.
    """
    numbers = models.stores.c
    now = connection.execute(select(numbers.now).where(numbers.number == store)).scalar()
    if now is None:
        return None
    found = load_store(connection, store)
    return Door(found, int(now) if found.clock == "log" else wall)
