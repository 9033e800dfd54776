"""Between Vendure's documents and our records. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from connectors.attributes import declared_attributes, sorted_attributes
from connectors.decoding import minor_units
from connectors.events import Event
from connectors.facts import Heard, fact_event
from connectors.protocol import StoreConfig
from connectors.records import Cart, Customer, Line, Order, OrderStatus, Product, Refund
from connectors.vendure.documents import (
    ChangedDocument,
    CustomerDocument,
    LineDocument,
    OfferedDocument,
    OrderDocument,
    PersonDocument,
    ProductDocument,
    RefundDocument,
)

_FIELD: Final = re.compile(r"[_A-Za-z][_0-9A-Za-z]*")
_UNPLACED: Final = frozenset({"Draft", "Created", "AddingItems"})
_PRECISION: Final = 2  # decimal places of Vendure's own money strategy, whatever the currency


def order_events(document: OrderDocument, heard: Heard, store: StoreConfig) -> tuple[Event, ...]:
    """What an order says: itself and its refunds, or, as long as it is active, a cart."""
    if document.active:
        return (_cart_event(document, heard, store),)
    refunds = [
        _refund_event(refund, document, heard, store)
        for payment in document.payments or ()
        for refund in payment.refunds
        if refund.state in {"Settled", "Failed"}
    ]
    return (_order_event(document, heard, store), *refunds)


def customer_event(document: CustomerDocument, heard: Heard, store: StoreConfig) -> Event:
    """A customer, declared custom fields only; names and addresses apart. Deleted: suppressed."""
    fields = document.custom_fields or {}
    attributes, personal = sorted_attributes(fields, declared_attributes(store.options))
    body = Customer(
        customer_id=document.id,
        updated_at=max(_present(document.updated_at, document.deleted_at)),
        attributes=attributes,
        consents=_consents(fields, store.options),
        is_suppressed=True if document.deleted_at else None,
    )
    told = {**personal, **_personal(document)}
    return fact_event(heard, body, [("customer_id", document.id)], told)


def product_event(document: ProductDocument, heard: Heard, store: StoreConfig) -> Event:
    """A product: the cheapest of its variants, the stock of all, as new as its newest stock."""
    offered = [each for each in document.variants if each.enabled] or list(document.variants)
    cheapest = min(offered, key=lambda each: each.price_with_tax, default=None)
    currency = cheapest.currency_code if cheapest else store.currency
    price = cheapest.price_with_tax if cheapest else 0
    times = [each.updated_at for each in document.variants]
    times += [level.updated_at for each in document.variants for level in each.stock_levels]
    body = Product(
        product_id=document.id,
        updated_at=max(document.updated_at, *times) if times else document.updated_at,
        title=document.name,
        price=_money(price, currency, store, "product.priceWithTax"),
        currency=currency,
        category=next((e.name for e in (*document.collections, *document.facet_values)), ""),
        stock=_stock(offered, is_tracked=document.is_tracked),
        is_available=document.enabled and any(each.enabled for each in document.variants),
    )
    return fact_event(heard, body)


def deleted_product_event(document: ChangedDocument, at: datetime, heard: Heard) -> Event:
    """A product that is gone: nobody shall recommend it any more."""
    body = Product(document.id, at, title=document.name, stock=0, is_available=False)
    return fact_event(heard, body)


def custom_fields(options: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the customers' custom fields that a store's options speak of."""
    named = [each.partition(":")[0].strip() for each in options.get("attributes", "").split(",")]
    named += [field for _, field in _consent_fields(options)]
    return tuple(dict.fromkeys(name for name in named if _FIELD.fullmatch(name)))


def version(document: OrderDocument) -> datetime:
    """The time of an order's last change.

    Its own ``updatedAt`` stands still when it is placed (seen on 3.7.3), so its placement and its
    lines count too. Of two states of one time, the further status is the newer one.
    """
    times = [document.updated_at, *(line.updated_at for line in document.lines)]
    return max(_present(*times, document.order_placed_at))


def _order_event(document: OrderDocument, heard: Heard, store: StoreConfig) -> Event:
    lines = tuple(_line(each, document, store) for each in document.lines)
    taken = sum(_discount(each) for each in document.lines)
    body = Order(
        order_id=document.code,
        status=_status(document),
        currency=document.currency_code,
        placed_at=document.order_placed_at or document.created_at,
        updated_at=version(document),
        value=sum(line.value for line in lines),
        lines=lines,
        discount=_money(taken, document.currency_code, store, "order.discounts"),
        coupons=_discounting_codes(document),
        cart=document.code,
    )
    return fact_event(heard, body, _who(document), _personal(document.customer))


def _cart_event(document: OrderDocument, heard: Heard, store: StoreConfig) -> Event:
    lines = tuple(_line(each, document, store) for each in document.lines)
    body = Cart(
        token=document.code,
        updated_at=version(document),
        currency=document.currency_code,
        value=sum(line.value for line in lines),
        lines=lines,
        is_checkout=document.state not in _UNPLACED,
    )
    keys = [pair for pair in _who(document) if pair[0] != "order"]
    return fact_event(heard, body, keys, _personal(document.customer))


def _refund_event(
    refund: RefundDocument, order: OrderDocument, heard: Heard, store: StoreConfig
) -> Event:
    # An order's value is that of its goods, so the share of shipping is no refund of it.
    given = refund.total - refund.shipping
    body = Refund(
        refund_id=refund.id,
        currency=order.currency_code,
        value=_money(given, order.currency_code, store, "refund.total"),
        refunded_at=refund.created_at,
        updated_at=refund.updated_at,
        order_id=order.code,
        is_void=refund.state == "Failed",
    )
    return fact_event(heard, body, [pair for pair in _who(order) if pair[0] != "cart"])


def _discounting_codes(document: OrderDocument) -> tuple[str, ...]:
    """The codes whose promotion took something off: what was typed says nothing.

    Vendure keeps a stranger's code on the placed order (``couponCodes``), and lists a promotion
    whose conditions were met even where it discounted nothing.
    """
    sources = {each.adjustment_source for each in document.discounts if each.amount_with_tax < 0}
    return tuple(
        applied.coupon_code
        for applied in document.promotions
        if applied.coupon_code and f"PROMOTION:{applied.id}" in sources
    )


def _status(document: OrderDocument) -> OrderStatus:
    """Judged by placement and payments, because shops name states of their own."""
    if document.state == "Cancelled":
        return "cancelled"
    if document.state in _UNPLACED:
        return "draft"
    if document.order_placed_at is None:
        return "pending"
    settled = _paid(document, {"Settled"})
    if settled >= document.total_with_tax:
        return "paid"
    if settled > 0:
        return "partly_paid"
    promised = _paid(document, {"Settled", "Authorized"})
    return "authorized" if promised >= document.total_with_tax else "pending"


def _paid(document: OrderDocument, states: set[str]) -> int:
    return sum(each.amount for each in document.payments or () if each.state in states)


def _line(line: LineDocument, document: OrderDocument, store: StoreConfig) -> Line:
    pieces = _pieces(line)
    gross = (
        line.line_price_with_tax if pieces == line.quantity else pieces * line.unit_price_with_tax
    )
    return Line(
        product_id=line.product_variant.product_id,
        quantity=pieces,
        value=_money(gross, document.currency_code, store, "lines.linePriceWithTax"),
    )


def _discount(line: LineDocument) -> int:
    pieces = _pieces(line)
    if pieces == line.quantity:
        return line.line_price_with_tax - line.prorated_line_price_with_tax
    return pieces * (line.unit_price_with_tax - line.prorated_unit_price_with_tax)


def _pieces(line: LineDocument) -> int:
    # What was bought: a piece that is sent back leaves the line, and its money is a refund.
    return max(line.quantity, line.order_placed_quantity)


def _stock(offered: Iterable[OfferedDocument], *, is_tracked: bool) -> int | None:
    free = 0
    for variant in offered:
        says = {"TRUE": True, "FALSE": False, "INHERIT": is_tracked}
        if not says[variant.track_inventory]:
            return None
        free += sum(level.stock_on_hand - level.stock_allocated for level in variant.stock_levels)
    return max(free, 0)


def _money(amount: int, currency: str, store: StoreConfig, place: str) -> int:
    return minor_units(Decimal(amount).scaleb(-precision(store)), currency, place)


def precision(store: StoreConfig) -> int:
    """Decimal places of the store's money strategy."""
    said = store.options.get("money_precision", "")
    return int(said) if said.isdecimal() else _PRECISION


def _who(document: OrderDocument) -> tuple[tuple[str, str | None], ...]:
    person = document.customer
    return (
        ("customer_id", person.id if person else None),
        ("order", document.code),
        ("cart", document.code),
    )


def _personal(person: PersonDocument | None) -> dict[str, str | None]:
    if person is None:
        return {}
    return {
        "email": person.email_address,
        "phone": person.phone_number,
        "first_name": person.first_name,
        "last_name": person.last_name,
    }


def _consents(fields: Mapping[str, Any], options: Mapping[str, str]) -> dict[str, bool]:
    told = {channel: fields.get(field) for channel, field in _consent_fields(options)}
    return {channel: value for channel, value in told.items() if isinstance(value, bool)}


def _consent_fields(options: Mapping[str, str]) -> list[tuple[str, str]]:
    pairs = [each.partition(":") for each in options.get("consents", "").split(",")]
    return [(channel.strip(), field.strip()) for channel, _, field in pairs if field.strip()]


def _present(*times: datetime | None) -> list[datetime]:
    return [each for each in times if each is not None]
