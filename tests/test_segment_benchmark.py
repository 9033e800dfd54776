"""The figures of the segment benchmark: what is counted as a sale, and what stands beside it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmarks.segment_rivals import K, Snapshot, rivals, squared_error
from benchmarks.segments import drifted, sales, without
from worker.order_files import Log


def log() -> Log:
    """Two customers with two sales each, a cancellation and a gift; chance doubles d."""
    times = pd.to_datetime(
        ["2026-01-05", "2026-01-06", "2026-06-05", "2026-06-03", "2026-06-07", "2026-06-09"],
        utc=True,
    )
    lines = pd.DataFrame(
        {
            "order": ["1", "2", "3", "4", "C5", "6"],
            "customer": ["a", "d", "a", "d", "a", "d"],
            "time": times,
            "product": ["x"] * 6,
            "quantity": [1, 2, 3, 4, -1, 0],
            "price": [1.0] * 6,
        }
    )
    return Log(lines, 0, ())


def test_only_sales_are_replayed() -> None:
    assert sales(log()).lines["order"].tolist() == ["1", "2", "3", "4"]


def test_the_planted_drift_doubles_half_of_the_customers_from_its_week_on() -> None:
    lines = drifted(sales(log())).lines
    doubled = sorted(set(lines.loc[lines["order"].str.endswith("-2"), "customer"]))
    assert len(doubled) == 1
    its = lines[lines["customer"] == doubled[0]].groupby("time")["quantity"].sum().tolist()
    plain = sales(log()).lines
    before, after = plain[plain["customer"] == doubled[0]]["quantity"].tolist()
    assert its[:2] == [before, 2 * after]


def test_each_customer_is_left_out_by_one_of_four_quarters() -> None:
    every = sales(log())
    kept = [set(without(every, quarter).lines["customer"]) for quarter in range(4)]
    assert sorted(one for its in kept for one in its) == ["a"] * 3 + ["d"] * 3


def test_rivals_are_judged_on_the_same_weeks() -> None:
    luck = np.random.default_rng(1)
    middles = luck.normal(0, 5, (K, 3))
    kind = luck.integers(K, size=400)
    weeks = [
        Snapshot(
            np.arange(400),
            middles[kind] + luck.normal(0, 0.4, (400, 3)),
            luck.random(400) < 0.5,
        )
        for _ in range(4)
    ]
    found = rivals(weeks)
    assert len(found) == 6
    for name, figures in found.items():
        assert figures["error_ratio_mean"] >= 0.999, name
    best = found["KMeans anew, 10 starts"]
    assert best["error_ratio_mean"] == pytest.approx(1.0, abs=1e-3)
    assert best["ari_mean"] == pytest.approx(1.0, abs=0.02)


def test_the_error_of_labels_is_that_to_their_own_means() -> None:
    points = np.array([[0.0], [2.0], [10.0]])
    assert squared_error(points, np.array([0, 0, 1])) == 2.0
