"""A store with very many customers, written as the drain would have left it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

import msgspec
import numpy as np
from sqlalchemy import update

from benchmarks.machine import say
from connectors.events import microseconds
from segmentation import running
from segmentation.record import DAY, Ints
from segmentation.running import FactKind, Facts
from worker import bulk, models
from worker.database import transaction
from worker.runtime import Kit
from worker.shop import load_shops
from worker.stores import NewStore, add_store, load_store

STORE: Final = "crowd"
AT_ONCE: Final = 20_000
_YEARS: Final = 2 * 365
_PEOPLE: Final = (
    "id",
    "store",
    "record",
    "products",
    "orders",
    "revenue",
    "last_order",
    "last_seen",
    "segment",
    "grouping",
    "segment_since",
    "segment_changes",
    "platform_id",
    "is_known",
    "created_at",
)
_ORDERS: Final = (
    "store",
    "order_id",
    "customer",
    "version",
    "status",
    "is_counted",
    "at",
    "value",
    "discount",
    "items",
    "currency",
    "lines",
)
_SHELF: Final = 5_000  # products that baskets are drawn from
_BASKETS: Final = 200  # different ones of each size


@dataclass(frozen=True)
class Purchases:
    """Orders in parallel columns: whose (index), when (microseconds), minor units, products."""

    row: Ints
    at: Ints
    value: Ints
    items: Ints


def crowded_store(kit: Kit, customers: int, now: int) -> int:
    """Write a store with so many customers who have ordered; its number.

    Each has a pace and a usual basket of their own; the number of orders has a long tail, two
    years deep, so that no two features say the same.
    """
    new = NewStore(id=STORE, platform="sandbox", url="", currency="EUR", clock="log")
    stores = models.stores.c
    clock = {"now": now, "ticked_at": now, "last_customer": customers}
    with transaction(kit.engine) as connection:
        add_store(connection, kit.sealer, new, microseconds(kit.clock()))
        number = load_store(connection, STORE).number
        connection.execute(update(models.stores).where(stores.number == number).values(clock))
        first = load_shops(connection, {STORE}, -1, now)[STORE].ids[0] + 1
    for start, count in _parts(customers):
        _write(kit, number, first + start, purchases(count, now, seed=start))
        say(f"{start + count:,} of {customers:,} customers written")
    return number


def _parts(customers: int) -> Iterator[tuple[int, int]]:
    for start in range(0, customers, AT_ONCE):
        yield start, min(AT_ONCE, customers - start)


def purchases(customers: int, now: int, *, seed: int) -> Purchases:
    """Made-up orders of so many customers before ``now``; the same for one seed."""
    draw = np.random.default_rng(seed)
    pace = draw.gamma(0.9, 2.2, customers)
    orders = 1 + draw.poisson(pace)
    begun = draw.uniform(1, _YEARS, customers)
    stopped = begun * draw.beta(0.8, 1.6, customers)  # days before now when the last came
    row = np.repeat(np.arange(customers), orders)
    ago = draw.uniform(stopped[row], begun[row])
    basket = draw.lognormal(3.6, 0.8, customers)
    value = basket[row] * draw.lognormal(0, 0.4, len(row)) * 100
    items = 1 + draw.poisson(draw.gamma(1.5, 2.0, customers)[row])
    at = now - (ago * DAY).astype(np.int64)
    return Purchases(row, at, value.astype(np.int64) + 1, items.astype(np.int64))


def _write(kit: Kit, store: int, first: int, bought: Purchases) -> None:
    people, orders = _people(store, first, bought), _orders(store, first, bought)
    with transaction(kit.engine) as connection:
        bulk.insert_missing(connection, models.customers, _PEOPLE, people)
        bulk.insert_missing(connection, models.orders, _ORDERS, orders)


def _people(store: int, first: int, bought: Purchases) -> list[tuple[Any, ...]]:
    count = int(bought.row.max()) + 1
    records = running.empty(count)
    kind = int(FactKind.ORDER)
    running.fold(
        records, Facts.columns(bought.row, kind, bought.at, value=bought.value, items=bought.items)
    )
    records["distinct_products"] = np.bincount(bought.row, bought.items, count).astype(np.int64)
    orders = np.bincount(bought.row, minlength=count).tolist()
    revenue = np.bincount(bought.row, bought.value, count).astype(np.int64).tolist()
    last = np.zeros(count, np.int64)
    np.maximum.at(last, bought.row, bought.at)
    return [
        (first + at, store, packed, b"", *sums, seen, seen, "", "", 0, 0, f"c{at}", True, seen)
        for at, (packed, *sums, seen) in enumerate(
            zip(running.pack(records), orders, revenue, last.tolist(), strict=True)
        )
    ]


def _orders(store: int, first: int, bought: Purchases) -> list[tuple[Any, ...]]:
    columns = (bought.row, bought.at, bought.value, bought.items)
    told = zip(*(column.tolist() for column in columns), strict=True)
    return [
        (store, f"{first}-{n}", first + row, at, "paid", True, at, value, 0, items, "EUR", lines)
        for n, (row, at, value, items) in enumerate(told)
        for lines in (_lines(items, n % _BASKETS),)
    ]


@cache
def _lines(items: int, number: int) -> bytes:
    """A basket of so many products, as the order's row keeps it."""
    draw = np.random.default_rng((items, number))
    chosen = draw.choice(_SHELF, items, replace=False).tolist()
    return msgspec.msgpack.encode([[f"p{product}", 1, 500] for product in chosen])
