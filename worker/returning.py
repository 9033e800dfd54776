"""A store that was removed and is added again under its id: its figures go on.

Only what says who its customers are went with it, and that is read again: their descriptions leave
the event log, which would take them for known. Whoever was erased stays so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, update

from worker import models
from worker.new_stores import NewStore

# What its figures depend on.
_LASTING: Final = ("platform", "url", "currency", "clock")
_DESCRIPTIONS: Final = "customer_updated"


def obstacles(row: Row[Any], new: NewStore) -> list[str]:
    """Why a removed store's figures cannot go on with a new one of its id, a sentence each."""
    pairs = [(name, getattr(row, name), getattr(new, name)) for name in _LASTING]
    return [
        f"{name} {now!r}: expected {was or 'none'!r} as it was, since figures of the removed store "
        f"{new.id} are kept; `shoal store remove {new.id} --erase` lets them go"
        for name, was, now in pairs
        if was.rstrip("/") != now.rstrip("/")
    ]


def bring_back(connection: Connection, number: int, values: Mapping[str, object]) -> None:
    """Give a removed store its connection again and have its customers described anew.

    Parameters
    ----------
    number
        The store's.
    values
        Columns of its row: what it is told now.
    """
    stores, events = models.stores.c, models.events.c
    connection.execute(
        update(models.stores).where(stores.number == number).values(**values, paused="", poison=0)
    )
    connection.execute(
        delete(models.events).where(events.store == number, events.type == _DESCRIPTIONS)
    )
