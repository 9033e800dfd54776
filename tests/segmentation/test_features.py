"""The catalogue, and its page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from segmentation.errors import UnknownFeature
from segmentation.features import FEATURES, NAMES, feature, signed_log, transformed

PAGE = Path(__file__).parents[2] / "docs" / "features.md"


def test_names_are_distinct_and_every_feature_is_explained() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert all(one.meaning.endswith(".") for one in FEATURES)


def test_the_page_lists_the_catalogue_in_its_order() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    expected = [
        f"| `{one.name}` | {one.unit} | {one.transform} | {one.meaning} |" for one in FEATURES
    ]
    assert rows == expected


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
