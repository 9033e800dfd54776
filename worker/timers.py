"""What is due at a time: rows of a store, fired by its drain inside the cursor's transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from sqlalchemy import Connection, bindparam, delete, select

from worker import bulk, models, tallies
from worker.batch import Batch, Timer
from worker.shop import Shop

_COLUMNS: Final = (
    "store",
    "kind",
    "key",
    "partition",
    "customer",
    "campaign",
    "occasion",
    "due_at",
    "since",
)


def due_timers(connection: Connection, store: int, horizon: int, most: int) -> list[Timer]:
    """Timers due up to a business time, the earliest first, at most so many."""
    timers = models.timers.c
    rows = connection.execute(
        select(
            timers.kind,
            timers.key,
            timers.customer,
            timers.campaign,
            timers.occasion,
            timers.due_at,
            timers.since,
        )
        .where(timers.store == store, timers.due_at <= horizon)
        .order_by(timers.due_at, timers.kind, timers.key)
        .limit(most)
    )
    return [Timer(*row) for row in rows]


def same_moment(timers: list[Timer]) -> list[Timer]:
    """The earliest of some timers: those that are due at one and the same time."""
    return [timer for timer in timers if timer.due_at == timers[0].due_at]


def forget_first(connection: Connection, store: int, horizon: int) -> bool:
    """Delete the timer that is due first, because it cannot fire; whether there was one."""
    timers = models.timers
    first = due_timers(connection, store, horizon, 1)
    for timer in first:
        named = (timers.c.kind == timer.kind) & (timers.c.key == timer.key)
        connection.execute(delete(timers).where(timers.c.store == store, named))
    tallies.add(connection, store, {("timers_forgotten", one.campaign): 1 for one in first})
    return bool(first)


def still_due(batch: Batch) -> list[Timer]:
    """Due timers that nothing in this very batch has moved or dropped, with who they are now.

    Only carts move: a date that a batch sets again for next year is due this year all the same.
    """
    moved = {(timer.kind, timer.key) for timer in batch.set_timers if timer.kind == "cart"}
    moved |= set(batch.dropped_timers)
    return [
        replace(timer, customer=batch.directory.final(timer.customer))
        for timer in batch.due
        if (timer.kind, timer.key) not in moved
    ]


def write_timers(connection: Connection, batch: Batch) -> None:
    """Delete what fired or was dropped, and write what was set. A drop outweighs a set."""
    dropped = set(batch.dropped_timers)
    kept = {
        (timer.kind, timer.key): timer
        for timer in batch.set_timers
        if (timer.kind, timer.key) not in dropped
    }
    gone = dropped | {(timer.kind, timer.key) for timer in batch.due}
    if gone:
        timers = models.timers
        connection.execute(
            delete(timers).where(
                timers.c.store == batch.shop.number,
                timers.c.kind == bindparam("its_kind"),
                timers.c.key == bindparam("its_key"),
            ),
            [{"its_kind": kind, "its_key": key} for kind, key in sorted(gone)],
        )
    moved = [replace(one, customer=batch.directory.final(one.customer)) for one in kept.values()]
    insert_timers(connection, batch.shop, moved)


def insert_timers(connection: Connection, shop: Shop, set_: Iterable[Timer]) -> None:
    """Write timers; one that stands already is moved."""
    rows = [
        (
            shop.number,
            timer.kind,
            timer.key,
            shop.partition,
            timer.customer,
            timer.campaign,
            timer.occasion,
            timer.due_at,
            timer.since,
        )
        for timer in sorted(set_, key=lambda timer: (timer.kind, timer.key))
    ]
    bulk.upsert(connection, models.timers, _COLUMNS, rows)
