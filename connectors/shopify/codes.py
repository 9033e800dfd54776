"""Personal codes: our coupon as a discount, and whether one found in the shop is that coupon.

Shopify has no free text on a discount but its title, so our marker stands there in brackets. Times
are kept to the second there, so they are compared to the second. Pure.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from connectors.records import Coupon, Money
from connectors.shopify.nodes import Money as MoneyNode
from connectors.shopify.nodes import Named, Time

_LONGEST_TITLE: Final = 255
_CLOSE: Final = 1e-9


class Context(msgspec.Struct, frozen=True, rename="camel"):
    """Who may use a discount."""

    typename: str = msgspec.field(name="__typename")
    customers: tuple[Named, ...] = ()


class Items(msgspec.Struct, frozen=True, rename="camel"):
    """What a discount applies to."""

    typename: str = msgspec.field(name="__typename")
    all_items: bool = False


class Value(msgspec.Struct, frozen=True, rename="camel"):
    """How much a discount takes off."""

    typename: str = msgspec.field(name="__typename")
    percentage: float | None = None
    amount: MoneyNode | None = None
    applies_on_each_item: bool = False


class Gets(msgspec.Struct, frozen=True):
    """What a discount gives."""

    items: Items
    value: Value


class Minimum(msgspec.Struct, frozen=True, rename="camel"):
    """What an order must come to."""

    typename: str = msgspec.field(name="__typename")
    greater_than_or_equal_to_subtotal: MoneyNode | None = None


class CodesCount(msgspec.Struct, frozen=True):
    """How many codes one discount has."""

    count: int = 0


class Discount(msgspec.Struct, frozen=True, rename="camel"):
    """A discount as the shop has it; of other kinds than ours only the title."""

    typename: str = msgspec.field(name="__typename")
    title: str = ""
    status: str = ""
    starts_at: Time | None = None
    ends_at: Time | None = None
    usage_limit: int | None = None
    applies_once_per_customer: bool = False
    codes_count: CodesCount | None = None
    context: Context | None = None
    customer_gets: Gets | None = None
    minimum_requirement: Minimum | None = None


class FoundCode(Named, frozen=True, kw_only=True):
    """What a code leads to."""

    code_discount: Discount


def discount_input(coupon: Coupon) -> dict[str, Any]:
    """The input that makes the coupon, for one customer and one use."""
    wanted: dict[str, Any] = {
        "title": title_of(coupon),
        "code": coupon.code,
        "startsAt": _stamp(coupon.valid_from),
        "endsAt": _stamp(coupon.valid_until),
        "context": {"customers": {"add": [f"gid://shopify/Customer/{coupon.customer_id}"]}},
        "customerGets": {"items": {"all": True}, "value": _value(coupon)},
        "usageLimit": 1,
        "appliesOncePerCustomer": True,
    }
    if coupon.minimum_spend:
        least = _text(coupon.minimum_spend, coupon.currency)
        wanted["minimumRequirement"] = {"subtotal": {"greaterThanOrEqualToSubtotal": least}}
    return wanted


def title_of(coupon: Coupon) -> str:
    """What the merchant reads, and our marker behind it."""
    mark = f" [{coupon.marker}]"
    text = coupon.title or coupon.campaign or "Shoal"
    return text[: _LONGEST_TITLE - len(mark)] + mark


def is_marked(found: Discount, marker: str) -> bool:
    """Whether a discount is ours; the words before the marker may be edited in the shop."""
    return bool(marker) and f"[{marker}]" in found.title


def is_same(found: Discount, coupon: Coupon) -> bool:
    """Whether a discount is ours and has the coupon's terms."""
    context, gets = found.context, found.customer_gets
    return (
        found.typename == "DiscountCodeBasic"
        and is_marked(found, coupon.marker)
        and (found.usage_limit, found.applies_once_per_customer) == (1, True)
        and found.codes_count == CodesCount(1)
        and _second(found.starts_at) == _second(coupon.valid_from)
        and _second(found.ends_at) == _second(coupon.valid_until)
        and context is not None
        and [each.key for each in context.customers] == [coupon.customer_id]
        and gets is not None
        and gets.items.all_items
        and _takes_the_same(gets.value, coupon)
        and _asks_the_same(found.minimum_requirement, coupon)
    )


def is_number(text: str) -> bool:
    """Whether a customer's or product's id can be Shopify's."""
    return text.isascii() and text.isdigit() and not text.startswith("0")


def _value(coupon: Coupon) -> dict[str, Any]:
    if coupon.percent_off is not None:
        # A fraction. In decimals, lest 7 % be 0.07000000000000001.
        return {"percentage": float(Decimal(repr(coupon.percent_off)) / 100)}
    amount = _text(coupon.amount_off or 0, coupon.currency)
    return {"discountAmount": {"amount": amount, "appliesOnEachItem": False}}


def _takes_the_same(value: Value, coupon: Coupon) -> bool:
    if coupon.percent_off is not None:
        wanted = coupon.percent_off / 100
        return value.percentage is not None and abs(value.percentage - wanted) < _CLOSE
    return not value.applies_on_each_item and _is_money(
        value.amount, coupon.amount_off or 0, coupon.currency
    )


def _asks_the_same(minimum: Minimum | None, coupon: Coupon) -> bool:
    if minimum is None:
        return coupon.minimum_spend == 0
    least = minimum.greater_than_or_equal_to_subtotal
    return _is_money(least, coupon.minimum_spend, coupon.currency)


def _is_money(found: MoneyNode | None, minor: int, currency: str) -> bool:
    wanted = Money(minor, currency)
    return found is not None and (found.amount, found.currency_code) == (wanted.amount, currency)


def _text(minor: int, currency: str) -> str:
    return f"{Money(minor, currency).amount:f}"


def _second(at: datetime | None) -> datetime | None:
    return None if at is None else at.astimezone(UTC).replace(microsecond=0)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
