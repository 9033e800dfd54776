"""What an order means, by whichever door it came. Pure.

Webhooks and the API write the same order differently; what is decided here is decided once, so
that both make the same record of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Final

import msgspec

from connectors.decoding import minor_units
from connectors.protocol import StoreConfig
from connectors.records import Line, Order, OrderStatus
from connectors.shopify.setting import is_cash_on_delivery

# A refund does not undo a sale here: it is a fact of its own.
_STATUSES: Final[dict[str, OrderStatus]] = {
    "authorized": "authorized",
    "partially_paid": "partly_paid",
    "paid": "paid",
    "partially_refunded": "paid",
    "refunded": "paid",
    "voided": "cancelled",
}
# Gift cards, tips and products that were deleted since are sold under no product's id.
NO_PRODUCT: Final = "none"


class SoldLine(msgspec.Struct, frozen=True):
    """One line as sold: ``price`` of one piece before discounts, in the shop's currency."""

    product_id: str | None
    quantity: int
    price: Decimal


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """An order as both doors describe it.

    Attributes
    ----------
    financial_status
        As Shopify names it, in either case; empty is pending.
    coupons
        Codes that took something off the lines.
    gateways
        Names of the payment methods.
    """

    order_id: str
    currency: str
    placed_at: datetime
    updated_at: datetime
    is_cancelled: bool
    is_test: bool
    financial_status: str
    lines: tuple[SoldLine, ...]
    discount: Decimal
    coupons: Iterable[str]
    cart: str | None
    gateways: tuple[str, ...]


def order_of(sale: Sale, store: StoreConfig) -> Order:
    """The record of an order.

    Raises
    ------
    MalformedPayload
        If an amount is none.
    """
    lines = tuple(_line(each, sale.currency, place) for place, each in enumerate(sale.lines))
    return Order(
        order_id=sale.order_id,
        status=_status(sale),
        currency=sale.currency,
        placed_at=sale.placed_at,
        updated_at=sale.updated_at,
        value=sum(line.value for line in lines),
        lines=lines,
        discount=minor_units(sale.discount, sale.currency, "order.discount"),
        # Codes are compared without regard to case, so one spelling stands for all.
        coupons=tuple(sorted({code.strip().upper() for code in sale.coupons})),
        cart=sale.cart,
        is_cash_on_delivery=is_cash_on_delivery(sale.gateways, store),
        is_test=sale.is_test,
    )


def kept_quantity(ordered: int, current: int | None, refunded: int) -> int:
    """Pieces that were sold: those an edit took away were not, those that came back were."""
    return ordered if current is None else min(ordered, current + refunded)


def _status(sale: Sale) -> OrderStatus:
    if sale.is_cancelled:
        return "cancelled"
    return _STATUSES.get(sale.financial_status.lower(), "pending")


def _line(line: SoldLine, currency: str, place: int) -> Line:
    value = minor_units(line.price * line.quantity, currency, f"order.lines[{place}].price")
    return Line(line.product_id or NO_PRODUCT, line.quantity, value)
