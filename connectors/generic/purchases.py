"""Buying: checkouts, orders and refunds that a shop's own server tells."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import msgspec

from connectors.events import Event
from connectors.generic.browsing import browse_event
from connectors.generic.messages import (
    BrowseProperties,
    LineProperties,
    OrderProperties,
    Unfit,
    part,
    text,
)
from connectors.generic.story import (
    Story,
    Telling,
    context_email,
    known_currency,
    minor,
    pieces,
    told,
)
from connectors.generic.times import aware
from connectors.records import RETURN_REASONS, Cart, Line, Order, Refund, ReturnReason


def checkout_event(story: Story) -> Event:
    """A checkout that was begun; a server's carries the cart, a browser's is a claim."""
    event = browse_event(story)
    said = part(story.message.properties, BrowseProperties, "properties")
    cart = text(said.cart_id)
    if not story.sender.is_server or cart is None:
        return event
    code = known_currency(said.currency, story)
    products = [
        part(each, LineProperties, f"properties.products[{index}]")
        for index, each in enumerate(said.products)
    ]
    lines = _lines(products, code)
    body = Cart(
        token=cart,
        updated_at=story.times.at,
        currency=code,
        value=sum(line.value for line in lines),
        lines=lines,
        is_checkout=True,
    )
    return msgspec.structs.replace(event, body=body)


def order_event(story: Story) -> Event:
    """An order, at the version ``updated_at`` (else the message's time).

    Raises
    ------
    Unfit
        If it names no amount.
    """
    said = part(story.message.properties, OrderProperties, "properties")
    code = known_currency(said.currency, story)
    lines = _lines(said.products, code)
    zone = story.sender.time_zone
    status = story.meaning.status or said.status or "paid"
    coupons = [said.coupon] if isinstance(said.coupon, str) else said.coupon or []
    body = Order(
        order_id=str(said.order_id),
        status=status,  # type: ignore[arg-type] # names.py holds statuses of ours only
        currency=code,
        placed_at=aware(said.created_at, zone, "properties.created_at") or story.times.at,
        updated_at=aware(said.updated_at, zone, "properties.updated_at") or story.times.at,
        value=_gross(said, lines, code, is_needed=status != "cancelled"),
        lines=lines,
        discount=minor(said.discount or Decimal(0), code, "properties.discount"),
        coupons=tuple(each for each in coupons if each),
        cart=text(said.cart_id) or text(said.checkout_id),
    )
    keys = (("order", body.order_id), ("cart", body.cart))
    return told(story, Telling(body=body, keys=keys, personal=_personal(story, said)))


def refund_event(story: Story) -> Event:
    """Money given back; without ``refund_id`` each message is a refund of its own.

    Raises
    ------
    Unfit
        If it names no amount.
    """
    said = part(story.message.properties, OrderProperties, "properties")
    code = known_currency(said.currency, story)
    order = str(said.order_id)
    zone = story.sender.time_zone
    body = Refund(
        refund_id=text(said.refund_id) or f"{order}:{story.id.hex()}",
        currency=code,
        value=_gross(said, _lines(said.products, code), code, is_needed=True),
        refunded_at=story.times.at,
        updated_at=aware(said.updated_at, zone, "properties.updated_at") or story.times.at,
        order_id=order,
        reason=_reason(said.reason),
    )
    keys = (("order", order),)
    return told(story, Telling(body=body, keys=keys, personal=_personal(story, said)))


def _reason(given: str | None) -> ReturnReason | None:
    """Why goods came back; words of the shop's own are kept as ``other``."""
    word = "_".join((given or "").casefold().replace("-", " ").split())
    known = next((one for one in RETURN_REASONS if one == word), None)
    return known or ("other" if word else None)


def _gross(said: OrderProperties, lines: Sequence[Line], code: str, *, is_needed: bool) -> int:
    if said.products and all(each.price is not None for each in said.products):
        return sum(line.value for line in lines)
    amounts = (said.subtotal, said.value, said.revenue, said.total)
    amount = next((each for each in amounts if each is not None), None)
    if amount is None:
        if not is_needed:
            return 0
        place = "properties.products"
        reason = "expected products with prices, or subtotal, value, revenue or total"
        raise Unfit(place, reason)
    return minor(amount, code, "properties.total")


def _lines(products: Sequence[LineProperties], code: str) -> tuple[Line, ...]:
    return tuple(_line(each, code, f"properties.products[{i}]") for i, each in enumerate(products))


def _line(said: LineProperties, code: str, place: str) -> Line:
    product = text(said.product_id) or text(said.sku)
    if product is None:
        missing, reason = f"{place}.product_id", "required"
        raise Unfit(missing, reason)
    many = pieces(said.quantity, f"{place}.quantity")
    value = minor((said.price or Decimal(0)) * many, code, f"{place}.price")
    return Line(product_id=product, quantity=many, value=value)


def _personal(story: Story, said: OrderProperties) -> dict[str, str | None]:
    return {"email": context_email(story, said.email)}
