"""What a campaign's steps may cost at most, and how policies lower a discount."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal

from campaigns.policy import DiscountAtMost
from campaigns.steps import CouponStep, Step
from connectors.records import Money, exponent


@dataclass(frozen=True, slots=True)
class Cost:
    """Minor units at most; an estimate where a percentage of an unknown order has no bound."""

    minor: int
    is_estimate: bool = False


def minor_units(amount: Decimal, currency: str) -> int:
    """An amount of the main unit in minor units, rounded up: a cost is never understated."""
    return int(amount.scaleb(exponent(currency)).to_integral_value(ROUND_CEILING))


def money_text(minor: int, currency: str) -> str:
    """Minor units as people write them: ``12.50 EUR``."""
    return f"{Money(minor, currency).amount:,f} {currency}"


def cost_at_most(steps: Iterable[Step], usual: int, currency: str) -> Cost:
    """The cost of all coupons among the steps.

    ``usual`` (minor units) is the larger of the customer's and the store's average order value;
    an unbounded percentage is taken of it or of the minimum spend, whichever is more.
    """
    total, is_estimate = 0, False
    for step in steps:
        if isinstance(step, CouponStep):
            cost = _coupon_cost(step, usual, currency)
            total += cost.minor
            is_estimate = is_estimate or cost.is_estimate
    return Cost(total, is_estimate)


def _coupon_cost(step: CouponStep, usual: int, currency: str) -> Cost:
    bound = step.amount_off if step.percent_off is None else step.maximum_discount
    if bound is not None:
        return Cost(minor_units(bound, currency))
    base = max(minor_units(step.minimum_spend, currency), usual)
    share = Decimal(str(step.percent_off)) / 100
    return Cost(int((base * share).to_integral_value(ROUND_CEILING)), is_estimate=True)


def lowered(step: CouponStep, most: DiscountAtMost, currency: str) -> CouponStep:
    """A coupon within a policy's bound.

    An amount under a bound of per cent asks for so large an order that it stays within it; with
    a bound of 0 per cent nothing is left off at all.
    """
    unit = Decimal(1).scaleb(-exponent(currency))
    percent, amount = step.percent_off, step.amount_off
    spend, maximum = step.minimum_spend, step.maximum_discount
    if most.percent is not None and percent is not None:
        percent = min(percent, most.percent)
    if most.amount is not None and percent is not None:
        maximum = most.amount if maximum is None else min(maximum, most.amount)
    if most.amount is not None and amount is not None:
        amount = min(amount, most.amount)
    if most.percent is not None and amount is not None:
        if most.percent == 0:
            amount = Decimal(0)
        else:
            needed = amount * 100 / Decimal(str(most.percent))
            spend = max(spend, needed.quantize(unit, ROUND_CEILING))
    return replace(
        step,
        percent_off=percent,
        amount_off=amount,
        minimum_spend=spend,
        maximum_discount=maximum,
    )


def is_worthless(step: CouponStep) -> bool:
    """Whether nothing is left of a discount."""
    return not step.amount_off and (not step.percent_off or step.maximum_discount == 0)
