"""One order is one order, by however many doors it comes: versions of facts with natural keys.

Pure: what is stored goes in, what to store comes out. The newest version wins, whatever the order
of arrival; of two with the same time the further status does. What the features see is the
difference between what was folded before and what stands now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import msgspec

from connectors.events import microseconds
from connectors.records import Order, Refund

_RANK: Final = {"draft": 0, "pending": 1, "authorized": 2, "partly_paid": 3, "paid": 4}
_LAST_RANK: Final = 5  # cancelled


class OrderRow(msgspec.Struct, frozen=True):
    """A row of the orders table. ``lines`` is msgpack of [[product_id, quantity, value], …]."""

    order_id: str
    customer: int
    version: int
    status: str
    is_counted: bool
    at: int
    value: int
    discount: int
    items: int
    slot: int
    utc_offset: int
    currency: str
    lines: bytes
    coupons: str

    @property
    def product_ids(self) -> tuple[str, ...]:
        """Distinct products of the order."""
        return tuple(dict.fromkeys(line[0] for line in msgspec.msgpack.decode(self.lines)))


class RefundRow(msgspec.Struct, frozen=True):
    """A row of the refunds table. ``reason`` is of ``reason_version``: not every door knows it."""

    refund_id: str
    order_id: str
    customer: int
    version: int
    at: int
    value: int
    currency: str
    is_void: bool
    reason: str = ""
    reason_version: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """What happened to one order in a batch: the row before (None: new) and after."""

    before: OrderRow | None
    after: OrderRow

    @property
    def is_sale(self) -> bool:
        """Whether it counts now and did not before: a pure addition."""
        return self.after.is_counted and (self.before is None or not self.before.is_counted)

    @property
    def is_cancelled(self) -> bool:
        """Whether it counted and does not any more."""
        return self.before is not None and self.before.is_counted and not self.after.is_counted

    @property
    def is_revised(self) -> bool:
        """Whether something that was folded is not so any more; then only recomputing is right."""
        before, after = self.before, self.after
        if before is None or not before.is_counted:
            return False
        return _folded(before) != _folded(after)


def _folded(row: OrderRow) -> tuple[object, ...]:
    return (
        *(row.is_counted, row.customer, row.at, row.utc_offset),
        *(row.value, row.discount, row.items, row.lines),
    )


def order_row(order: Order, customer: int, currency: str, slot: int, utc_offset: int) -> OrderRow:
    """The row of an order. Another currency than the store's is kept and never counted."""
    lines = [[line.product_id, line.quantity, line.value] for line in order.lines]
    return OrderRow(
        order_id=order.order_id,
        customer=customer,
        version=microseconds(order.updated_at),
        status=order.status,
        is_counted=order.is_completed and order.currency == currency,
        at=microseconds(order.placed_at),
        value=order.value,
        discount=order.discount,
        items=len({line.product_id for line in order.lines}),
        slot=slot,
        utc_offset=utc_offset,
        currency=order.currency,
        lines=msgspec.msgpack.encode(lines),
        coupons=msgspec.json.encode(order.coupons).decode(),
    )


def refund_row(refund: Refund, customer: int) -> RefundRow:
    """The row of a refund."""
    return RefundRow(
        refund_id=refund.refund_id,
        order_id=refund.order_id or "",
        customer=customer,
        version=microseconds(refund.updated_at),
        at=microseconds(refund.refunded_at),
        value=refund.value,
        currency=refund.currency,
        is_void=refund.is_void,
        reason=refund.reason or "",
        reason_version=microseconds(refund.updated_at) if refund.reason else 0,
    )


def newer_order(stored: OrderRow | None, row: OrderRow) -> OrderRow | None:
    """The row to store in the other's place, or None if it says nothing new."""
    if stored is None:
        return row
    # An order was placed when it was first said to be: an update may only know its own time.
    first = row if row.at < stored.at else stored
    placed = {"at": first.at, "utc_offset": first.utc_offset}
    if (row.version, _rank(row.status)) <= (stored.version, _rank(stored.status)):
        return None if first is stored else msgspec.structs.replace(stored, **placed)
    slot = stored.slot if stored.is_counted else row.slot  # as it was folded
    customer = row.customer or stored.customer
    return msgspec.structs.replace(row, customer=customer, slot=slot, **placed)


def newer_refund(stored: RefundRow | None, row: RefundRow) -> RefundRow | None:
    """The row to store in the other's place, or None if it says nothing new.

    The newest word stands, and of the reason the newest that gives one.
    """
    if stored is None:
        return row
    is_newer = (row.version, row.is_void) > (stored.version, stored.is_void)
    newest = row if is_newer else stored
    told = max(row, stored, key=lambda one: (one.reason_version, one.reason))
    after = msgspec.structs.replace(
        newest,
        customer=newest.customer or stored.customer,
        reason=told.reason,
        reason_version=told.reason_version,
    )
    return None if after == stored else after


def _rank(status: str) -> int:
    return _RANK.get(status, _LAST_RANK)
