"""The catalogue, and its page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segmentation.errors import UnknownFeature
from segmentation.features import (
    FEATURES,
    NAMES,
    Feature,
    cut_at,
    feature,
    prepared,
    read_as,
    signed_log,
    unknown_as,
)
from segmentation.recipe import FEATURES as RECIPE_FEATURES
from segmentation.scaling import bounds, measured, unknown

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_names_are_distinct_and_every_feature_is_explained() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(one.meaning.endswith(".") for one in FEATURES)


def test_the_page_lists_the_catalogue_in_its_order() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    expected = [
        f"| `{one.name}` | {one.unit} | {cut_at(one)} | {unknown_as(one)} | {read_as(one)} "
        f"| {one.meaning} |"
        for one in FEATURES
    ]
    assert rows == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gap_days_mean", 0.0), ("gender_male", 0.5), ("return_fault_share", 0.0), ("age", 30.0)],
)
def test_a_model_takes_for_the_unknown_what_is_declared(name: str, expected: float) -> None:
    column = np.array([20.0, np.nan, 30.0, 90.0])
    assert unknown(feature(name), column) == expected
    assert measured({name: column}, (name,)).imputed == (expected,)
    assert unknown_as(feature(name)) in {f"{expected:g}", "median"}


def test_what_nobody_says_of_anybody_counts_as_declared_or_nothing() -> None:
    column = np.full(3, np.nan)
    assert [unknown(feature(name), column) for name in ("age", "gender_male")] == [0.0, 0.5]


def test_the_logarithm_is_defined_below_zero_and_odd() -> None:
    column = np.array([-100.0, -1.0, -0.0, 0.0, 1.0, 100.0])
    assert np.array_equal(signed_log(column), -signed_log(-column))
    assert signed_log(column)[4] == np.log(2)


def test_a_column_is_cut_then_filled_in_then_transformed() -> None:
    column = np.array([-5.0, np.e - 1, np.nan])
    found = prepared(column, feature("recency_days").clip, np.e**2 - 1, "log")
    assert found.tolist() == pytest.approx([0.0, 1.0, 2.0])
    assert prepared(np.array([1.7]), feature("refund_share").clip, 0.0, "none").tolist() == [1.0]
    # What stands for an unknown value was chosen in the knowledge of the bounds.
    assert prepared(np.array([np.nan]), (1.0, 5.0), 0.0, "none").tolist() == [0.0]


def test_outliers_are_cut_at_quantiles_of_those_who_are_known() -> None:
    entry = Feature("per_visit", "count", "Something.", clip=(0, 1e6), outliers=(0.005, 0.995))
    column = np.append(np.linspace(0, 100, 1001), [1e9, np.nan, np.inf])
    assert bounds(entry, column) == pytest.approx((0.5, 99.5), abs=0.2)
    assert bounds(entry, np.full(3, np.nan)) == (0, 1e6)
    assert cut_at(entry) == "0 to 1e+06, quantiles 0.005 to 0.995"


def test_what_only_a_few_have_is_not_cut_away() -> None:
    entry = Feature("rare", "count", "Something.", outliers=(0.005, 0.995))
    assert bounds(entry, np.append(np.zeros(1000), 7.0)) is None


def test_quantiles_are_declared_for_browsing_which_programs_do_too() -> None:
    browsing = {"views", "searches", "carts", "checkouts", "sessions", "browsing_seconds"}
    assert {one.name for one in FEATURES if one.outliers} == browsing
    # The default groups are what they were before quantiles could be declared.
    assert not browsing & set(RECIPE_FEATURES)


def test_an_unknown_feature_names_the_nearest() -> None:
    with pytest.raises(UnknownFeature, match=r"'recency_day' .* did you mean 'recency_days'"):
        feature("recency_day")
