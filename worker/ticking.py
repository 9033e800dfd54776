"""The clock of stores on the wall's time: events that age their customers, a slice at a time.

Every customer is aged once in `SHOAL_TICK_EVERY`. A store with many customers gets its ticks spread
over that time, so that no batch is long. What was missed while nobody swept is not made up for:
the next round comes soon enough.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast

from sqlalchemy import func, select

from connectors.events import Event, event_id, moment
from worker import models, stream
from worker.celery import DRAIN
from worker.database import reading
from worker.errors import BacklogFull
from worker.runtime import Kit

CUSTOMERS: Final = 20_000  # that one slice ages
MOST_SLICES: Final = 60
_KEY: Final = "shoal:ticks"


@dataclass(frozen=True, slots=True)
class Round:
    """How far a store's ticks of one round have been sent. ``number`` counts rounds since 1970."""

    number: int
    slices: int
    sent: int

    def due(self, wall: int, every: int) -> int:
        """How many slices should have been sent by now."""
        return min(wall % every * self.slices // every + 1, self.slices)


def tick(kit: Kit, wall: int) -> None:
    """Append the ticks that are due to the streams of all stores on the wall's time.

    Parameters
    ----------
    wall
        Operating time, int microseconds.
    """
    every = kit.settings.tick_every // timedelta(microseconds=1)
    stores = _stores(kit)
    with stream.reachable():
        told = cast("dict[bytes, bytes]", kit.redis.hgetall(_KEY))
    rounds = {int(store): Round(*map(int, text.split())) for store, text in told.items()}
    new = [store for store, _, _ in stores if not _is_current(rounds.get(store), wall // every)]
    rounds |= _begun(kit, new, wall // every)
    for store, store_id, partition in stores:
        now = rounds[store]
        due = now.due(wall, every) if now.slices else 0
        if due <= now.sent and store not in new:
            continue
        ticks = [_tick(store_id, now, one, every, wall) for one in range(now.sent, due)]
        try:
            if ticks and stream.append(kit.redis, partition, ticks, backlog=kit.settings.backlog):
                kit.send(DRAIN, partition)
        except BacklogFull:
            continue  # the same ticks are due at the next look
        with stream.reachable():
            kit.redis.hset(_KEY, str(store), f"{now.number} {now.slices} {due}")


def _stores(kit: Kit) -> list[tuple[int, str, int]]:
    stores = models.stores.c
    query = select(stores.number, stores.id, stores.partition).where(stores.clock == "wall")
    with reading(kit.engine) as connection:
        return [(row.number, row.id, row.partition) for row in connection.execute(query)]


def _is_current(known: Round | None, number: int) -> bool:
    return known is not None and known.number == number


def _begun(kit: Kit, stores: Sequence[int], number: int) -> dict[int, Round]:
    """New rounds; customers are counted once a round."""
    if not stores:
        return {}
    people = models.customers.c
    query = select(people.store, func.count()).where(people.store.in_(stores), people.orders > 0)
    with reading(kit.engine) as connection:
        rows = connection.execute(query.group_by(people.store))
        counts = {int(str(store)): int(number) for store, number in rows}
    return {
        store: Round(number, min(-(-counts.get(store, 0) // CUSTOMERS), MOST_SLICES), 0)
        for store in stores
    }


def _tick(store_id: str, now: Round, slice_: int, every: int, wall: int) -> Event:
    begun = moment(now.number * every)
    return Event(
        id=event_id(store_id, "clock_ticked", begun, f"{slice_}/{now.slices}"),
        store=store_id,
        type="clock_ticked",
        at=moment(wall),
        received_at=moment(wall),
        source="shoal",
        properties={"slice": slice_, "slices": now.slices},
    )
