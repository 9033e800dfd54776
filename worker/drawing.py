"""Customers drawn by lot, and their features as they are now: what reports are made from."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from sqlalchemy import ColumnElement, Connection, func, select

from connectors.records import exponent
from segmentation import running
from segmentation.deriving import derived
from segmentation.features import FEATURES
from segmentation.rules import Columns
from worker import models
from worker.roster import records_of
from worker.shop import Shop, id_range

SAMPLE: Final = 4_096
"""Customers drawn at most."""

JUDGED_BY: Final = ("orders", "recency_days", "gap_days_mean", "monetary_value")
"""What the rules read; a learned model names its features."""

_PAGE: Final = 500
_TOLD: Final = tuple(feature.name for feature in FEATURES if feature.unit != "time")


def is_buyer(store: int) -> ColumnElement[bool]:
    """Whether a customer is of a store, by its number, and has an order."""
    # By the key alone: an index on another column sends the database to every customer's row in
    # an order that is not the table's.
    people, (begin, end) = models.customers.c, id_range(store)
    is_its = (people.id > begin) & (people.id < end)
    return is_its & (people.orders > 0) & (func.coalesce(people.merged_into, 0) == 0)


def buyers_of(connection: Connection, store: int) -> int:
    """How many customers of a store have an order."""
    query = select(func.count()).select_from(models.customers).where(is_buyer(store))
    return int(connection.execute(query).scalar_one())


def ids_of(connection: Connection, wanted: ColumnElement[bool]) -> list[int]:
    """Our ids of some customers, ascending."""
    people = models.customers.c
    return list(connection.execute(select(people.id).where(wanted).order_by(people.id)).scalars())


def drawn(ids: list[int]) -> list[int]:
    """At most ``SAMPLE`` of them, by lot; the same ones each time."""
    if len(ids) <= SAMPLE:
        return ids
    chosen = np.random.default_rng(0).choice(len(ids), SAMPLE, replace=False)
    return [ids[at] for at in np.sort(chosen).tolist()]


def features_of(connection: Connection, shop: Shop, ids: list[int]) -> Columns:
    """Every feature but times, in the order of the ids, aged to the store's business time."""
    names = tuple(dict.fromkeys((*JUDGED_BY, *shop.model.features, *_TOLD)))
    found = list(_records(connection, ids))
    records = running.empty(0)
    if found:
        whose, packed = zip(*found, strict=True)
        records = records_of(connection, shop.number, whose, packed)
    digits = exponent(shop.currency)
    own = shop.model.constructed
    return derived(records, shop.now, own, currency_exponent=digits, names=names)


def _records(connection: Connection, ids: list[int]) -> Iterator[tuple[int, bytes]]:
    people = models.customers.c
    query = select(people.id, people.record).order_by(people.id)
    for start in range(0, len(ids), _PAGE):
        for row in connection.execute(query.where(people.id.in_(ids[start : start + _PAGE]))):
            yield row.id, bytes(row.record)
