"""A coupon as a promotion of Vendure, and whether one that was read back is that coupon. Pure.

Two operations are our plugin's: the condition ``shoal_customer`` (this customer alone) and the
action ``shoal_discount`` (an amount or a percentage of the gross, up to a maximum).
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any, Final

import msgspec

from connectors.records import Coupon, Money
from connectors.vendure.documents import ChannelDocument, OperationDocument, PromotionDocument

OURS: Final = "shoal_customer"
DISCOUNT: Final = "shoal_discount"


class Unable(Exception):
    """Terms that this store cannot keep; says what would help."""


class Abilities(msgspec.Struct, frozen=True):
    """What the store's channel and the operations that it knows allow.

    Attributes
    ----------
    channel
        Its currency, language, and whether its prices include tax.
    operations
        Codes of its promotion conditions and actions.
    precision
        Decimal places of its money.
    """

    channel: ChannelDocument
    operations: frozenset[str]
    precision: int


class Operation(msgspec.Struct, frozen=True):
    """A condition or an action: its code and its arguments as pairs of texts."""

    code: str
    arguments: frozenset[tuple[str, str]]


class Terms(msgspec.Struct, frozen=True):
    """Everything that makes a promotion this coupon and no other."""

    marker: str
    starts_at: datetime | None
    ends_at: datetime | None
    limits: tuple[int | None, int | None]
    conditions: frozenset[Operation]
    actions: frozenset[Operation]


def wanted_terms(coupon: Coupon, group: str, abilities: Abilities) -> Terms:
    """The terms to create.

    Parameters
    ----------
    group
        Id of the campaign's group of customers.

    Raises
    ------
    Unable
        If the store cannot keep them: another currency, or a maximum without our plugin.
    """
    _require_currency(coupon, abilities.channel)
    conditions = [_operation("customer_group", customerGroupId=group)]
    if OURS in abilities.operations:
        conditions.append(_operation(OURS, customerId=coupon.customer_id))
    if coupon.minimum_spend:
        least = _amount(coupon, coupon.minimum_spend, abilities)
        conditions.append(_operation("minimum_order_amount", amount=least, taxInclusive="true"))
    return Terms(
        marker=coupon.marker,
        starts_at=_in_milliseconds(coupon.valid_from),
        ends_at=_in_milliseconds(coupon.valid_until),
        limits=(1, 1),
        conditions=frozenset(conditions),
        actions=frozenset([_discount(coupon, abilities)]),
    )


def promotion_input(coupon: Coupon, terms: Terms, channel: ChannelDocument) -> dict[str, Any]:
    """The input of ``createPromotion``. The customer reads the name beside the discount."""
    named = {"name": coupon.title or coupon.code, "description": terms.marker}
    per_customer, uses = terms.limits
    return {
        "enabled": True,
        "couponCode": coupon.code,
        "perCustomerUsageLimit": per_customer,
        "usageLimit": uses,
        "startsAt": terms.starts_at,
        "endsAt": terms.ends_at,
        "translations": [{"languageCode": channel.default_language_code, **named}],
        "conditions": _inputs(terms.conditions),
        "actions": _inputs(terms.actions),
    }


def found_terms(promotion: PromotionDocument) -> Terms:
    """The terms of a promotion that was read."""
    return Terms(
        marker=promotion.description,
        starts_at=promotion.starts_at,
        ends_at=promotion.ends_at,
        limits=(promotion.per_customer_usage_limit, promotion.usage_limit),
        conditions=_read(promotion.conditions),
        actions=_read(promotion.actions),
    )


def is_same(found: Terms, wanted: Terms) -> bool:
    """Whether a promotion keeps a coupon's terms.

    Between two tries the plugin may have come or gone: a promotion without our condition is as
    good as one that names the same customer.
    """
    return _without_ours(found) == _without_ours(wanted) and _ours(found) in {
        frozenset(),
        _ours(wanted) or _ours(found),
    }


def _discount(coupon: Coupon, abilities: Abilities) -> Operation:
    percent = coupon.percent_off
    most, off = (
        None if minor is None else _amount(coupon, minor, abilities)
        for minor in (coupon.maximum_discount, coupon.amount_off)
    )
    if percent is not None and most is None:
        return _operation("order_percentage_discount", discount=_number(percent))
    if off is not None and most is None and abilities.channel.prices_include_tax:
        return _operation("order_fixed_discount", discount=off)
    if DISCOUNT not in abilities.operations:
        problem = (
            "Vendure's own promotions know no maximum, and take an amount off before tax where "
            "prices are without tax: install the plugin (`shoal store plugin vendure`)"
        )
        raise Unable(problem)
    return _operation(
        DISCOUNT, percent=_number(percent or 0.0), amount=off or "0", maximum=most or "0"
    )


def _require_currency(coupon: Coupon, channel: ChannelDocument) -> None:
    money = (coupon.amount_off, coupon.maximum_discount, coupon.minimum_spend or None)
    if any(each is not None for each in money) and coupon.currency != channel.default_currency_code:
        problem = (
            f"amounts in {coupon.currency}: expected the channel's {channel.default_currency_code}"
        )
        raise Unable(problem)


def _amount(coupon: Coupon, minor: int, abilities: Abilities) -> str:
    amount = Money(minor, coupon.currency).amount
    return str(int(amount.scaleb(abilities.precision)))


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(value)


def _operation(code: str, **arguments: str) -> Operation:
    return Operation(code, frozenset(arguments.items()))


def _inputs(operations: AbstractSet[Operation]) -> list[dict[str, Any]]:
    # Ids are bare: `"\"1\""` would be taken without a word, and the coupon never discount.
    return [
        {
            "code": each.code,
            "arguments": [{"name": name, "value": text} for name, text in sorted(each.arguments)],
        }
        for each in sorted(operations, key=lambda each: each.code)
    ]


def _read(operations: Iterable[OperationDocument]) -> frozenset[Operation]:
    return frozenset(
        Operation(each.code, frozenset((one.name, one.value) for one in each.args))
        for each in operations
    )


def _without_ours(terms: Terms) -> Terms:
    return msgspec.structs.replace(terms, conditions=terms.conditions - _ours(terms))


def _ours(terms: Terms) -> frozenset[Operation]:
    return frozenset(each for each in terms.conditions if each.code == OURS)


def _in_milliseconds(at: datetime) -> datetime:
    # JavaScript's dates know no more.
    return at.replace(microsecond=at.microsecond // 1000 * 1000)
