"""Costs are never understated; a lowered discount stays within its policy for every order."""

from datetime import timedelta
from decimal import Decimal

import hypothesis.strategies as st
from hypothesis import given

from campaigns.costs import cost_at_most, is_worthless, lowered
from campaigns.policy import DiscountAtMost
from campaigns.steps import CouponStep

_MONEY = st.decimals("0.01", "500", places=2)
_COUPONS = st.one_of(
    st.builds(
        CouponStep,
        st.just(timedelta(days=7)),
        percent_off=st.floats(0.5, 100),
        maximum_discount=st.none() | _MONEY,
        minimum_spend=_MONEY,
    ),
    st.builds(CouponStep, st.just(timedelta(days=7)), amount_off=_MONEY, minimum_spend=_MONEY),
)


def discount(step: CouponStep, order: Decimal) -> Decimal:
    if order < step.minimum_spend:
        return Decimal(0)
    if step.amount_off is not None:
        return min(step.amount_off, order)
    off = order * Decimal(str(step.percent_off)) / 100
    return off if step.maximum_discount is None else min(off, step.maximum_discount)


@given(
    _COUPONS,
    st.builds(DiscountAtMost, st.none() | st.floats(1, 100), st.none() | _MONEY),
    st.decimals("0.01", "2000", places=2),
)
def test_within_the_policy_for_every_order(
    step: CouponStep, most: DiscountAtMost, order: Decimal
) -> None:
    found = discount(lowered(step, most, "EUR"), order)
    assert found <= discount(step, order)
    if most.percent is not None:
        assert found <= order * Decimal(str(most.percent)) / 100
    if most.amount is not None:
        assert found <= most.amount


@given(_COUPONS, st.integers(0, 50_000), st.decimals("0.01", "500", places=2))
def test_never_less_than_the_discount_of_a_usual_order(
    step: CouponStep, usual: int, order: Decimal
) -> None:
    cost = cost_at_most([step], usual, "EUR")
    if not cost.is_estimate or order * 100 <= usual:
        assert discount(step, order) * 100 <= cost.minor


def test_nothing_left() -> None:
    step = CouponStep(timedelta(days=7), percent_off=10)
    assert is_worthless(lowered(step, DiscountAtMost(percent=0), "EUR"))
    assert is_worthless(lowered(step, DiscountAtMost(amount=Decimal(0)), "EUR"))
    assert not is_worthless(step)
