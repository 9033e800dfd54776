"""Playing a log through the drain, at its own time: the clock advances when all is quiet.

The player takes part in draining, so a replay needs no other process; where drains run beside it
both are right, since `pipeline.commit` is right under any number of callers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import groupby
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, func, select

from connectors.events import Event, event_id, microseconds, moment
from worker import bulk, models, pipeline, stream
from worker.celery import DRAIN, LEARN
from worker.database import reading, transaction
from worker.learning import learn
from worker.pending import partitions_with_work
from worker.runtime import Kit
from worker.sealing import seal_events

STEP: Final = timedelta(days=1)
_US: Final = timedelta(microseconds=1)
_AT_ONCE: Final = 1_000  # events appended between two drains


@dataclass(frozen=True, slots=True)
class Target:
    """The store that a log is played into."""

    number: int
    id: str
    partition: int


def target_of(connection: Connection, store: str) -> Target:
    """The numbers of a store that exists."""
    columns = models.stores.c
    row = connection.execute(
        select(columns.number, columns.partition).where(columns.id == store)
    ).one()
    return Target(row.number, store, row.partition)


def play(
    kit: Kit,
    target: Target,
    events: Sequence[Event],
    *,
    step: timedelta = STEP,
    on_step: Callable[[int], None] = lambda _: None,
) -> None:
    """Play events in steps of the log's time; after each step everything due has happened.

    Parameters
    ----------
    events
        Oldest first.
    step
        How far the clock advances at a time.
    on_step
        Called with the number of events played so far.
    """
    kit = hands_on(kit)
    played = 0
    for end, its in steps(events, step, _clock(kit, target)):
        for start in range(0, len(its), _AT_ONCE):
            batch = seal_events(kit.sealer, its[start : start + _AT_ONCE])
            stream.append(kit.redis, target.partition, batch)
            pipeline.drain(kit, target.partition)
        tick(kit, target, end)
        played += len(its)
        on_step(played)


def _clock(kit: Kit, target: Target) -> int:
    stores = models.stores.c
    with reading(kit.engine) as connection:
        query = select(stores.now).where(stores.number == target.number)
        return int(connection.execute(query).scalar_one())


def steps(
    events: Sequence[Event], step: timedelta, clock: int = 0
) -> Iterator[tuple[int, list[Event]]]:
    """(end of the step in microseconds, its events), empty steps included.

    ``clock`` is how far the log has come (int microseconds; 0: nowhere): what lies between it and
    the first event goes by like any other time, for a second file and for one that was cut off.
    """
    size = step // _US
    # The step that ended there is gone through again: its timers may have been cut off.
    last = clock // size - 2 if clock else None
    for number, its in groupby(events, lambda event: microseconds(event.at) // size):
        if last is not None:
            yield from (((empty + 1) * size, []) for empty in range(last + 1, number))
        yield (number + 1) * size, list(its)
        last = number


def tick(kit: Kit, target: Target, now: int) -> None:
    """Move a store's business time to ``now`` and do all that became due."""
    at = moment(now)
    told = Event(
        id=event_id(target.id, "clock_ticked", at, "player"),
        store=target.id,
        type="clock_ticked",
        at=at,
        received_at=max(at, kit.clock()),
        source="shoal",
    )
    stream.append(kit.redis, target.partition, [told])
    settle(kit, target.partition)


def settle(kit: Kit, partition: int) -> None:
    """Drain until neither the stream nor a timer nor a model asks for anything."""
    while True:
        pipeline.drain(kit, partition)
        with reading(kit.engine) as connection:
            waits = partition in partitions_with_work(connection, microseconds(kit.clock()))
        if not waits and not stream.unread(kit.redis, partition):
            return


def hands_on(kit: Kit) -> Kit:
    """A player's doorbells: draining it does itself anyway, learning at once and here."""

    def send(task: str, number: int) -> None:
        if task == LEARN:
            learn(kit, number)
        elif task != DRAIN:
            kit.send(task, number)

    return replace(kit, send=send)


def fingerprint(path: Path) -> str:
    """A file's name and content as a key under which its progress is kept."""
    digest = hashlib.blake2b(path.name.encode(), digest_size=12)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()


def progress(connection: Connection, store: int, file: str) -> int:
    """How many events of a file have been played already."""
    columns = models.replays.c
    found = connection.execute(
        select(func.max(columns.position)).where(columns.store == store, columns.file == file)
    ).scalar()
    return int(found or 0)


def note_progress(kit: Kit, store: int, file: str, position: int) -> None:
    """Remember how far a file has been played, so that it goes on there."""
    with transaction(kit.engine) as connection:
        columns = ("store", "file", "position", "at")
        row = (store, file, position, microseconds(kit.clock()))
        bulk.upsert(connection, models.replays, columns, [row])
