"""Products and their categories: the newest version of each, and sixteen slots of affinity."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import Connection

from connectors.events import Event, microseconds
from connectors.records import Order, Product
from segmentation.features import SLOTS
from worker import bulk, models
from worker.batch import Batch

NO_SLOT = -1
_COLUMNS = (
    "store",
    "product_id",
    "version",
    "title",
    "price",
    "category",
    "stock",
    "is_available",
)


def record_products(connection: Connection, batch: Batch) -> None:
    """Store the products that the batch's events describe, where they are newer."""
    newest: dict[str, Product] = {}
    for subject in batch.subjects:
        body = subject.event.body
        if isinstance(body, Product):
            known = newest.get(body.product_id)
            if known is None or body.updated_at > known.updated_at:
                newest[body.product_id] = body
    if not newest:
        return
    stored = bulk.select_pairs(
        connection, models.products, ("product_id", "version"), batch.shop.number, sorted(newest)
    )
    versions = {row[0]: row[1] for row in stored}
    rows = [
        (
            batch.shop.number,
            product.product_id,
            microseconds(product.updated_at),
            product.title,
            product.price,
            product.category,
            product.stock,
            product.is_available,
        )
        for product_id, product in sorted(newest.items())
        if microseconds(product.updated_at) > versions.get(product_id, -1)
    ]
    bulk.upsert(connection, models.products, _COLUMNS, rows)


def slots_of(connection: Connection, batch: Batch) -> dict[bytes, int]:
    """Event id → category slot, for the events that speak of a category or a known product.

    A category seen for the first time takes the next free slot; when all are taken, none. Call it
    before the batch's products are stored: an event knows the products described before it.
    """
    events = [subject.event for subject in batch.subjects]
    products = _categories_of(connection, batch, {p for e in events if (p := _product(e))})
    slots = dict(batch.shop.slots)
    named: dict[bytes, int] = {}
    for event in events:
        if isinstance(event.body, Product):
            _learn(products, event.body)
        category = _category(event, products)
        if not category:
            continue
        if category not in slots and len(slots) < SLOTS:
            slots[category] = len(slots)
        named[event.id] = slots.get(category, NO_SLOT)
    new = [
        (batch.shop.number, name, slot)
        for name, slot in slots.items()
        if name not in batch.shop.slots
    ]
    bulk.insert_new(connection, models.categories, ("store", "name", "slot"), new)
    return named


def _learn(products: dict[str, tuple[int, str]], product: Product) -> None:
    version = microseconds(product.updated_at)
    if version > products.get(product.product_id, (-1, ""))[0]:
        products[product.product_id] = (version, product.category)


def _categories_of(
    connection: Connection, batch: Batch, product_ids: Iterable[str]
) -> dict[str, tuple[int, str]]:
    rows = bulk.select_pairs(
        connection,
        models.products,
        ("product_id", "version", "category"),
        batch.shop.number,
        sorted(product_ids),
    )
    return {row[0]: (row[1], row[2]) for row in rows}


def _product(event: Event) -> str:
    if isinstance(event.body, Product):
        return event.body.product_id
    if isinstance(event.body, Order):
        return event.body.lines[0].product_id if event.body.lines else ""
    return str(event.properties.get("product_id", ""))


def _category(event: Event, products: Mapping[str, tuple[int, str]]) -> str:
    stated = event.properties.get("category")
    if isinstance(stated, str) and stated:
        return stated
    return products.get(_product(event), (0, ""))[1]
