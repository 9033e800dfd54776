"""The drain: a partition's events, a batch at a time, each batch one transaction.

`commit` is right under any number of callers: the cursor moves first, by compare-and-swap, and
whoever loses the race leaves. The bell only saves work; losing or doubling a Celery message loses
and repeats nothing. Order matters in four places: an entry is appended before the bell is set; the
bell is silenced before the last look; the cursor's old value is in the WHERE; the stream is trimmed
after the commit.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from time import monotonic
from typing import Final

from sqlalchemy import Connection, select, update
from sqlalchemy.exc import InterfaceError, OperationalError, ProgrammingError

from connectors.events import Event, microseconds
from segmentation.errors import IncompatibleModel, UnknownSchema
from worker import dead_letters, models, poison, stream, timers
from worker.advance import advance
from worker.batch import Reach
from worker.celery import DRAIN
from worker.database import reading, transaction
from worker.errors import ServiceUnreachable
from worker.pending import partitions_with_work
from worker.runtime import Kit
from worker.shop import load_shops

NO_TIMERS: Final = Reach(0)
SLICE: Final = 1.0  # seconds a drain works before it hands over
_log = logging.getLogger("shoal.drain")


class Outrun(Exception):
    """Another drain moved the cursor first."""


# What no event is to blame for.
_NOT_POISON: Final = (
    *(Outrun, ServiceUnreachable, OperationalError, InterfaceError),
    *(UnknownSchema, IncompatibleModel, ProgrammingError),  # rows or tables of another version
)


@dataclass(slots=True)
class Committed:
    """Where the cursor stands now, and which stores to ring for delivery and for learning."""

    position: str
    deliver: set[int] = field(default_factory=set)
    learn: set[int] = field(default_factory=set)


def drain(kit: Kit, partition: int) -> None:
    """Apply what a partition's stream holds, for a slice of time.

    Parameters
    ----------
    partition
        Its bell is set by whoever sent us; it stays set while we work and is our lease.
    """
    bell, until, is_silent = stream.drain_bell(partition), monotonic() + SLICE, False
    cursor = committed(kit, partition)
    while True:
        read_at = microseconds(kit.clock())
        entries = stream.read(kit.redis, partition, cursor, kit.settings.batch)
        if not entries and not _has_work(kit, partition):
            if is_silent:
                return
            _trim_left(kit, partition, cursor)
            stream.silence(kit.redis, bell)
            is_silent = True
            continue
        if is_silent and not stream.ring(kit.redis, bell):
            return  # a producer rang meanwhile: the work is another drain's
        is_silent = False
        try:
            done = apply(kit, partition, cursor, entries, _reach(kit, entries, read_at))
        except Outrun:
            return
        cursor = done.position
        if entries:
            stream.trim(kit.redis, partition, cursor)
        stream.renew(kit.redis, bell)
        _ring(kit, done)
        if monotonic() > until:
            kit.send(DRAIN, partition)
            return


def _trim_left(kit: Kit, partition: int, cursor: str) -> None:
    """Drop what a drain that was killed between its commit and its trim left behind.

    A stream that never came as far as the cursor is a replaced one: nothing in it was read.
    """
    if stream.order(stream.last_position(kit.redis, partition)) >= stream.order(cursor):
        stream.trim(kit.redis, partition, cursor)


def committed(kit: Kit, partition: int) -> str:
    """The committed position of a partition."""
    cursors = models.cursors.c
    with reading(kit.engine) as connection:
        query = select(cursors.position).where(cursors.partition == partition)
        return str(connection.execute(query).scalar_one())


def _reach(kit: Kit, entries: Sequence[stream.Entry], read_at: int) -> Reach:
    """Of a full batch only what was received before its end has surely been read."""
    if len(entries) < kit.settings.batch:
        return Reach(read_at)
    last = stream.decode(entries[-1])
    return Reach(microseconds(last.received_at)) if isinstance(last, Event) else NO_TIMERS


def apply(
    kit: Kit, partition: int, cursor: str, entries: Sequence[stream.Entry], reach: Reach
) -> Committed:
    """Commit a batch; one that cannot be committed is halved until the poison stands alone.

    Raises
    ------
    Outrun
        If another drain did it.
    """
    try:
        return commit(kit, partition, cursor, entries, reach)
    except _NOT_POISON:
        raise
    except Exception as error:  # noqa: BLE001 - whatever one event or timer does, others go on
        if len(entries) > 1:
            half = len(entries) // 2
            # What stands in the second half may be what a timer waits for.
            first = apply(kit, partition, cursor, entries[:half], NO_TIMERS)
            second = apply(kit, partition, first.position, entries[half:], reach)
            deliver, learn = first.deliver | second.deliver, first.learn | second.learn
            return Committed(second.position, deliver, learn)
        if not entries:
            return _apply_timers(kit, partition, cursor, reach, error)
        if reach != NO_TIMERS:
            return apply(kit, partition, cursor, entries, NO_TIMERS)
        _log.exception("partition %s: entry %s set aside", partition, entries[0].position)
        return _pass_by(kit, partition, cursor, entries[0], f"{type(error).__name__}: {error}")


def _apply_timers(
    kit: Kit, partition: int, cursor: str, reach: Reach, error: Exception
) -> Committed:
    """Fewer and fewer timers, until the one that cannot fire stands alone and is forgotten."""
    if reach.timers > 1:
        return apply(kit, partition, cursor, [], replace(reach, timers=reach.timers // 10))
    done, is_better = Committed(cursor), False
    with reading(kit.engine) as connection:
        shops = load_shops(connection, set(), partition, microseconds(kit.clock()))
    for shop in shops.values():
        try:
            alone = commit(kit, partition, cursor, [], replace(reach, store=shop.id))
            done.deliver |= alone.deliver
        except _NOT_POISON:
            raise
        except Exception:  # noqa: BLE001 - whatever one store's timer does, others go on
            _log.exception("store %s: a timer cannot fire and is forgotten", shop.id)
            with transaction(kit.engine) as connection:
                horizon = shop.now if shop.is_on_log_time else reach.horizon
                is_better |= timers.forget_first(connection, shop.number, horizon)
    if not is_better and not done.deliver:
        raise error
    return done


def commit(
    kit: Kit, partition: int, cursor: str, entries: Sequence[stream.Entry], reach: Reach
) -> Committed:
    """Apply one batch of entries and due timers in one transaction.

    Parameters
    ----------
    cursor
        The position read after; it must still be the committed one.
    entries
        What stands after it, oldest first; may be empty when only timers are due.
    reach
        Which timers may fire.

    Raises
    ------
    Outrun
        If the cursor is not there any more.
    """
    wall = microseconds(kit.clock())
    # Read on first use in a transaction of their own, which must not come inside this one.
    _ = kit.salt, kit.coupon_secret
    done = Committed(entries[-1].position if entries else cursor)
    with transaction(kit.engine) as connection:
        _move_cursor(connection, partition, cursor, done.position, wall)
        read, broken = _decoded(entries)
        events, set_aside = poison.split(connection, read)
        shops = load_shops(connection, {event.store for event in events}, partition, wall)
        told = _by_store(events, [reach.store] if reach.store else list(shops))
        for shop_id, its in told.items():
            shop = shops.get(shop_id)
            if shop is None:
                set_aside += [(event, "its store is not here any more") for event in its]
                continue
            woken = advance(connection, kit, shop, its, reach)
            set_aside += woken.set_aside
            done.deliver |= woken.deliver
            done.learn |= woken.learn
        dead_letters.write_events(connection, kit.sealer, set_aside)
        dead_letters.write_broken(connection, kit.sealer, broken, wall)
        poison.forgive(connection, told)
    return done


def _move_cursor(
    connection: Connection, partition: int, before: str, after: str, wall: int
) -> None:
    cursors = models.cursors
    moved = connection.execute(
        update(cursors)
        .where(cursors.c.partition == partition, cursors.c.position == before)
        .values(position=after, moved_at=wall)
    )
    if moved.rowcount != 1:
        raise Outrun


def _decoded(
    entries: Sequence[stream.Entry],
) -> tuple[list[Event], list[tuple[stream.Entry, str]]]:
    events: list[Event] = []
    broken: list[tuple[stream.Entry, str]] = []
    for entry in entries:
        found = stream.decode(entry)
        if isinstance(found, Event):
            events.append(found)
        else:
            broken.append((entry, found))
    return events, broken


def _by_store(events: Sequence[Event], stores: Sequence[str]) -> dict[str, list[Event]]:
    """Each store's events in order; stores without any may still have timers due."""
    told: dict[str, list[Event]] = {store: [] for store in stores}
    for event in events:
        told.setdefault(event.store, []).append(event)
    return told


def _pass_by(kit: Kit, partition: int, cursor: str, entry: stream.Entry, reason: str) -> Committed:
    wall = microseconds(kit.clock())
    with transaction(kit.engine) as connection:
        _move_cursor(connection, partition, cursor, entry.position, wall)
        event = stream.decode(entry)
        if isinstance(event, Event):
            poison.bury(connection, kit.sealer, event, reason)
        else:
            dead_letters.write_broken(connection, kit.sealer, [(entry, event)], wall)
    return Committed(entry.position)


def _has_work(kit: Kit, partition: int) -> bool:
    with reading(kit.engine) as connection:
        return partition in partitions_with_work(connection, microseconds(kit.clock()))


def _ring(kit: Kit, done: Committed) -> None:
    for store in sorted(done.deliver):
        kit.ring_deliver(store)
    for store in sorted(done.learn):
        kit.ring_learn(store)
