"""Fewer directions: what they keep, and features that say nothing."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.choosing.methods import Reduction
from segmentation.choosing.reducing import projected, projection


@pytest.mark.parametrize("how", ["pca", "factors"])
def test_a_feature_that_is_the_same_for_everybody_changes_nothing(how: Reduction) -> None:
    draw = np.random.default_rng(0)
    cause = draw.normal(size=(300, 2))
    points = cause @ draw.normal(size=(2, 5)) + draw.normal(scale=0.3, size=(300, 5))
    constant = np.column_stack([points, np.zeros(300)])
    plain = projected(points, projection(points, how))
    beside = projected(constant, projection(constant, how))
    assert np.isfinite(beside).all()
    np.testing.assert_allclose(np.abs(beside), np.abs(plain), atol=1e-3)
