"""What could not be applied: kept sealed with its reason, listed, and played again by command."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, select, update

from connectors.events import Event, microseconds, moment
from worker import bulk, models, stream
from worker.sealing import Sealer

_COLUMNS: Final = ("id", "store", "kind", "reason", "at", "sealed")
# Under which scope a letter is sealed whose store is not known.
NO_STORE: Final = "-"


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter without its body. ``kind`` is event, webhook, track or action."""

    id: str
    store: str
    kind: str
    reason: str
    at: datetime
    state: str


def write_events(
    connection: Connection, sealer: Sealer, events: Iterable[tuple[Event, str]]
) -> None:
    """Keep events with the reason why they were not applied."""
    rows = [
        (
            event.id,
            event.store,
            "event",
            reason,
            microseconds(event.received_at),
            sealer.seal_bytes(event.store, msgspec.msgpack.encode(event)),
        )
        for event, reason in events
    ]
    bulk.insert_missing(connection, models.dead_letters, _COLUMNS, rows)


def write_broken(
    connection: Connection, sealer: Sealer, broken: Iterable[tuple[stream.Entry, str]], at: int
) -> None:
    """Keep stream entries that are no events at all."""
    rows = [
        (
            letter_id("entry", entry.position.encode() + entry.data),
            "",
            "event",
            reason,
            at,
            sealer.seal_bytes(NO_STORE, entry.data),
        )
        for entry, reason in broken
    ]
    bulk.insert_missing(connection, models.dead_letters, _COLUMNS, rows)


def write_bodies(
    connection: Connection,
    letters: Iterable[tuple[str, str, str, int, bytes]],
) -> None:
    """Keep sealed bodies of requests: (store, kind, reason, received at, sealed) each."""
    rows = [
        (letter_id(kind, sealed), store, kind, reason, at, sealed)
        for store, kind, reason, at, sealed in letters
    ]
    bulk.insert_missing(connection, models.dead_letters, _COLUMNS, rows)


def letter_id(kind: str, body: bytes) -> bytes:
    """Sixteen bytes that name a letter by what it holds."""
    return hashlib.blake2b(kind.encode() + b"\x00" + body, digest_size=16).digest()


def list_letters(
    connection: Connection, store: str = "", *, state: str = "open", limit: int = 100
) -> list[Letter]:
    """The newest letters, of one store or of all."""
    letters = models.dead_letters.c
    query = select(
        letters.id, letters.store, letters.kind, letters.reason, letters.at, letters.state
    ).where(letters.state == state)
    if store:
        query = query.where(letters.store == store)
    rows = connection.execute(query.order_by(letters.at.desc(), letters.id).limit(limit))
    return [
        Letter(bytes(row.id).hex(), row.store, row.kind, row.reason, moment(row.at), row.state)
        for row in rows
    ]


def open_events(
    connection: Connection, sealer: Sealer, store: str, ids: Sequence[str] = ()
) -> list[Event]:
    """The events in a store's open letters (of these ids, or all), to be appended once more."""
    letters = models.dead_letters.c
    query = select(letters.id, letters.sealed).where(
        letters.store == store, letters.state == "open", letters.kind == "event"
    )
    if ids:
        query = query.where(letters.id.in_([bytes.fromhex(one) for one in ids]))
    return [
        msgspec.msgpack.decode(sealer.open_bytes(store, bytes(row.sealed)), type=Event)
        for row in connection.execute(query.order_by(letters.id))
    ]


def mark_replayed(connection: Connection, store: str, ids: Sequence[bytes]) -> None:
    """Close letters whose events stand in the stream again, and let the store in again."""
    bulk_ids = list(ids)
    for start in range(0, len(bulk_ids), 500):
        connection.execute(
            update(models.dead_letters)
            .where(models.dead_letters.c.id.in_(bulk_ids[start : start + 500]))
            .values(state="replayed")
        )
    connection.execute(update(models.stores).where(models.stores.c.id == store).values(poison=0))
