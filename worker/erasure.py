"""Erasing a person: an event in the store's stream like any other, applied inside the drain.

What goes: profile, identities, row, carts, refunds, timers, holds, segments and their changes,
codes, waiting events and dead letters. What stays has no link to the person: orders as anonymous
sales (their day, value and lines under a random id, for what sells together), decisions and actions
as counts and costs (so that no budget opens again), log rows without customer and body (so that no
redelivery is taken for new). One keyed hash of each identity stays, by which later deliveries are
nobody's.

Files still hold the old bytes afterwards; :mod:`worker.tidying` rewrites them.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from sqlalchemy import Connection, delete, func, or_, select, update

from connectors.events import Event, event_id, microseconds
from worker import bulk, legible, models, searching
from worker.due import owe_files
from worker.identities import Key
from worker.sealing import Sealer

if TYPE_CHECKING:  # the door and the sweep ask for hashes only: no campaigns, no numpy
    from worker.shop import Shop

_DAY: Final = 86_400_000_000
_DELETED: Final = (
    models.profiles,
    models.identities,
    models.refunds,
    models.carts,
    models.timers,
    models.holds,
    models.segment_changes,
    models.memberships,
    models.membership_changes,
    models.codes,
)


# Keys that stand in other tables than identities: (table, kind, column, whose).
_NATURAL: Final = (
    (models.orders, "order", "order_id", "customer"),
    (models.carts, "cart", "token", "customer"),
    (models.customers, "customer_id", "platform_id", "id"),
)


@dataclass(frozen=True, slots=True)
class Person:
    """Everybody that one erasure concerns: customers (merged ones too) and their keys."""

    customers: tuple[int, ...]
    keys: frozenset[Key]


def hash_of(sealer: Sealer, store_id: str, key: Key) -> str:
    """The keyed hash under which an erased identity is known again."""
    kind, name = key
    return sealer.blind(store_id, f"{'cart' if kind == 'claim' else kind}:{name}")


def erased_keys(
    connection: Connection, sealer: Sealer, shop: Shop, keys: Iterable[Key]
) -> set[Key]:
    """Which of these identities belong to somebody who was erased; one query."""
    hashes = {key: hash_of(sealer, shop.id, key) for key in keys}
    rows = bulk.select_pairs(
        connection, models.erasures, ("hash",), shop.number, sorted(set(hashes.values()))
    )
    erased = {str(found) for (found,) in rows}
    return {key for key, one in hashes.items() if one in erased}


def erasure_event(store_id: str, customer: int, keys: Iterable[Key], now: datetime) -> Event:
    """The event that erases a customer, to be appended to the store's stream.

    Parameters
    ----------
    customer
        Our id; 0 when only identities are known (a platform's own request).
    """
    told = sorted(keys)
    name = f"{customer}|{told}"
    return Event(
        id=event_id(store_id, "customer_erased", now, name),
        store=store_id,
        type="customer_erased",
        at=now,
        received_at=now,
        source="shoal",
        identities=tuple(told),
        properties={"customer": customer} if customer else {},
    )


def apply_erasures(
    connection: Connection, sealer: Sealer, shop: Shop, events: Iterable[Event], now: int
) -> None:
    """Apply every ``customer_erased`` among a batch's events, after everything else of the batch.

    Parameters
    ----------
    now
        Business time, int microseconds.
    """
    asked = [event for event in events if event.type == "customer_erased"]
    for event in asked:
        person = _person(connection, shop.number, event)
        erase(connection, sealer, shop, person, now)
    if asked:
        since = min(microseconds(event.received_at) for event in asked)
        owe_files(connection, since)


def _person(connection: Connection, store: int, event: Event) -> Person:
    keys = set(event.identities)
    found = {row[2] for row in bulk.select_identities(connection, store, sorted(keys))}
    ours = event.properties.get("customer")
    if isinstance(ours, int):
        found.add(ours)
    customers = everyone_in(connection, store, found - {0})
    rows = bulk.select_keys(
        connection, models.identities, ("kind", "key"), "customer", sorted(customers)
    )
    keys |= {(str(kind), str(key)) for kind, key in rows}
    for table, kind, column, owner in _NATURAL:
        own = bulk.select_keys(connection, table, (column,), owner, sorted(customers))
        keys |= {(kind, str(key)) for (key,) in own if key}
    return Person(tuple(sorted(customers)), frozenset(keys))


def everyone_in(connection: Connection, store: int, found: Collection[int]) -> set[int]:
    """The customers who stand for these, and everybody who yielded to one of them."""
    people = models.customers.c
    pointers = connection.execute(
        select(people.id, people.merged_into).where(
            people.store == store, or_(people.id.in_(found), people.merged_into.in_(found))
        )
    )
    standing = {into or one for one, into in pointers}
    rows = connection.execute(
        select(people.id).where(
            people.store == store, or_(people.id.in_(standing), people.merged_into.in_(standing))
        )
    ).scalars()
    return set(rows)


def erase(connection: Connection, sealer: Sealer, shop: Shop, person: Person, now: int) -> None:
    """Remove a person from every table, inside the caller's transaction."""
    _remember(connection, sealer, shop, person.keys, now)
    searching.delete_letters(connection, sealer, shop.id, person.keys)
    _delete_waiting(connection, shop.number, person.keys)
    _delete_contradictions(connection, {hash_of(sealer, shop.id, key) for key in person.keys})
    if not person.customers:
        return
    _part_from_log(connection, person.customers)
    _anonymise(connection, person.customers, now)
    for table in _DELETED:
        bulk.delete_keys(connection, table, "customer", person.customers)
    legible.forget(connection, person.customers)
    bulk.delete_keys(connection, models.customers, "id", person.customers)


def _remember(
    connection: Connection, sealer: Sealer, shop: Shop, keys: Iterable[Key], now: int
) -> None:
    hashes = {hash_of(sealer, shop.id, key) for key in keys}
    rows = [(shop.number, one, now) for one in sorted(hashes)]
    bulk.insert_missing(connection, models.erasures, ("store", "hash", "at"), rows)


def forget_later(
    connection: Connection, sealer: Sealer, shop: Shop, keys: Collection[Key], wall: int
) -> None:
    """Carts and orders that an erased person had afterwards: they lead nowhere either.

    Parameters
    ----------
    wall
        Operating time, int microseconds.
    """
    _remember(connection, sealer, shop, keys, shop.now)
    if _delete_waiting(connection, shop.number, keys):
        owe_files(connection, wall)


def _delete_waiting(connection: Connection, store: int, keys: Iterable[Key]) -> bool:
    """Events that wait for these orders go, and what the log kept of each; whether any did."""
    waiting, log = models.unowned.c, models.events.c
    names = sorted(name for kind, name in keys if kind == "order")
    rows = connection.execute(
        delete(models.unowned)
        .where(waiting.store == store, waiting.kind == "order", waiting.key.in_(names))
        .returning(waiting.event)
    ).scalars()
    gone = list(rows)
    if gone:
        connection.execute(update(models.events).where(log.id.in_(gone)).values(body=b""))
    return bool(gone)


def _delete_contradictions(connection: Connection, hashes: Collection[str]) -> None:
    """What the gate remembers of these keys; a name is the hash of one, a bar and a day."""
    columns = models.contradictions.c
    known = func.substr(columns.name, 1, func.length(columns.other))
    told = list(hashes)
    mine = or_(known.in_(told), columns.other.in_(told))
    connection.execute(delete(models.contradictions).where(mine))


def _part_from_log(connection: Connection, customers: Sequence[int]) -> None:
    connection.execute(
        update(models.events)
        .where(models.events.c.customer.in_(customers))
        .values(customer=0, body=b"")
    )


def _anonymise(connection: Connection, customers: Sequence[int], now: int) -> None:
    """Cut what stays off from the person: each row under a random key, without particulars."""
    for order_id, at in bulk.select_keys(
        connection, models.orders, ("order_id", "at"), "customer", customers
    ):
        told = {"order_id": _nameless(), "at": at - at % _DAY, "coupons": "[]", "customer": 0}
        orders = models.orders.c
        mine = (orders.order_id == order_id) & orders.customer.in_(customers)
        connection.execute(update(models.orders).where(mine).values(told))
    decisions = models.decisions.c
    mine = decisions.customer.in_(customers)
    rows = connection.execute(
        select(decisions.campaign, decisions.customer, decisions.occasion).where(mine)
    )
    for campaign, customer, occasion in rows.all():
        connection.execute(
            update(models.decisions)
            .where(
                decisions.campaign == campaign,
                decisions.customer == customer,
                decisions.occasion == occasion,
            )
            .values(customer=0, occasion=_nameless(), detail="{}")
        )
    _anonymise_actions(connection, customers, now)


def _anonymise_actions(connection: Connection, customers: Sequence[int], now: int) -> None:
    actions = models.actions.c
    connection.execute(
        update(models.actions)
        .where(actions.customer.in_(customers), actions.state == "due")
        .values(state="withdrawn", reason="erased", finished_at=now)
    )
    for (key,) in bulk.select_keys(connection, models.actions, ("key",), "customer", customers):
        connection.execute(
            update(models.actions)
            .where(actions.key == key)
            .values(key=_nameless(), customer=0, occasion="", payload="{}")
        )


def _nameless() -> str:
    return f"erased:{secrets.token_hex(12)}"
