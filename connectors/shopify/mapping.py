"""From the bodies of Shopify's webhooks to our records. Pure."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final

from connectors.attributes import declared_attributes, sorted_attributes
from connectors.decoding import minor_units
from connectors.events import Event
from connectors.facts import Heard, fact_event
from connectors.protocol import StoreConfig
from connectors.records import Cart, Customer, Line, Product, Refund
from connectors.shopify.documents import (
    CartDocument,
    CartLineDocument,
    CheckoutDocument,
    CustomerDocument,
    OrderDocument,
    PersonDocument,
    RefundDocument,
    TransactionDocument,
)
from connectors.shopify.sales import NO_PRODUCT, Sale, SoldLine, kept_quantity, order_of

# What the API says of a customer holds the consents too, so of two descriptions with one time
# it is the later one.
API_KNOWS_MORE: Final = timedelta(microseconds=1)
_FAILED: Final = frozenset({"failure", "error"})


def order_event(document: OrderDocument, heard: Heard, store: StoreConfig) -> Event:
    """An order, whatever its status, with whom it belongs to."""
    updated_at = document.updated_at.astimezone(UTC)
    placed_at = document.processed_at or document.created_at or updated_at
    sale = Sale(
        order_id=document.key,
        currency=document.currency,
        placed_at=placed_at.astimezone(UTC),
        updated_at=updated_at,
        is_cancelled=document.cancelled_at is not None,
        is_test=document.test,
        financial_status=document.financial_status or "",
        lines=_sold(document),
        discount=document.total_discounts,
        coupons=[
            each.code
            for each in document.discount_codes
            if each.amount > 0 and each.type != "shipping"
        ],
        cart=document.cart_token or document.checkout_token,
        gateways=document.payment_gateway_names,
    )
    body = order_of(sale, store)
    keys = (
        ("customer_id", document.customer.key if document.customer else None),
        ("order", body.order_id),
        ("cart", body.cart),
    )
    return fact_event(heard, body, keys, _personal(document.customer, document))


def refund_event(document: RefundDocument, heard: Heard, store: StoreConfig) -> Event | None:
    """A refund in the shop's currency; None where only the API can say how much it was.

    Transactions are in the buyer's currency, and one that is still pending may yet fail.
    """
    moved = [each for each in document.transactions if _is_money_back(each)]
    if any(each.status != "success" or each.currency != store.currency for each in moved):
        return None
    at = document.created_at.astimezone(UTC)
    total = sum((each.amount for each in moved), Decimal(0))
    body = Refund(
        refund_id=document.key,
        currency=store.currency,
        value=minor_units(total, store.currency, "refund.transactions"),
        refunded_at=at,
        updated_at=at,
        order_id=str(document.order_id),
    )
    return fact_event(heard, body, [("order", body.order_id)])


def customer_event(document: CustomerDocument, heard: Heard, store: StoreConfig) -> Event:
    """A customer: declared attributes, personal fields apart. Consents come by look-up."""
    address = document.default_address
    fields = {
        "country": address.country_code if address else None,
        "state": document.state,
        "verified_email": document.verified_email,
        "tax_exempt": document.tax_exempt,
    }
    attributes, personal = sorted_attributes(fields, declared_attributes(store.options))
    body = Customer(
        customer_id=document.key,
        updated_at=document.updated_at.astimezone(UTC),
        attributes=attributes,
    )
    told = {**personal, **_personal(document, document)}
    return fact_event(heard, body, [("customer_id", body.customer_id)], told)


def deleted_customer_event(customer_id: str, at: datetime, heard: Heard) -> Event:
    """A customer whose account the merchant deleted: kept, and never contacted again."""
    body = Customer(customer_id=customer_id, updated_at=at, is_suppressed=True)
    return fact_event(heard, body, [("customer_id", customer_id)])


def deleted_product_event(product_id: str, at: datetime, heard: Heard) -> Event:
    """A product that cannot be sold any more."""
    return fact_event(heard, Product(product_id, at, stock=0, is_available=False))


def cart_event(document: CartDocument, heard: Heard, store: StoreConfig) -> Event:
    """A cart of the online store, in the shop's currency where it says so."""
    sets = [each.original_line_price_set for each in document.line_items]
    codes = {each.shop_money.currency_code for each in sets if each is not None}
    currency = codes.pop() if len(codes) == 1 else store.currency
    lines = _cart_lines(document.line_items, currency)
    body = Cart(
        token=document.token,
        updated_at=document.updated_at.astimezone(UTC),
        currency=currency,
        value=sum(line.value for line in lines),
        lines=lines,
    )
    return fact_event(heard, body, [("cart", body.token)])


def checkout_event(document: CheckoutDocument, heard: Heard) -> Event:
    """A checkout under its cart's token, which the order will name too."""
    currency = document.presentment_currency or document.currency
    lines = _cart_lines(document.line_items, currency)
    body = Cart(
        token=document.cart_token or document.token,
        updated_at=document.updated_at.astimezone(UTC),
        currency=currency,
        value=sum(line.value for line in lines),
        lines=lines,
        is_checkout=True,
    )
    customer = document.customer
    keys = (("customer_id", customer.key if customer else None), ("cart", body.token))
    return fact_event(heard, body, keys, _personal(customer, document))


def _sold(document: OrderDocument) -> tuple[SoldLine, ...]:
    refunded: Counter[int] = Counter()
    for refund in document.refunds:
        for each in refund.refund_line_items:
            refunded[each.line_item_id] += each.quantity
    return tuple(
        SoldLine(
            str(line.product_id) if line.product_id else None,
            kept_quantity(line.quantity, line.current_quantity, refunded[line.id]),
            line.price,
        )
        for line in document.line_items
    )


def _is_money_back(transaction: TransactionDocument) -> bool:
    return transaction.kind == "refund" and transaction.status not in _FAILED


def _cart_lines(documents: tuple[CartLineDocument, ...], currency: str) -> tuple[Line, ...]:
    return tuple(
        Line(
            str(each.product_id) if each.product_id else NO_PRODUCT,
            each.quantity,
            minor_units(_line_price(each), currency, f"line_items[{place}].price"),
        )
        for place, each in enumerate(documents)
    )


def _line_price(line: CartLineDocument) -> Decimal:
    if line.original_line_price_set is not None:
        return line.original_line_price_set.shop_money.amount
    return line.price * line.quantity


def _personal(
    customer: PersonDocument | None, about: OrderDocument | CheckoutDocument | PersonDocument
) -> dict[str, str | None]:
    """Whoever ordered may have given another address than their account has."""
    return {
        "email": about.email or (customer.email if customer else None),
        "phone": about.phone or (customer.phone if customer else None),
        "first_name": customer.first_name if customer else None,
        "last_name": customer.last_name if customer else None,
    }
