"""The first room: which events are new, and who each is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import msgspec
from sqlalchemy import Connection, delete, select, update

from connectors.events import OPINIONS, Event, microseconds
from connectors.records import Cart, Customer, Order, Refund
from worker import bulk, erasure, identities, models
from worker.batch import Subject
from worker.identities import Directory, Key
from worker.sealing import Sealer
from worker.shop import Shop

# Ours to ourselves: they carry no fact about a customer.
CONTROL: Final = frozenset(
    {"clock_ticked", "model_published", "customer_erased", "store_disconnected"}
)
_PERSON: Final = frozenset({"customer_id", "email"})


@dataclass(frozen=True, slots=True)
class Sorted:
    """A store's new events, and those that are kept apart with a reason."""

    fresh: list[Event]
    set_aside: list[tuple[Event, str]]
    duplicates: int


def sort_out(
    connection: Connection, events: Sequence[Event], kept: timedelta, *, on_log_time: bool
) -> Sorted:
    """New events in order of arrival; redeliveries counted; what is too old for the log set aside.

    ``kept`` is how long browse events stay in the log, by which a redelivery is known.
    """
    first = {event.id: event for event in reversed(events)}
    known = {
        bytes(row[0])
        for row in bulk.select_keys(connection, models.events, ("id",), "id", sorted(first))
    }
    fresh: list[Event] = []
    set_aside: list[tuple[Event, str]] = []
    for event in events:
        if first.get(event.id) is not event or event.id in known:
            continue
        problem = _outlived(event, kept, on_log_time=on_log_time)
        if problem:
            set_aside.append((event, problem))
        else:
            fresh.append(event)
    return Sorted(fresh, set_aside, len(events) - len(fresh) - len(set_aside))


def _outlived(event: Event, kept: timedelta, *, on_log_time: bool) -> str:
    if on_log_time or event.body is not None or event.type in OPINIONS:
        return ""
    if event.at < event.received_at - kept:
        return f"a browse event older than {kept.days} days"
    return ""


def keys_of(event: Event) -> tuple[Key, ...]:
    """Every identity that an event speaks of, its fact's own keys included."""
    keys = dict.fromkeys(event.identities)
    body = event.body
    if isinstance(body, Order):
        keys["order", body.order_id] = None
        if body.cart:
            keys["cart", body.cart] = None
    elif isinstance(body, Refund) and body.order_id:
        keys["order", body.order_id] = None
    elif isinstance(body, Cart):
        keys["cart", body.token] = None
    elif isinstance(body, Customer) and body.customer_id:
        keys["customer_id", body.customer_id] = None
    return tuple(keys)


def _yielding(event: Event) -> tuple[Key, ...]:
    """The identity that a merge says is somebody else's from now on."""
    previous = event.properties.get("previous_id") if event.type == "customers_merged" else None
    return () if previous is None else (("customer_id", str(previous)),)


def read_directory(connection: Connection, shop: Shop, events: Iterable[Event]) -> Directory:
    """What is stored about every key that these events may touch, in one query."""
    wanted = identities.keys_to_read(key for event in events for key in keys_of(event))
    wanted |= {key for event in events for key in _yielding(event)}
    rows = bulk.select_identities(connection, shop.number, sorted(wanted))
    return Directory(
        bound={(kind, key): customer for kind, key, customer, *_ in rows},
        platform_ids={customer: own for _, _, customer, own, *_ in rows if own},
        known={customer for _, _, customer, _, is_known, _ in rows if is_known},
        seen={customer: at for _, _, customer, _, _, at in rows if at is not None},
        last=shop.last_customer or shop.ids[0],
    )


def brought_up_to_date(connection: Connection, events: Sequence[Event]) -> list[Event]:
    """Our own events name a customer by our id: the one who stands for them now, or nobody."""
    named = {
        event.id: int(ours)
        for event in events
        if event.source == "shoal" and isinstance(ours := event.properties.get("customer"), int)
    }
    if not named:
        return list(events)
    rows = bulk.select_keys(
        connection, models.customers, ("id", "merged_into"), "id", sorted(set(named.values()))
    )
    now = {customer: merged_into or customer for customer, merged_into in rows}
    return [
        msgspec.structs.replace(
            event, properties={**event.properties, "customer": now.get(named[event.id], 0)}
        )
        if event.id in named
        else event
        for event in events
    ]


def place(
    connection: Connection,
    sealer: Sealer,
    shop: Shop,
    directory: Directory,
    events: Sequence[Event],
) -> tuple[list[Subject], list[Event]]:
    """Each event with its customer, and the events whose subject is not known yet.

    An event of an erased person is nobody's: it stays in the log without a body, so that it is
    not taken for new once more.
    """
    erased = _erased_keys(connection, sealer, shop, events)
    _follow_pointers(connection, directory, events)
    subjects: list[Subject] = []
    unowned: list[Event] = []
    for event in events:
        keys = keys_of(event)
        if erased and not erased.isdisjoint((*keys, *_yielding(event))):
            subjects.append(Subject(_forgotten(event), 0))
            continue
        if _is_unowned(event, keys, directory):
            unowned.append(event)
            continue
        subjects.append(Subject(event, _customer(directory, event, keys)))
    waiting = [event for event in unowned if _is_unowned(event, keys_of(event), directory)]
    found = [event for event in unowned if event not in waiting]
    adopted = [*_adopt(connection, shop, directory), *found]
    subjects += [
        Subject(event, _customer(directory, event, keys_of(event)))
        for event in sorted(adopted, key=lambda event: event.id)
    ]
    return subjects, waiting


def _erased_keys(
    connection: Connection, sealer: Sealer, shop: Shop, events: Sequence[Event]
) -> set[Key]:
    """The keys among these events' that are erased people's, their new carts and orders too."""
    if not shop.has_erasures:
        return set()
    keys = [(*keys_of(event), *_yielding(event)) for event in events]
    erased = erasure.erased_keys(connection, sealer, shop, {one for its in keys for one in its})
    new = {
        key
        for its in keys
        if any(key in erased and key[0] in _PERSON for key in its)
        for key in its
        if key[0] in {"order", "cart"}
    } - erased
    if new:
        wall = max(microseconds(event.received_at) for event in events)
        erasure.forget_later(connection, sealer, shop, new, wall)
    return erased | new


def _forgotten(event: Event) -> Event:
    return msgspec.structs.replace(event, identities=(), body=None, properties={}, sealed=b"")


def _customer(directory: Directory, event: Event, keys: Sequence[Key]) -> int:
    ours = _our_id(event)
    if ours:
        return directory.final(ours)
    if event.type == "customers_merged" and "previous_id" in event.properties:
        winner = next((key for kind, key in keys if kind == "customer_id"), None)
        if winner is not None:
            identities.merge_people(directory, winner, str(event.properties["previous_id"]))
    return identities.resolve(directory, keys, is_claim=event.source == "browser")


def _our_id(event: Event) -> int:
    """The customer that an event of our own names by our id; 0 if it names none."""
    ours = event.properties.get("customer")
    return ours if event.source == "shoal" and isinstance(ours, int) else 0


def _follow_pointers(connection: Connection, directory: Directory, events: Sequence[Event]) -> None:
    """Our ids may be of profiles that yielded since: let the directory know to whom."""
    ours = {_our_id(event) for event in events} - {0}
    rows = bulk.select_keys(connection, models.customers, ("id", "merged_into"), "id", sorted(ours))
    directory.yielded |= {loser: winner for loser, winner in rows if winner is not None}


def _is_unowned(event: Event, keys: Sequence[Key], directory: Directory) -> bool:
    if not isinstance(event.body, Refund):
        return False
    return not any(key[0] in _PERSON or key in directory.bound for key in keys)


def _adopt(connection: Connection, shop: Shop, directory: Directory) -> list[Event]:
    """Events that waited for an order that this batch brought."""
    keys = sorted(key for kind, key in directory.changed if kind == "order")
    if not keys:
        return []
    columns = models.unowned.c
    of_keys = (columns.store == shop.number) & (columns.kind == "order") & columns.key.in_(keys)
    rows = connection.execute(select(columns.event, columns.body).where(of_keys)).all()
    if not rows:
        return []
    connection.execute(delete(models.unowned).where(of_keys))
    return [msgspec.msgpack.decode(bytes(row.body), type=Event) for row in rows]


def keep_unowned(connection: Connection, shop: Shop, events: Sequence[Event]) -> None:
    """Let events wait until their order appears."""
    bulk.insert_new(
        connection,
        models.unowned,
        ("event", "store", "kind", "key", "at", "body"),
        [
            (
                event.id,
                shop.number,
                "order",
                event.body.order_id or "",
                microseconds(event.at),
                msgspec.msgpack.encode(event),
            )
            for event in events
            if isinstance(event.body, Refund)
        ],
    )


def write_directory(connection: Connection, shop: Shop, directory: Directory) -> None:
    """Store the bindings that changed, the pointers of merges and the last id given out."""
    rows = [
        (shop.number, kind, key, directory.final(directory.bound[kind, key]), shop.now)
        for kind, key in sorted(directory.changed)
    ]
    bulk.upsert(connection, models.identities, ("store", "kind", "key", "customer", "since"), rows)
    if directory.last != shop.last_customer:
        connection.execute(
            update(models.stores)
            .where(models.stores.c.number == shop.number)
            .values(last_customer=directory.last)
        )
