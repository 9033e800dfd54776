"""The event log: what was heard, once each, with its customer and what may be kept of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from sqlalchemy import Connection, update

from connectors.events import LOGGED_PROPERTIES, Event, microseconds
from connectors.records import Order, Refund
from worker import bulk, models
from worker.batch import Batch
from worker.intake import CONTROL
from worker.shop import Shop


def write_log(connection: Connection, batch: Batch, slots: Mapping[bytes, int]) -> None:
    """Append the batch's events to the log; one that waited unowned gets its customer.

    ``slots`` are category slots by event: what was folded can be folded again.
    """
    final = batch.directory.final
    owners = {subject.event.id: final(subject.customer) for subject in batch.subjects}
    events = [*(subject.event for subject in batch.subjects), *batch.unowned]
    new = _append(connection, batch.shop, events, owners, slots)
    for event in events:
        if event.id not in new:
            connection.execute(
                update(models.events)
                .where(models.events.c.id == event.id)
                .values(customer=owners.get(event.id, 0))
            )


def write_control(connection: Connection, shop: Shop, events: Iterable[Event]) -> None:
    """Put the clock's and our own messages into the log, so that none works twice."""
    _append(connection, shop, [event for event in events if event.type in CONTROL], {}, {})


def _append(
    connection: Connection,
    shop: Shop,
    events: Sequence[Event],
    owners: Mapping[bytes, int],
    slots: Mapping[bytes, int],
) -> set[bytes]:
    columns = ("id", "store", "customer", "type", "at", "received_at", "source", "body")
    rows = {
        event.id: (
            event.id,
            shop.number,
            owners.get(event.id, 0),
            event.type,
            microseconds(event.at),
            microseconds(event.received_at),
            event.source,
            logged(event, slots.get(event.id, -1)),
        )
        for event in events
    }
    return bulk.insert_new(connection, models.events, columns, [rows[key] for key in sorted(rows)])


def logged(event: Event, slot: int = -1) -> bytes:
    """What the log keeps besides its columns: allow-listed scalars, slot and the fact's key."""
    kept = {
        name: value
        for name, value in event.properties.items()
        if name in LOGGED_PROPERTIES and isinstance(value, str | int | float | bool)
    }
    body = event.body
    if isinstance(body, Order):
        kept["order_id"] = body.order_id
    elif isinstance(body, Refund):
        kept["refund_id"] = body.refund_id
    if slot >= 0:
        kept["slot"] = slot
    return msgspec.msgpack.encode(kept) if kept else b""
