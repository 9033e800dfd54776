"""Reading a store's own lists into the stream, a slice at a time: backfills and polls.

What is read takes the way of every event: sealed, appended, drained. A stretch is first in the
stream and then noted, so that a crash between the two reads it again; the event log and the facts'
versions stop what is there already. What is older than the backfill's beginning is ``import``:
it moves people silently and triggers nothing.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from math import inf
from threading import BoundedSemaphore
from time import monotonic
from typing import Final

import msgspec
from sqlalchemy import Connection

from connectors.connecting import Stretch, SupportsResumption
from connectors.errors import AccessDenied, ConnectorError, PlatformError, Retriable
from connectors.events import Event, microseconds, moment
from connectors.protocol import Connector
from worker import restored, stream, walks
from worker.celery import WALK
from worker.database import reading, transaction
from worker.errors import BacklogFull, CannotOpen
from worker.lines import line_to
from worker.receiving import accept
from worker.runtime import Kit
from worker.sealing import seal_events
from worker.stores import Store, load_store, pause_store
from worker.walks import Walk

SLICE: Final = 5.0  # seconds; a backfill of days gives way to others in between
PART: Final = 200  # events a stretch, where a connector knows no stretches
LEASE: Final = 120_000  # milliseconds that one stretch may take
FIRST_WAIT: Final = 2.0  # seconds
LONGEST_WAIT: Final = 600.0
_BUSY: Final = 5.0
# Reading waits for other machines; the other threads of the process are delivery's.
_FEW: Final = BoundedSemaphore(2)
_log: Final = logging.getLogger("shoal.walk")


def walk(kit: Kit, store: int) -> None:
    """Go on with a store's walks for a slice of time; nothing if others are at it.

    Parameters
    ----------
    store
        Its number; whoever sent us set its bell.
    """
    if not _FEW.acquire(blocking=False):
        return
    bell = stream.walk_bell(store)
    try:
        end = monotonic() + SLICE
        for one in _due(kit, store):
            _go_on(kit, one, end)
    finally:
        _FEW.release()
        stream.silence(kit.redis, bell)
    if _due(kit, store) and stream.ring(kit.redis, bell):
        kit.send(WALK, store)


def walk_to_end(kit: Kit, store: int) -> None:
    """Go on with what is due of a store's walks until nothing is, here and now.

    Not in slices: a connector that reads a long list before it tells anything would begin anew
    with each. Its bell keeps others from the same rows.
    """
    bell = stream.walk_bell(store)
    with stream.reachable():
        kit.redis.set(bell, 1, px=LEASE)
    try:
        while found := _due(kit, store):
            for one in found:
                _go_on(kit, one, inf)
    finally:
        stream.silence(kit.redis, bell)


def _due(kit: Kit, store: int) -> list[Walk]:
    with reading(kit.engine) as connection:
        found = walks.due(connection, microseconds(kit.clock()), store)
        is_restored = store in restored.marks(connection)
    # What came after a backup is `import`, however the store was heard before: polls come later.
    return [one for one in found if one.kind == "backfill"] if is_restored else found


def _go_on(kit: Kit, one: Walk, end: float) -> None:
    with reading(kit.engine) as connection:
        store = load_store(connection, one.store)
        before = _imported_before(connection, one)
    try:
        after = _read_on(kit, store, one, before, end)
    except BacklogFull as full:
        after = _after(kit, one, _BUSY, str(full))
    except Retriable as error:
        after = _after(kit, one, error.retry_after or _patience(one), str(error))
    except (ConnectorError, CannotOpen) as error:
        if isinstance(error, AccessDenied):
            with transaction(kit.engine) as connection:
                pause_store(connection, store.number, str(error), sealed=store.sealed)
        after = _after(kit, one, LONGEST_WAIT, str(error))
    except Exception as error:  # noqa: BLE001 - a connector's own mistake must not be tried each second
        _log.warning("walk_failed", exc_info=error, extra={"store": store.id})
        after = _after(kit, one, LONGEST_WAIT, f"the connector failed: {type(error).__name__}")
    with transaction(kit.engine) as connection:
        walks.keep(connection, after)


def _imported_before(connection: Connection, one: Walk) -> int:
    """When a store's backfill began: a poll's first round reads a little of before, too."""
    backfill = one if one.kind == "backfill" else walks.walk_of(connection, one.store, "backfill")
    return backfill.began_at if backfill else 0


def _read_on(kit: Kit, store: Store, one: Walk, before: int, end: float) -> Walk:
    line = line_to(kit, store)
    one = _counted(line.connector, one)
    for stretch in _stretches(line.connector, moment(one.since), one.resume):
        with stream.reachable():
            kit.redis.set(stream.walk_bell(store.number), 1, px=LEASE)
        events = [_labelled(event, before) for event in stretch.events]
        for start in range(0, len(events), PART):
            accept(kit, store.partition, seal_events(kit.sealer, events[start : start + PART]))
        one = walks.advanced(one, stretch.resume, len(events), microseconds(kit.clock()))
        if monotonic() > end and stretch.resume:
            return one
        with transaction(kit.engine) as connection:
            walks.keep(connection, one)
    return walks.finished(one, microseconds(kit.clock()))


def _counted(connector: Connector, one: Walk) -> Walk:
    """With what a walk will bring, asked once, of a store that can say it."""
    if one.kind == "poll" or one.resume or one.expected:
        return one
    if not isinstance(connector, SupportsResumption):
        return one
    try:
        return replace(one, expected=sum(connector.count(moment(one.since)).values()))
    except PlatformError:
        return one  # an estimate is not worth a failure


def _stretches(connector: Connector, since: datetime, resume: str) -> Iterator[Stretch]:
    """A connector's own stretches; else parts of its whole walk, which always begins anew."""
    if isinstance(connector, SupportsResumption):
        yield from connector.stretches(since, resume)
        return
    changes = iter(connector.changes(since))
    while part := tuple(islice(changes, PART)):
        yield Stretch(part, "")


def _labelled(event: Event, before: int) -> Event:
    is_old = microseconds(event.at) < before
    return msgspec.structs.replace(event, source="import" if is_old else "poll")


def _after(kit: Kit, one: Walk, wait: float, problem: str) -> Walk:
    # What was kept on the way is in the row; only the row knows it.
    with reading(kit.engine) as connection:
        latest = walks.walk_of(connection, one.store, one.kind) or one
    return walks.failed(latest, microseconds(kit.clock()), wait, problem)


def _patience(one: Walk) -> float:
    longest: float = min(FIRST_WAIT * 2.0 ** min(one.failures, 16), LONGEST_WAIT)
    return longest * (0.5 + random.random() / 2)  # noqa: S311 - spreads load
