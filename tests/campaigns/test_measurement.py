"""Lift: known numbers, caution where there are too few, and the promised coverage."""

import math

import numpy as np
import pytest

from campaigns.measurement import Arm, lift, verdict


def arm(conversions: int, customers: int, value: int = 1000) -> Arm:
    converted = np.arange(customers) < conversions
    return Arm(converted, converted * np.int64(value))


def test_a_clear_lift() -> None:
    found = lift(arm(200, 1000), arm(100, 1000))
    assert found.conversion.difference == pytest.approx(0.1)
    # Wald's interval is 0.1 +- 0.0311; Agresti and Caffo's is very near with so many.
    assert found.conversion.low == pytest.approx(0.0689, abs=5e-4)
    assert found.revenue.difference == pytest.approx(100)
    assert found.is_clear
    assert found.caution == ""


def test_too_few_is_said() -> None:
    few = lift(arm(50, 200), arm(2, 20))
    assert few.caution == "too few customers (control group: 20, expected 100)"
    assert not few.is_clear
    assert lift(arm(3, 200), arm(9, 200)).caution.startswith("too few conversions (reached: 3")


@pytest.mark.parametrize(
    ("reached", "control", "said"),
    [
        (arm(200, 1000), arm(100, 1000), "10.0 more (95 % sure: 6.9 to 13.1) came to the goal"),
        (arm(100, 1000), arm(200, 1000), "10.0 fewer (95 % sure: 6.9 to 13.1) came to the goal"),
        (arm(105, 1000), arm(100, 1000), "told from chance: of 100 customers between 2.2 fewer"),
        (arm(50, 200), arm(2, 20), "too early to tell: too few customers (control group: 20"),
        (arm(50, 200), arm(0, 0), "no control group, so nobody can tell"),
    ],
)
def test_the_verdict_promises_no_more_than_the_numbers(
    reached: Arm, control: Arm, said: str
) -> None:
    assert said in verdict(lift(reached, control))


def test_nobody_held_out() -> None:
    found = lift(arm(50, 200), arm(0, 0))
    assert math.isnan(found.conversion.control)
    assert math.isnan(found.revenue.low)
    assert not found.is_clear


def test_the_interval_covers_the_truth_95_times_of_100() -> None:
    random = np.random.default_rng(1)
    hits = 0
    for _ in range(1000):
        a, b = random.random(300) < 0.12, random.random(150) < 0.08
        found = lift(Arm(a, a * np.int64(1)), Arm(b, b * np.int64(1))).conversion
        hits += found.low <= 0.04 <= found.high
    assert 930 <= hits <= 985
