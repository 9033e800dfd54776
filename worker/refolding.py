"""Customers' records computed again from what is kept: orders, refunds, codes and the event log.

For an export as of a time, and for records that another version of Shoal wrote. What the log has
forgotten is forgotten then, too: browsing older than ``SHOAL_KEEP_BROWSING``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from connectors.events import moment
from segmentation import running
from segmentation.demographics import describe
from segmentation.record import Records
from segmentation.running import FactKind, Facts
from worker import bulk, models, unreadable
from worker.batch import FactTuple, offset_at
from worker.catalogue import NO_SLOT
from worker.describing import person_of
from worker.entries import ask_again
from worker.opinions import values_of
from worker.roster import COLUMNS, Person, Roster, save_roster
from worker.sales import all_purchases
from worker.touches import KINDS

PAGE: Final = 1_000  # customers
_people: Final = models.customers.c
Folded = tuple[Records, dict[int, set[str]]]


def refold_all(connection: Connection) -> int:
    """Write every customer's record and key columns anew; how many customers there are.

    Rules are asked of everybody again before the next batch. Drains wait meanwhile.
    """
    # Each begins with its cursor: what one committed between our reading and our writing of a
    # customer would be lost. SQLite has one writer at a time anyway.
    connection.execute(select(models.cursors.c.partition).with_for_update()).all()
    done = 0
    stores = connection.execute(select(models.stores.c.number, models.stores.c.id)).all()
    for store, name in stores:
        ids = connection.execute(
            select(_people.id)
            .where(_people.store == store, _people.merged_into.is_(None))
            .order_by(_people.id)
        ).scalars()
        for page in _pages(ids.all()):
            _write(connection, name, page, _folded(connection, store, page, None))
            done += len(page)
    ask_again(connection)
    return done


def refolded(
    connection: Connection, store: int, customers: Sequence[int], *, before: int
) -> Records:
    """Records of some customers of a store as they were, in the same order.

    Parameters
    ----------
    customers
        Ids, none of them merged into another.
    before
        Without what is at or after this time, int microseconds.
    """
    pages = [_folded(connection, store, page, before)[0] for page in _pages(customers)]
    return np.concatenate([running.empty(0), *pages])


def _write(connection: Connection, store: str, customers: Sequence[int], folded: Folded) -> None:
    records, products = folded
    found = bulk.select_keys(connection, models.customers, COLUMNS, "id", customers)
    rows = {row[0]: row for row in found}
    people = [Person(*rows[customer]) for customer in customers]
    unreadable.note_people(connection, people)
    for person in people:
        keys = [running.product_key(store, one) for one in products.get(person.id, ())]
        person.products, _ = running.united(b"", keys)
    row = {person.id: at for at, person in enumerate(people)}
    save_roster(connection, Roster(people, records, row, set(row.values())))


def _pages(every: Sequence[int]) -> Iterator[list[int]]:
    for start in range(0, len(every), PAGE):
        yield list(every[start : start + PAGE])


def _folded(
    connection: Connection, store: int, customers: Sequence[int], before: int | None
) -> Folded:
    columns = models.stores.c
    shop = connection.execute(
        select(columns.currency, columns.time_zone).where(columns.number == store)
    ).one()
    zone = None if shop.time_zone == "UTC" else ZoneInfo(shop.time_zone)
    place = {customer: row for row, customer in enumerate(customers)}
    place |= {one: place[into] for one, into in _pointers(connection, customers)}
    purchases, products = all_purchases(connection, shop.currency, customers, before)
    every = [
        *purchases,
        *_touches(connection, zone, sorted(place)),
        *_redemptions(connection, store, customers),
    ]
    facts = [(place[one[0]], *one[1:]) for one in every if before is None or one[2] < before]
    # Everything at once into nothing: no window is too small for that.
    records = running.empty(len(customers))
    if facts:
        running.fold(records, Facts.of(facts))
    columns_read = ("id", "attributes")
    for customer, said in bulk.select_keys(
        connection, models.customers, columns_read, "id", customers
    ):
        describe(records, place[customer], person_of(said))
    for customer, bought in products.items():
        records["distinct_products"][place[customer]] = len(bought)
    return records, products


def _pointers(connection: Connection, customers: Sequence[int]) -> list[tuple[int, int]]:
    """Merged customers, whom the log may still name, and who stands for each."""
    rows = bulk.select_keys(
        connection, models.customers, ("id", "merged_into"), "merged_into", customers
    )
    return [(int(one), int(into)) for one, into in rows]


def _touches(
    connection: Connection, zone: ZoneInfo | None, customers: Sequence[int]
) -> Iterator[FactTuple]:
    columns = ("customer", "type", "at", "body")
    for customer, type_, at, body in bulk.select_keys(
        connection, models.events, columns, "customer", customers
    ):
        if type_ not in KINDS:
            continue
        said: dict[str, Any] = msgspec.msgpack.decode(bytes(body)) if body else {}
        slot, stated = said.get("slot", NO_SLOT), said.get("utc_offset")
        known = isinstance(stated, int | float)
        offset = int(stated or 0) if known else offset_at(zone, moment(at))
        for kind, value in values_of(KINDS[type_], said):
            yield (customer, kind, at, value, 0, 0, int(slot), offset)


def _redemptions(
    connection: Connection, store: int, customers: Sequence[int]
) -> Iterator[FactTuple]:
    """Who redeemed a code is who placed the order that it discounted."""
    columns = ("order_id", "customer", "coupons")
    orders = bulk.select_keys(connection, models.orders, columns, "customer", customers)
    buyers = {str(order_id): int(customer) for order_id, customer, _ in orders}
    used = {
        code for _, _, coupons in orders for code in msgspec.json.decode(coupons, type=list[str])
    }
    told = ("order_id", "redeemed_at")
    codes = bulk.select_pairs(connection, models.codes, told, store, sorted(used))
    for order_id, at in codes:
        if at is not None and order_id in buyers:
            yield (buyers[order_id], FactKind.REDEMPTION, at, 0, 0, 0, NO_SLOT, 0)
