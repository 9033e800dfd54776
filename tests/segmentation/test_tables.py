"""Groups in a plain table: told to lie apart where they do, and not where none are."""

from __future__ import annotations

import numpy as np
import pytest

from segmentation.rules import Floats
from segmentation.tables import TableGroups, table_groups

CENTRES = np.array([(25, 30, 80), (45, 110, 20), (40, 60, 50), (30, 115, 85), (50, 25, 15)])
ROWS = 150


def grouped(points: Floats) -> TableGroups:
    return table_groups({f"column {at}": column for at, column in enumerate(points.T)})


@pytest.mark.parametrize("seed", range(2))
def test_numbers_without_groups_are_not_apart_however_they_are_spread(seed: int) -> None:
    draw = np.random.default_rng(seed)
    together = [[1.0, 0.8, 0.6], [0.8, 1.0, 0.7], [0.6, 0.7, 1.0]]
    for points in (
        draw.uniform(18, 70, (ROWS, 3)),
        draw.uniform(18, 70, (30, 2)),
        draw.multivariate_normal(np.zeros(3), together, ROWS),
    ):
        found = grouped(points)
        assert found.silhouette > 0.25  # what was told to lie "somewhat apart"
        assert not found.is_apart


def test_groups_that_are_there_are_apart_and_found() -> None:
    draw = np.random.default_rng(3)
    own = draw.integers(0, len(CENTRES), ROWS)
    found = grouped(CENTRES[own] + draw.normal(0, (4, 7, 7), (ROWS, 3)))
    assert found.is_apart
    assert found.silhouette > found.chance + 0.2
    pairs = set(zip(own.tolist(), found.group_of, strict=True))
    assert len(pairs) == len(found.groups) == len(CENTRES)
