"""What could not be applied: kept sealed with its reason, and listed.

A letter is *open* until it has been replayed (worker.letter_replay); one whose replay fails again
is open again. What the door could not read comes by way of worker.letter_stream.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec
from sqlalchemy import Connection, func, select

from connectors.events import Event, microseconds, moment
from worker import bulk, models, stream
from worker.sealing import Sealer

OPEN, REPLAYING, REPLAYED = "open", "replaying", "replayed"
EVENT, WEBHOOK, TRACK, ACTION = "event", "webhook", "track", "action"
# Under which scope a letter is sealed whose store is not known.
NO_STORE: Final = "-"
_COLUMNS: Final = ("id", "store", "kind", "reason", "at", "state", "sealed")


class Letter(msgspec.Struct, frozen=True):
    """A dead letter on its way to the table.

    Attributes
    ----------
    id
        Sixteen bytes: the event's, or :func:`letter_id` of what it holds in clear.
    store
        The store's id; empty when not known.
    kind
        ``event``, ``webhook``, ``track`` or ``action``.
    reason
        Why, in words that quote no value.
    at
        When it came, int microseconds.
    sealed
        The whole of it, sealed for the store.
    """

    id: bytes
    store: str
    kind: str
    reason: str
    at: int
    sealed: bytes


@dataclass(frozen=True, slots=True)
class ListedLetter:
    """A dead letter without its body. ``id`` is hexadecimal."""

    id: str
    store: str
    kind: str
    reason: str
    at: datetime
    state: str


def letter_id(kind: str, store: str, clear: bytes) -> bytes:
    """Sixteen bytes that name a letter by what it holds: a redelivery is the same letter."""
    named = b"\x00".join((kind.encode(), store.encode(), clear))
    return hashlib.blake2b(named, digest_size=16).digest()


def write_events(
    connection: Connection, sealer: Sealer, events: Iterable[tuple[Event, str]]
) -> None:
    """Keep events with the reason why they were not applied; a replayed letter opens again."""
    letters = {
        event.id: Letter(
            event.id,
            event.store,
            EVENT,
            reason,
            microseconds(event.received_at),
            sealer.seal_bytes(event.store, msgspec.msgpack.encode(event)),
        )
        for event, reason in events
    }
    bulk.upsert(connection, models.dead_letters, _COLUMNS, _rows(letters.values()))


def write_broken(
    connection: Connection, sealer: Sealer, broken: Iterable[tuple[stream.Entry, str]], at: int
) -> None:
    """Keep stream entries that are no events at all."""
    letters = {
        entry.position: Letter(
            letter_id("entry", entry.position, entry.data),
            "",
            EVENT,
            reason,
            at,
            sealer.seal_bytes(NO_STORE, entry.data),
        )
        for entry, reason in broken
    }
    bulk.upsert(connection, models.dead_letters, _COLUMNS, _rows(letters.values()))


def write_bodies(
    connection: Connection, bodies: Iterable[tuple[str, str, str, int, bytes]]
) -> None:
    """Keep sealed bodies, each a letter of its own: (store, kind, reason, at, sealed).

    An action's body is JSON with its ``key``, by which a replay makes it due again.
    """
    write_letters(
        connection,
        [
            Letter(letter_id(kind, store, sealed), store, kind, reason, at, sealed)
            for store, kind, reason, at, sealed in bodies
        ],
    )


def write_letters(connection: Connection, letters: Iterable[Letter]) -> None:
    """Keep letters from elsewhere; those that are known stay as they are."""
    distinct = {letter.id: letter for letter in letters}
    bulk.insert_missing(connection, models.dead_letters, _COLUMNS, _rows(distinct.values()))


def list_letters(
    connection: Connection, store: str = "", *, state: str = OPEN, limit: int = 100
) -> list[ListedLetter]:
    """The newest letters, of one store or of all. A replay that was cut short counts as open."""
    letters = models.dead_letters.c
    query = select(
        letters.id, letters.store, letters.kind, letters.reason, letters.at, letters.state
    ).where(letters.state.in_(_states(state)))
    if store:
        query = query.where(letters.store == store)
    rows = connection.execute(query.order_by(letters.at.desc(), letters.id).limit(limit))
    return [
        ListedLetter(
            bytes(row.id).hex(), row.store, row.kind, row.reason, moment(row.at), row.state
        )
        for row in rows
    ]


def open_letters(connection: Connection) -> dict[str, int]:
    """How many letters are open, by store."""
    letters = models.dead_letters.c
    rows = connection.execute(
        select(letters.store, func.count())
        .where(letters.state.in_(_states(OPEN)))
        .group_by(letters.store)
    )
    return {str(store): int(count) for store, count in rows}


def _states(state: str) -> tuple[str, ...]:
    return (OPEN, REPLAYING) if state == OPEN else (state,)


def _rows(letters: Iterable[Letter]) -> list[tuple[object, ...]]:
    return [(one.id, one.store, one.kind, one.reason, one.at, OPEN, one.sealed) for one in letters]
