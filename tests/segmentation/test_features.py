"""The catalogue, and its page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segmentation.errors import UnknownFeature
from segmentation.features import FEATURES, NAMES, feature, signed_log, transformed, unknown_as
from segmentation.scaling import measured, unknown

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_names_are_distinct_and_every_feature_is_explained() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(one.meaning.endswith(".") for one in FEATURES)


def test_the_page_lists_the_catalogue_in_its_order() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    expected = [
        f"| `{one.name}` | {one.unit} | {one.transform} | {unknown_as(one)} | {one.meaning} |"
        for one in FEATURES
    ]
    assert rows == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("gap_days_mean", 0.0), ("gender_male", 0.5), ("return_fault_share", 0.0), ("age", 30.0)],
)
def test_a_model_takes_for_the_unknown_what_is_declared(name: str, expected: float) -> None:
    column = np.array([20.0, np.nan, 30.0, 90.0])
    assert unknown(name, column) == expected
    assert measured({name: column}, (name,)).imputed == (expected,)
    assert unknown_as(feature(name)) in {f"{expected:g}", "median"}


def test_what_nobody_says_of_anybody_counts_as_declared_or_nothing() -> None:
    column = np.full(3, np.nan)
    assert [unknown(name, column) for name in ("age", "gender_male")] == [0.0, 0.5]


def test_the_logarithm_is_defined_below_zero_and_odd() -> None:
    column = np.array([-100.0, -1.0, -0.0, 0.0, 1.0, 100.0])
    assert np.array_equal(signed_log(column), -signed_log(-column))
    assert signed_log(column)[4] == np.log(2)


def test_a_column_is_clipped_then_transformed_and_nan_stays() -> None:
    column = np.array([-5.0, np.e - 1, np.nan])
    assert transformed("recency_days", column) == pytest.approx([0.0, 1.0, np.nan], nan_ok=True)
    assert transformed("refund_share", np.array([1.7])).tolist() == [1.0]


def test_an_unknown_feature_names_the_nearest() -> None:
    with pytest.raises(UnknownFeature, match=r"'recency_day' .* did you mean 'recency_days'"):
        feature("recency_day")
