"""The customers that a batch touches: read in one query, changed in memory, written in one go."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
from sqlalchemy import Connection, select

from segmentation import running
from segmentation.errors import UnknownSchema
from segmentation.record import Records
from worker import bulk, models
from worker.shop import Shop


class Person(msgspec.Struct):
    """A customer's row beside the packed record; field names are the table's columns."""

    id: int
    store: int
    products: bytes = b""
    segment: str = ""
    grouping: str = ""
    segment_since: int = 0
    segment_changes: int = 0
    platform_id: str = ""
    is_known: bool = False
    attributes: str = "{}"
    consents: str = "{}"
    time_zone: str = ""
    is_suppressed: bool = False
    profile_version: int = 0
    merged_into: int | None = None
    created_at: int = 0


COLUMNS = Person.__struct_fields__


@dataclass(slots=True)
class Roster:
    """Customers in play.

    Attributes
    ----------
    people
        One per row, in the order of ``records``.
    records
        Packed features (:mod:`segmentation.record`), writable.
    row
        Customer id → row.
    touched
        Rows to write.
    """

    people: list[Person]
    records: Records
    row: dict[int, int]
    touched: set[int] = field(default_factory=set)

    def person(self, customer: int) -> Person:
        """The row of one customer, to be changed; it will be written."""
        row = self.row[customer]
        self.touched.add(row)
        return self.people[row]

    def look(self, customer: int) -> Person:
        """The row of one customer, to be read only."""
        return self.people[self.row[customer]]


def load_roster(
    connection: Connection, shop: Shop, wanted: Collection[int], created: Iterable[int]
) -> Roster:
    """Customers by id, with the new ones made empty. Ids of no row are left out."""
    fresh = list(created)
    stored = sorted(set(wanted).difference(fresh) - {0})
    found = bulk.select_keys(connection, models.customers, (*COLUMNS, "record"), "id", stored)
    people = [_person(row) for row in found]
    people += [Person(id=one, store=shop.number, created_at=shop.now) for one in fresh]
    records = running.empty(len(people))
    if found:
        ids, packed = [row[0] for row in found], [bytes(row[-1]) for row in found]
        records[: len(found)] = records_of(connection, shop.number, ids, packed)
    row = {person.id: at for at, person in enumerate(people)}
    return Roster(people, records, row, set(range(len(found), len(people))))


def pages(
    connection: Connection, shop: Shop, slice_: tuple[int, int] | None = None, size: int = 10_000
) -> Iterator[Roster]:
    """A store's customers who stand for themselves, so many at a time, to be looked at.

    ``slice_`` is (i, n): only those whose id leaves i when divided by n. None: all of them.
    """
    columns = models.customers.c
    wanted = [columns[name] for name in (*COLUMNS, "record")]
    query = select(*wanted).order_by(columns.id).limit(size)
    if slice_ is not None:
        query = query.where(columns.id % slice_[1] == slice_[0])
    last, end = shop.ids
    while True:
        found = connection.execute(query.where(columns.id > last, columns.id < end)).all()
        if not found:
            return
        last = found[-1].id
        kept = [row for row in found if row.merged_into is None]
        ids, packed = [row.id for row in kept], [bytes(row.record) for row in kept]
        records = records_of(connection, shop.number, ids, packed)
        people = [_person(row) for row in kept]
        yield Roster(people, records, {person.id: at for at, person in enumerate(people)})


def admit(connection: Connection, roster: Roster, customers: Collection[int]) -> None:
    """Bring in stored customers who turn out to be concerned: one whose order is now another's."""
    missing = sorted(set(customers) - roster.row.keys() - {0})
    found = bulk.select_keys(connection, models.customers, (*COLUMNS, "record"), "id", missing)
    if not found:
        return
    start = len(roster.people)
    roster.people += [_person(row) for row in found]
    ids, packed = [row[0] for row in found], [bytes(row[-1]) for row in found]
    records = records_of(connection, roster.people[start].store, ids, packed)
    roster.records = np.concatenate([roster.records, records])
    roster.row |= {person.id: at for at, person in enumerate(roster.people[start:], start)}


def records_of(
    connection: Connection, store: int, customers: Sequence[int], packed: Sequence[bytes]
) -> Records:
    """Records of some customers of a store; one that is damaged stops nobody else's."""
    try:
        return running.unpack(packed)
    except UnknownSchema:
        # To compute one again takes rooms that take this one.
        from worker.mending import mended  # noqa: PLC0415 - see above

        return mended(connection, store, customers, packed)


def _person(row: Sequence[Any]) -> Person:
    person = Person(*row[:-1])
    person.products = bytes(person.products or b"")
    person.is_known = bool(person.is_known)
    person.is_suppressed = bool(person.is_suppressed)
    return person


def save_roster(connection: Connection, roster: Roster) -> None:
    """Write the touched rows, with the key columns that previews read."""
    rows = sorted(roster.touched, key=lambda row: roster.people[row].id)
    if not rows:
        return
    records = roster.records[rows]
    packed = running.pack(records)
    orders, revenue = records["orders"].tolist(), records["revenue"].tolist()
    last_order, last_act = records["last_order_at"].tolist(), records["last_act_at"].tolist()
    values = [
        (
            *msgspec.structs.astuple(roster.people[row]),
            packed[at],
            orders[at],
            revenue[at],
            last_order[at] if orders[at] else None,
            max(last_order[at], last_act[at]) if max(last_order[at], last_act[at]) > 0 else None,
        )
        for at, row in enumerate(rows)
    ]
    bulk.upsert(
        connection,
        models.customers,
        (*COLUMNS, "record", "orders", "revenue", "last_order", "last_seen"),
        values,
    )
