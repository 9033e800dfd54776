"""Which products to recommend to a customer: what was learned, what they bought, what is there."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Final

import msgspec
from sqlalchemy import Connection, select

from campaigns.recommendations import Shelf, Taste, recommend, shelf_of
from campaigns.steps import RecommendStep
from segmentation.record import DAY
from worker import models
from worker.batch import Batch

_LAST_ORDERS: Final = 20
_TASTE_HALF_LIFE: Final = 90 * DAY


class Shelves:
    """One batch's view of a store's products; read only when a step asks for it."""

    def __init__(self, connection: Connection, batch: Batch) -> None:
        """Remember where to read; nothing is read yet."""
        self._connection = connection
        self._batch = batch

    def recommend(self, step: RecommendStep, customer: int) -> tuple[str, ...]:
        """Products for a customer, best first; empty when nothing known is in stock."""
        shelf = self._shelf
        if shelf is None:
            return ()
        taste = self._taste(customer)
        return recommend(step, shelf, taste, self._available).products

    @cached_property
    def _shelf(self) -> Shelf | None:
        columns = models.models.c
        body = self._connection.execute(
            select(columns.body)
            .where(columns.store == self._batch.shop.number, columns.kind == "products")
            .order_by(columns.version.desc())
            .limit(1)
        ).scalar()
        return None if body is None else _shelf(body)

    @cached_property
    def _available(self) -> frozenset[str]:
        products = models.products.c
        rows = self._connection.execute(
            select(products.product_id).where(
                products.store == self._batch.shop.number,
                products.is_available.is_(True),
                products.stock.is_(None) | (products.stock > 0),
            )
        ).scalars()
        return frozenset(rows)

    def _taste(self, customer: int) -> Taste:
        orders = models.orders.c
        rows = self._connection.execute(
            select(orders.at, orders.lines)
            .where(orders.customer == customer, orders.is_counted.is_(True))
            .order_by(orders.at.desc())
            .limit(_LAST_ORDERS)
        ).all()
        bought: dict[str, None] = {}
        repeats: dict[str, float] = {}
        for row in rows:
            weight = 2.0 ** (-(self._batch.now - row.at) / _TASTE_HALF_LIFE)
            for line in msgspec.msgpack.decode(bytes(row.lines)):
                bought.setdefault(line[0])
                repeats[line[0]] = repeats.get(line[0], 0.0) + weight
        segment = self._batch.roster.look(customer).segment
        return Taste(segment=segment, bought=tuple(bought), repeats=repeats)


@lru_cache(maxsize=16)
def _shelf(body: str) -> Shelf:
    return shelf_of(body)
