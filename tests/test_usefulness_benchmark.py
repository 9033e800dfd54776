"""The figures of `benchmarks.usefulness`, on hand-made cases."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.usefulness import explained, rfm


def test_groups_that_say_everything_explain_all_and_one_group_explains_nothing() -> None:
    values = np.array([1.0, 1.0, 5.0, 5.0])
    assert explained(values, np.array([0, 0, 7, 7])) == pytest.approx(1.0)
    assert explained(values, np.array([3, 3, 3, 3])) == pytest.approx(0.0)


def test_a_half_explained_variance_by_hand() -> None:
    # Means 1 and 3 around 2: 4 of a total of 8.
    assert explained(np.array([0.0, 2.0, 2.0, 4.0]), np.array([0, 0, 1, 1])) == pytest.approx(0.5)


def test_cells_part_recency_orders_and_money_by_rank() -> None:
    columns = {
        "recency_days": np.array([1.0, 100.0, 10.0]),
        "orders": np.array([9.0, 1.0, 3.0]),
        "monetary_value": np.array([900.0, 10.0, 50.0]),
    }
    assert rfm(columns, 3).tolist() == [26, 0, 13]
