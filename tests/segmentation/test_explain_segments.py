"""What sets a segment apart is what differs most, told once."""

from __future__ import annotations

import numpy as np

from segmentation.explain_segments import differences, typical_rows
from segmentation.rules import Columns


def shop(count: int = 600) -> dict[str, np.ndarray]:
    luck = np.random.default_rng(4)
    orders = luck.geometric(0.4, count).astype(float)
    return {
        "orders": orders,
        "distinct_products": orders * 3,
        "recency_days": luck.uniform(1, 400, count),
        "refund_share": np.where(luck.random(count) < 0.1, 0.5, 0.0),
        "tenure_days": luck.uniform(1, 400, count),
        "rating_mean": np.full(count, np.nan),
        "last_order_at": luck.uniform(0, 1e9, count),
        "views": np.zeros(count),
    }


def rows(columns: Columns, chosen: np.ndarray) -> dict[str, np.ndarray]:
    return {name: column[chosen] for name, column in columns.items()}


def test_the_greatest_difference_comes_first_in_the_features_own_unit() -> None:
    everybody = shop()
    members = rows(everybody, everybody["orders"] >= 4)
    first, *_ = differences(members, everybody)
    assert first.feature == "orders"
    assert (first.here, first.shop) == (
        np.median(members["orders"]),
        np.median(everybody["orders"]),
    )
    assert first.effect > 1
    assert not first.is_mean


def test_what_says_the_same_is_told_once_and_chance_not_at_all() -> None:
    everybody = shop()
    told = [
        one.feature for one in differences(rows(everybody, everybody["orders"] >= 4), everybody)
    ]
    assert told == ["orders"]


def test_where_medians_hide_a_difference_means_tell_it() -> None:
    everybody = shop()
    returning = everybody["refund_share"] > 0
    chosen = np.concatenate([np.flatnonzero(returning)[:30], np.flatnonzero(~returning)[:40]])
    (found,) = [
        one
        for one in differences(rows(everybody, chosen), everybody)
        if one.feature == "refund_share"
    ]
    assert found.is_mean
    assert found.here == np.mean(everybody["refund_share"][chosen])
    assert found.shop == np.mean(everybody["refund_share"])


def test_everybody_differs_in_nothing() -> None:
    assert differences(shop(), shop()) == ()


def test_typical_customers_are_those_nearest_to_the_centre() -> None:
    members = {
        "orders": np.array([1.0, 9.0, 4.0, 40.0, 5.0]),
        "gap_days_mean": np.array([np.nan, 20.0, 20.0, 21.0, 20.0]),
    }
    assert typical_rows(members, members, ("orders", "gap_days_mean")) == [4, 1, 2]
    nobody = {name: column[:0] for name, column in members.items()}
    assert typical_rows(nobody, members, ("orders",)) == []
