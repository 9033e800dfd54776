"""`shoal keys`: what older keys sealed is sealed anew, in batches, while everything runs.

A row is written only if nobody has written it since it was read, so the drain always wins; a pass
that was cut off is simply begun again. The blind index and the coupons' secret stay as they are:
addresses are found, and codes minted, with what they have been from the first day on.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, func, select, update

from connectors.events import Event
from worker import cursors, models, stream
from worker.database import reading, transaction
from worker.dead_letters import NO_STORE
from worker.errors import CannotOpen
from worker.installation import COUPON_SECRET, SCOPE
from worker.runtime import Kit
from worker.sealing import Sealer, key_id_of

BATCH: Final = 500  # rows in one transaction
_LOOKED_AT: Final = 10_000  # entries of a stream


@dataclass(frozen=True)
class _Place:
    """Where sealed bytes stand; ``is_nested``: events in them carry sealed bytes of their own."""

    table: Table
    key: str
    column: str
    store: str
    is_nested: bool = False


_PLACES: Final = (
    _Place(models.stores, "number", "secrets", "id"),
    _Place(models.profiles, "customer", "sealed", "store"),
    _Place(models.dead_letters, "id", "sealed", "store", is_nested=True),
    _Place(models.unowned, "event", "body", "store", is_nested=True),
)


@dataclass
class Resealed:
    """What came of a pass.

    Attributes
    ----------
    unreadable
        Rows that no key opens: (table, key). They stay as they are.
    """

    rows: int = 0
    unreadable: list[tuple[str, str]] = field(default_factory=list)


def sealed_by(connection: Connection) -> dict[str, int]:
    """How many things each key has sealed, by its id."""
    counts: dict[str, int] = {}
    for place in _PLACES[:3]:
        column = place.table.c[place.column]
        named = func.substr(column, 2, 4)
        query = select(named, func.count()).where(func.length(column) > 0).group_by(named)
        for key, count in connection.execute(query):
            counts[bytes(key).hex()] = counts.get(bytes(key).hex(), 0) + int(count)
    for sealed in _nested(connection):
        counts[key_id_of(sealed)] = counts.get(key_id_of(sealed), 0) + 1
    found = _coupon_secret(connection)
    if found:
        counts[key_id_of(found)] = counts.get(key_id_of(found), 0) + 1
    return counts


def waiting(kit: Kit) -> dict[str, int]:
    """How many entries that wait in the streams each key has sealed, by its id."""
    counts: dict[str, int] = {}
    with reading(kit.engine) as connection:
        positions = cursors.positions(connection)
    for partition, position in positions.items():
        for entry in stream.read(kit.redis, partition, position, _LOOKED_AT):
            event = stream.decode(entry)
            if isinstance(event, Event) and event.sealed:
                key = key_id_of(event.sealed)
                counts[key] = counts.get(key, 0) + 1
    return counts


def reseal(kit: Kit) -> Resealed:
    """Seal with the first key whatever another one has sealed; repeating it is harmless."""
    done = Resealed()
    with transaction(kit.engine) as connection:
        names = _store_names(connection)
        _reseal_coupon_secret(connection, kit.sealer, done)
    for place in _PLACES:
        last: Any = None
        while True:
            with transaction(kit.engine) as connection:
                rows = _batch(connection, place, kit.sealer, last)
                for row in rows:
                    store = names.get(row.store, row.store)
                    _reseal_row(connection, kit.sealer, place, (row.key, store, row.sealed), done)
            if len(rows) < BATCH:
                break
            last = rows[-1].key
    return done


def _batch(connection: Connection, place: _Place, sealer: Sealer, last: Any) -> list[Any]:
    columns = place.table.c
    key, sealed = columns[place.key], columns[place.column]
    query = select(
        key.label("key"), columns[place.store].label("store"), sealed.label("sealed")
    ).where(func.length(sealed) > 0)
    if not place.is_nested:
        query = query.where(func.substr(sealed, 2, 4) != bytes.fromhex(sealer.key_id))
    if last is not None:
        query = query.where(key > last)
    return list(connection.execute(query.order_by(key).limit(BATCH)).all())


def _reseal_row(
    connection: Connection,
    sealer: Sealer,
    place: _Place,
    row: tuple[Any, str, bytes],
    done: Resealed,
) -> None:
    key, store, before = row[0], row[1] or NO_STORE, bytes(row[2])
    try:
        after = _anew(sealer, place, store, before)
    except CannotOpen:
        name = key.hex() if isinstance(key, bytes) else str(key)
        done.unreadable.append((place.table.name, name))
        return
    if after == before:
        return
    values = {place.column: after}
    if "key_id" in place.table.c:
        values["key_id"] = sealer.key_id  # type: ignore[assignment] # a column of texts
    columns = place.table.c
    is_same = (columns[place.key] == key) & (columns[place.column] == before)
    done.rows += connection.execute(update(place.table).where(is_same).values(values)).rowcount


def _anew(sealer: Sealer, place: _Place, store: str, before: bytes) -> bytes:
    if place.table is models.unowned:
        return _event_anew(sealer, store, before)
    is_old = key_id_of(before) != sealer.key_id
    if not is_old and not place.is_nested:
        return before
    clear = sealer.open_bytes(store, before)
    inner = _event_anew(sealer, store, clear) if place.is_nested else clear
    return sealer.seal_bytes(store, inner) if is_old or inner != clear else before


def _event_anew(sealer: Sealer, store: str, packed: bytes) -> bytes:
    """A packed event with its personal fields sealed anew; anything else as it is."""
    try:
        event = msgspec.msgpack.decode(packed, type=Event)
    except msgspec.MsgspecError:
        return packed
    if not event.sealed or key_id_of(event.sealed) == sealer.key_id:
        return packed
    sealed = sealer.seal_bytes(store, sealer.open_bytes(store, event.sealed))
    return msgspec.msgpack.encode(msgspec.structs.replace(event, sealed=sealed))


def _nested(connection: Connection) -> list[bytes]:
    """The sealed bytes of events that wait for their order."""
    bodies = connection.execute(select(models.unowned.c.body)).scalars()
    events = [msgspec.msgpack.decode(bytes(body), type=Event) for body in bodies if body]
    return [event.sealed for event in events if event.sealed]


def _coupon_secret(connection: Connection) -> bytes:
    meta = models.meta.c
    found = connection.execute(select(meta.value).where(meta.name == COUPON_SECRET)).scalar()
    return bytes.fromhex(str(found or ""))


def _reseal_coupon_secret(connection: Connection, sealer: Sealer, done: Resealed) -> None:
    before = _coupon_secret(connection)
    if not before or key_id_of(before) == sealer.key_id:
        return
    try:
        after = sealer.seal_bytes(SCOPE, sealer.open_bytes(SCOPE, before))
    except CannotOpen:
        done.unreadable.append((models.meta.name, COUPON_SECRET))
        return
    meta = models.meta.c
    connection.execute(
        update(models.meta).where(meta.name == COUPON_SECRET).values(value=after.hex())
    )
    done.rows += 1


def _store_names(connection: Connection) -> dict[Any, str]:
    stores = models.stores.c
    return {row.number: row.id for row in connection.execute(select(stores.number, stores.id))}
