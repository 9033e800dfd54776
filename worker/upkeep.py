"""What the sweep does slowly: browse events leave the log, restored stores push again.

Each turn deletes at most ``SLICE`` rows in a short transaction, so that it holds no drain up; what
is left waits for the next turn. Orders, refunds, segment changes and decisions stay for ever.
"""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Final

from sqlalchemy import Connection, select

from connectors.events import BROWSER_TYPES
from worker import bulk, models, quality_sharing, restored
from worker.database import reading, transaction
from worker.runtime import Kit

SLICE: Final = 5_000
# Later than intake sets such events aside, so that no redelivery is taken for new.
_MARGIN: Final = timedelta(days=1)
# Ours to ourselves, each of one moment.
_TYPES: Final = (*sorted(BROWSER_TYPES), "clock_ticked")
_MICROSECOND: Final = timedelta(microseconds=1)
_log: Final = logging.getLogger("shoal.sweep")


def upkeep(kit: Kit, wall: int) -> None:
    """One turn.

    Parameters
    ----------
    wall
        Operating time, int microseconds.
    """
    with reading(kit.engine) as connection:
        is_restored = bool(restored.marks(connection))
        is_remembered = quality_sharing.has_old(connection, wall)
        old = _old(connection, wall - (kit.settings.keep_browsing + _MARGIN) // _MICROSECOND)
    if is_restored:
        with transaction(kit.engine) as connection:
            for store in restored.release(connection):
                _log.info("restored_store_read_again", extra={"store": store})
    if is_remembered:
        with transaction(kit.engine) as connection:
            quality_sharing.forget_old(connection, wall)
    if old:
        with transaction(kit.engine) as connection:
            bulk.delete_keys(connection, models.events, "id", old)
        _log.info("browse_events_deleted", extra={"number": len(old)})


def _old(connection: Connection, before: int) -> list[bytes]:
    """Ids of a slice of browse events that are older, of stores on the wall's time."""
    events, stores = models.events.c, models.stores.c
    on_the_wall = select(stores.number).where(stores.clock == "wall")
    numbers = list(connection.execute(on_the_wall).scalars())
    found: list[bytes] = []
    for number in numbers:
        for type_ in _TYPES:
            if len(found) >= SLICE:
                return found
            query = select(events.id).where(
                events.store == number, events.type == type_, events.at < before
            )
            rows = connection.execute(query.limit(SLICE - len(found))).scalars()
            found += [bytes(one) for one in rows]
    return found
