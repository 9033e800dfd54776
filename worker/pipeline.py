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
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection

from connectors.events import Event, microseconds
from worker import dead_letters, stream
from worker.advance import Woken, advance
from worker.database import transaction
from worker.runtime import Kit
from worker.shop import Shop, load_shops

BATCH: Final = 1_000
SLICE: Final = 1.0  # seconds a drain works before it hands over
_log = logging.getLogger("shoal.drain")


class Outrun(Exception):
    """Another drain moved the cursor first."""


@dataclass(slots=True)
class Committed:
    """Where the cursor stands now, and whom to ring."""

    position: str
    deliver: set[int] = field(default_factory=set)
    learn: set[int] = field(default_factory=set)


def commit(
    kit: Kit, partition: int, cursor: str, entries: Sequence[stream.Entry], *, is_all: bool
) -> Committed:
    """Apply one batch of entries and due timers in one transaction.

    Parameters
    ----------
    cursor
        The position read after; it must still be the committed one.
    entries
        What stands after it, oldest first; may be empty when only timers are due.
    is_all
        Whether the stream holds nothing after ``entries``.

    Raises
    ------
    Outrun
        If the cursor is not there any more.
    """
    wall = microseconds(kit.clock())
    position = entries[-1].position if entries else cursor
    done = Committed(position)
    with transaction(kit.engine) as connection:
        _move_cursor(connection, partition, cursor, position, wall)
        decoded = [stream.decode(entry) for entry in entries]
        broken = [
            (entry, one)
            for entry, one in zip(entries, decoded, strict=True)
            if isinstance(one, str)
        ]
        events = [one for one in decoded if isinstance(one, Event)]
        horizon = wall if is_all or not events else microseconds(events[-1].received_at)
        shops = load_shops(connection, {event.store for event in events}, partition, wall)
        for shop_id, told in _by_store(events, shops).items():
            woken = _advance(connection, kit, shops, shop_id, told, horizon)
            done.deliver |= woken.deliver
            done.learn |= woken.learn
        dead_letters.write_broken(connection, kit.sealer, broken, wall)
    return done


def _advance(
    connection: Connection,
    kit: Kit,
    shops: dict[str, Shop],
    shop_id: str,
    told: Sequence[Event],
    horizon: int,
) -> Woken:
    shop = shops.get(shop_id)
    if shop is None:
        reason = "its store is not here any more"
        dead_letters.write_events(connection, kit.sealer, [(event, reason) for event in told])
        return Woken()
    woken = advance(connection, kit, shop, told, horizon)
    dead_letters.write_events(connection, kit.sealer, woken.set_aside)
    return woken
