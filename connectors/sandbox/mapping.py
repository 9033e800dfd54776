"""Between the sandbox's documents and our records, both ways. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from connectors.attributes import sorted_attributes
from connectors.decoding import minor_units
from connectors.events import Event
from connectors.facts import Heard, fact_event
from connectors.records import Cart, Coupon, Customer, Line, Money, Order, Product, Refund
from connectors.sandbox.documents import (
    CartDocument,
    CouponDocument,
    CustomerDocument,
    LineDocument,
    OrderDocument,
    PersonDocument,
    ProductDocument,
    RefundDocument,
)

_NOBODY = PersonDocument()


def order_event(document: OrderDocument, heard: Heard) -> Event:
    """An order, whatever its status, with whom it belongs to."""
    lines = _lines(document.lines, document.currency)
    body = Order(
        order_id=document.id,
        status=document.status,
        currency=document.currency,
        placed_at=document.created_at,
        updated_at=document.updated_at,
        value=sum(line.value for line in lines),
        lines=lines,
        discount=minor_units(document.discount, document.currency, "order.discount"),
        coupons=document.coupons,
        cart=document.cart_token,
        is_cash_on_delivery=document.payment == "cash_on_delivery",
        is_test=document.is_test,
    )
    person = document.customer or _NOBODY
    keys = (("customer_id", person.id), ("order", document.id), ("cart", document.cart_token))
    return fact_event(heard, body, keys, _personal(person))


def refund_event(document: RefundDocument, heard: Heard) -> Event:
    """A refund, with its order as the way to the customer."""
    body = Refund(
        refund_id=document.id,
        currency=document.currency,
        value=minor_units(document.amount, document.currency, "refund.amount"),
        refunded_at=document.created_at,
        updated_at=document.updated_at,
        order_id=document.order_id,
        is_void=document.is_void,
    )
    person = document.customer or _NOBODY
    keys = (("customer_id", person.id), ("order", document.order_id))
    return fact_event(heard, body, keys, _personal(person))


def customer_event(document: CustomerDocument, heard: Heard, declared: Mapping[str, str]) -> Event:
    """A customer, declared attributes only; names and addresses apart."""
    attributes, personal = sorted_attributes(document.fields, declared)
    body = Customer(
        customer_id=document.id,
        updated_at=document.updated_at,
        attributes=attributes,
        consents=dict(document.accepts),
        time_zone=document.time_zone,
        is_suppressed=document.is_suppressed,
    )
    named = PersonDocument(
        email=document.email,
        phone=document.phone,
        first_name=document.first_name,
        last_name=document.last_name,
    )
    told = {**personal, **_personal(named), "birthday": document.birthday}
    return fact_event(heard, body, [("customer_id", document.id)], told)


def product_event(document: ProductDocument, heard: Heard) -> Event:
    """A catalogue entry with its stock."""
    body = Product(
        product_id=document.id,
        updated_at=document.updated_at,
        title=document.title,
        price=minor_units(document.price, document.currency, "product.price"),
        currency=document.currency,
        category=document.category,
        stock=document.stock,
        is_available=document.is_available,
    )
    return fact_event(heard, body)


def cart_event(document: CartDocument, heard: Heard) -> Event:
    """A cart or checkout, with the visitor who fills it."""
    lines = _lines(document.lines, document.currency)
    body = Cart(
        token=document.token,
        updated_at=document.updated_at,
        currency=document.currency,
        value=sum(line.value for line in lines),
        lines=lines,
        is_checkout=document.is_checkout,
    )
    person = document.customer or _NOBODY
    keys = (
        ("customer_id", person.id),
        ("cart", document.token),
        ("anonymous_id", document.visitor),
    )
    return fact_event(heard, body, keys, _personal(person))


def coupon_document(coupon: Coupon) -> CouponDocument:
    """The document to post for a coupon."""
    currency = coupon.currency

    def amount(minor: int) -> Decimal:
        return Money(minor, currency).amount

    is_percentage = coupon.percent_off is not None
    most = coupon.maximum_discount
    return CouponDocument(
        code=coupon.code,
        customer_id=coupon.customer_id,
        type="percentage" if is_percentage else "amount",
        value=Decimal(repr(coupon.percent_off))
        if is_percentage
        else amount(coupon.amount_off or 0),
        currency=currency,
        starts_at=coupon.valid_from,
        ends_at=coupon.valid_until,
        minimum_spend=amount(coupon.minimum_spend),
        maximum_discount=None if most is None else amount(most),
        note=coupon.marker,
        title=coupon.title,
    )


def order_document(order: Order, person: PersonDocument | None = None) -> OrderDocument:
    """The document a sandbox store would send for an order (players and tests build webhooks so).

    A line's value must be a multiple of its quantity, else it becomes one piece of that price.
    """
    paid = Money(order.value - order.discount, order.currency).amount
    return OrderDocument(
        id=order.order_id,
        status=order.status,
        currency=order.currency,
        created_at=order.placed_at,
        updated_at=order.updated_at,
        lines=tuple(_line_document(line, order.currency) for line in order.lines),
        discount=Money(order.discount, order.currency).amount,
        total=paid,
        coupons=order.coupons,
        cart_token=order.cart,
        payment="cash_on_delivery" if order.is_cash_on_delivery else "card",
        is_test=order.is_test,
        customer=person,
    )


def _line_document(line: Line, currency: str) -> LineDocument:
    pieces = line.quantity if line.quantity and line.value % line.quantity == 0 else 1
    price = Money(line.value // pieces, currency).amount
    return LineDocument(product_id=line.product_id, quantity=pieces, price=price)


def _lines(documents: tuple[LineDocument, ...], currency: str) -> tuple[Line, ...]:
    return tuple(
        Line(
            product_id=each.product_id,
            quantity=each.quantity,
            value=minor_units(each.price * each.quantity, currency, f"lines[{index}].price"),
        )
        for index, each in enumerate(documents)
    )


def _personal(person: PersonDocument) -> dict[str, str | None]:
    return {
        "email": person.email,
        "phone": person.phone,
        "first_name": person.first_name,
        "last_name": person.last_name,
    }
