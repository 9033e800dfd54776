"""The rules give every customer one of seven stages, in the shop's own rhythm."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segmentation.rules import (
    NOBODY,
    STAGES,
    Columns,
    RuleSet,
    lateness,
    learn_thresholds,
    rhythm_days,
    stages,
)


def customer(orders: float, recency: float, gap: float = np.nan, money: float = 50.0) -> Columns:
    return {
        "orders": np.array([orders]),
        "recency_days": np.array([recency if orders else np.nan]),
        "gap_days_mean": np.array([gap]),
        "monetary_value": np.array([money]),
    }


def shop(rhythm: float, size: int = 400) -> Columns:
    chance = np.random.default_rng(5)
    orders = chance.geometric(0.3, size).astype(np.float64)
    return {
        "orders": orders,
        "recency_days": chance.exponential(rhythm * 2, size),
        "gap_days_mean": np.where(orders > 1, chance.gamma(4, rhythm / 4, size), np.nan),
        "monetary_value": orders * chance.lognormal(3, 0.5, size),
    }


@pytest.mark.parametrize(
    ("orders", "recency", "gap", "stage"),
    [
        (8, 10, 40, "champions"),
        (3, 10, 40, "loyal"),
        (2, 10, 40, "promising"),
        (1, 10, np.nan, "new"),
        (6, 130, 45, "at_risk"),
        (1, 130, np.nan, "hibernating"),
        (6, 250, 45, "hibernating"),
        (6, 500, 45, "lost"),
        (1, 500, np.nan, "lost"),
    ],
)
def test_each_stage_has_its_customers(
    orders: float, recency: float, gap: float, stage: str
) -> None:
    assert STAGES[stages(RuleSet(), customer(orders, recency, gap))[0]] == stage


def test_somebody_without_an_order_is_in_no_stage() -> None:
    assert stages(RuleSet(), customer(0, np.nan))[0] == NOBODY


def test_champions_must_have_spent_enough() -> None:
    rules = RuleSet(champion_money=100)
    assert STAGES[stages(rules, customer(8, 10, 40, money=99))[0]] == "loyal"
    assert STAGES[stages(rules, customer(8, 10, 40, money=100))[0]] == "champions"


def test_a_month_is_late_at_a_weekly_shop_and_on_time_at_a_quarterly_one() -> None:
    weekly, quarterly = learn_thresholds(shop(7)), learn_thresholds(shop(90))
    one = customer(4, 60, 30)
    assert weekly.gap_days < 20
    assert quarterly.gap_days > 60
    assert STAGES[stages(weekly, one)[0]] in {"at_risk", "hibernating"}
    assert STAGES[stages(quarterly, one)[0]] == "loyal"


def test_all_seven_stages_are_used_in_an_ordinary_shop() -> None:
    columns = shop(40, 2000)
    found = stages(learn_thresholds(columns), columns)
    assert set(found.tolist()) == set(range(len(STAGES)))


def test_an_empty_shop_has_the_default_rules() -> None:
    nothing = {name: column[:0] for name, column in shop(40).items()}
    assert learn_thresholds(nothing) == RuleSet()
    assert not len(stages(RuleSet(), nothing))


def test_a_shop_with_first_orders_only_has_the_default_rhythm() -> None:
    columns = customer(1, 3)
    assert learn_thresholds(columns).gap_days == RuleSet().gap_days


def test_few_customers_barely_move_the_default_rhythm() -> None:
    few = {name: column[:6] for name, column in shop(7).items()}
    assert learn_thresholds(few).gap_days > 35


def test_two_orders_within_an_hour_do_not_make_a_customer_late_the_next_day() -> None:
    rhythm = rhythm_days(RuleSet(), np.array([2.0, 9.0]), np.array([0.04, 0.04]))
    assert (rhythm >= RuleSet().gap_days / 3).all()


@given(
    orders=st.integers(1, 60),
    gap=st.one_of(st.just(float("nan")), st.floats(0, 700)),
    recency=st.floats(0, 3000),
    later=st.floats(0, 3000),
)
def test_who_does_nothing_only_ever_ages(
    orders: int, gap: float, recency: float, later: float
) -> None:
    order = {stage: at for at, stage in enumerate(("at_risk", "hibernating", "lost"), start=1)}
    now = STAGES[stages(RuleSet(), customer(orders, recency, gap))[0]]
    then = STAGES[stages(RuleSet(), customer(orders, recency + later, gap))[0]]
    assert order.get(then, 0) >= order.get(now, 0)
    assert then == now or order.get(then, 0) > order.get(now, 0)


def test_lateness_counts_rhythms() -> None:
    assert lateness(RuleSet(gap_days=30), customer(1, 60))[0] == pytest.approx(2.0)
    assert np.isnan(lateness(RuleSet(), customer(0, 0))[0])
