"""Orders, refunds and redemptions of a batch: their tables, and what the features fold of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, select, update

from connectors.records import RETURN_REASONS, Order, Refund
from segmentation import running
from segmentation.running import FactKind
from worker import bulk, models
from worker.batch import Batch, FactTuple, Redemption, Subject, utc_offset
from worker.catalogue import NO_SLOT
from worker.orders import (
    Change,
    OrderRow,
    RefundRow,
    newer_order,
    newer_refund,
    order_row,
    refund_row,
)

_ORDER_COLUMNS: Final = OrderRow.__struct_fields__
_REFUND_COLUMNS: Final = RefundRow.__struct_fields__


def record_orders(
    connection: Connection, batch: Batch, slots: Mapping[bytes, int], zone: ZoneInfo | None
) -> None:
    """Store the newest version of every order the batch tells of, and note what changed."""
    about = [one for one in batch.subjects if isinstance(one.event.body, Order)]
    if not about:
        return
    stored = _stored_orders(connection, batch, about)
    current = dict(stored)
    made_by: dict[str, Subject] = {}
    for subject in about:
        order = subject.event.body
        if not isinstance(order, Order):
            continue
        row = order_row(
            order,
            batch.directory.final(subject.customer),
            batch.shop.currency,
            slots.get(subject.event.id, NO_SLOT),
            utc_offset(subject.event, zone, order.placed_at),
        )
        newer = newer_order(current.get(order.order_id), row)
        if newer is None:
            batch.count("outdated", "order")
            continue
        if order.currency != batch.shop.currency:
            batch.count("foreign_currency", order.currency)
        before = current.get(order.order_id)
        if newer.is_counted and (before is None or not before.is_counted):
            made_by.setdefault(order.order_id, subject)
        current[order.order_id] = newer
    _note_changes(batch, stored, current, made_by, about)
    changed = [row for order_id, row in sorted(current.items()) if stored.get(order_id) != row]
    bulk.upsert(
        connection,
        models.orders,
        ("store", *_ORDER_COLUMNS),
        [(batch.shop.number, *msgspec.structs.astuple(row)) for row in changed],
    )


def _stored_orders(
    connection: Connection, batch: Batch, about: Iterable[Subject]
) -> dict[str, OrderRow]:
    ids = sorted({one.event.body.order_id for one in about if isinstance(one.event.body, Order)})
    rows = bulk.select_pairs(connection, models.orders, _ORDER_COLUMNS, batch.shop.number, ids)
    return {row[0]: _order(row) for row in rows}


def _order(row: Sequence[Any]) -> OrderRow:
    values: dict[str, Any] = dict(zip(_ORDER_COLUMNS, row, strict=True))
    values |= {"lines": bytes(row[_LINES] or b""), "is_counted": bool(row[_COUNTED])}
    return OrderRow(**values)


_LINES: Final = _ORDER_COLUMNS.index("lines")
_COUNTED: Final = _ORDER_COLUMNS.index("is_counted")


def _note_changes(
    batch: Batch,
    stored: Mapping[str, OrderRow],
    current: Mapping[str, OrderRow],
    made_by: Mapping[str, Subject],
    about: Sequence[Subject],
) -> None:
    last = {one.event.body.order_id: one for one in about if isinstance(one.event.body, Order)}
    for order_id, subject in last.items():
        after, before = current[order_id], stored.get(order_id)
        if after == before:
            continue
        change = Change(before, after)
        batch.sales.append((change, made_by.get(order_id, subject)))
        if change.is_revised:
            batch.recompute |= {after.customer, change.before.customer if change.before else 0}
        elif change.is_sale:
            batch.facts.append(sale_fact(after))
            _add_products(batch, after)
    batch.recompute.discard(0)


def sale_fact(row: OrderRow) -> FactTuple:
    """A counted order as the features fold it; the first column is the customer's id."""
    return (
        row.customer,
        FactKind.ORDER,
        row.at,
        row.value,
        row.items,
        row.discount,
        row.slot,
        row.utc_offset,
    )


def _add_products(batch: Batch, row: OrderRow) -> None:
    person = batch.roster.person(row.customer)
    keys = [running.product_key(batch.shop.id, product) for product in row.product_ids]
    person.products, size = running.united(person.products, keys)
    batch.roster.records["distinct_products"][batch.roster.row[row.customer]] = size


def record_refunds(connection: Connection, batch: Batch) -> None:
    """Store the newest version of every refund, and note what the features fold of it."""
    about = [one for one in batch.subjects if isinstance(one.event.body, Refund)]
    if not about:
        return
    ids = sorted({one.event.body.refund_id for one in about if isinstance(one.event.body, Refund)})
    rows = bulk.select_pairs(connection, models.refunds, _REFUND_COLUMNS, batch.shop.number, ids)
    stored = {row[0]: _refund(row) for row in rows}
    current = dict(stored)
    for subject in about:
        if isinstance(subject.event.body, Refund):
            row = refund_row(subject.event.body, batch.directory.final(subject.customer))
            newer = newer_refund(current.get(row.refund_id), row)
            if newer is not None:
                current[row.refund_id] = newer
    for refund_id, row in sorted(current.items()):
        before = stored.get(refund_id)
        if before is not None and before != row:
            batch.recompute |= {before.customer, row.customer} - {0}
        elif before is None and is_folded(row, batch.shop.currency):
            batch.facts.append(refund_fact(row))
    changed = [row for refund_id, row in sorted(current.items()) if stored.get(refund_id) != row]
    batch.refunds = changed
    bulk.upsert(
        connection,
        models.refunds,
        ("store", *_REFUND_COLUMNS),
        [(batch.shop.number, *msgspec.structs.astuple(row)) for row in changed],
    )


def _refund(row: Sequence[Any]) -> RefundRow:
    values: dict[str, Any] = dict(zip(_REFUND_COLUMNS, row, strict=True))
    return RefundRow(**values | {"is_void": bool(values["is_void"])})


def is_folded(row: RefundRow, currency: str) -> bool:
    """Whether a refund counts: not void, and in the store's currency."""
    return not row.is_void and row.currency == currency


def refund_fact(row: RefundRow) -> FactTuple:
    """A refund as the features fold it; the first column is the customer's id."""
    reason = _REASONS.get(row.reason, NO_SLOT)
    return (row.customer, FactKind.REFUND, row.at, row.value, 0, 0, reason, 0)


_REASONS: Final[dict[str, int]] = {reason: place for place, reason in enumerate(RETURN_REASONS)}


def redeem(connection: Connection, batch: Batch) -> list[Redemption]:
    """Our codes that discounted a new sale, each once for ever."""
    used = {
        code: (change.after, subject)
        for change, subject in reversed(batch.sales)  # the first to use a code has used it
        if change.is_sale
        for code in msgspec.json.decode(change.after.coupons, type=list[str])
    }
    if not used:
        return []
    codes = models.codes
    rows = connection.execute(
        select(codes.c.code, codes.c.campaign, codes.c.customer).where(
            codes.c.store == batch.shop.number,
            codes.c.code.in_(sorted(used)),
            codes.c.redeemed_at.is_(None),
        )
    ).all()
    redeemed = []
    for row in sorted(rows):
        order, subject = used[row.code]
        batch.facts.append(
            (order.customer, FactKind.REDEMPTION, order.at, 0, 0, 0, NO_SLOT, order.utc_offset)
        )
        batch.count("redeemed", row.campaign)
        redeemed.append(Redemption(subject, row.campaign, order.customer, order.order_id))
        connection.execute(
            update(codes)
            .where(codes.c.store == batch.shop.number, codes.c.code == row.code)
            .values(redeemed_at=order.at, order_id=order.order_id)
        )
    return redeemed


def all_purchases(
    connection: Connection, currency: str, customers: Sequence[int], before: int | None = None
) -> tuple[list[FactTuple], dict[int, set[str]]]:
    """Every present order and refund of some customers as facts, and the products of each.

    Parameters
    ----------
    currency
        The store's.
    before
        Leave out what is at or after this time, int microseconds.
    """
    orders = bulk.select_keys(connection, models.orders, _ORDER_COLUMNS, "customer", customers)
    refunds = bulk.select_keys(connection, models.refunds, _REFUND_COLUMNS, "customer", customers)
    counted = [
        row for row in map(_order, orders) if row.is_counted and (before is None or row.at < before)
    ]
    folded = [
        row
        for row in map(_refund, refunds)
        if is_folded(row, currency) and (before is None or row.at < before)
    ]
    products: dict[int, set[str]] = {customer: set() for customer in customers}
    for row in counted:
        products[row.customer].update(row.product_ids)
    return [*map(sale_fact, counted), *map(refund_fact, folded)], products
