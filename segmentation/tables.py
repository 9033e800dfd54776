"""Groups in a plain table of customers, whatever its columns: K-means on comparable numbers.

For a table that somebody brings without any history. Columns are made comparable as features are
(robust centre and spread, long tails in logarithms); the number of groups is the one whose groups
lie furthest apart (silhouette; Rousseeuw, 1987). A group is named by what stands out in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import silhouette_score

from segmentation.features import signed_log
from segmentation.rules import Floats, Indices
from segmentation.scaling import spread

LEAST_ROWS: Final = 6
MOST_GROUPS: Final = 8
_ROWS_A_GROUP: Final = 3
_SAMPLE: Final = 2_000  # rows that the silhouette is measured on
_DRAWS: Final = 5  # tables without groups that are compared with
_CLEARLY: Final = 0.08  # of silhouette; the best of seven fits to even numbers comes to 0.03
_LONG_TAIL: Final = 2.0  # skewness from which logarithms are taken
_PLAIN: Final = 0.35  # spreads from the usual that do not name a group
_TRAITS: Final = 2


class TableGroup(msgspec.Struct, frozen=True):
    """A group: its name, its size, and medians of the columns in their own units."""

    name: str
    size: int
    typical: Mapping[str, float]


class TableGroups(msgspec.Struct, frozen=True):
    """All groups, the largest first, each row's group, and how far apart they lie (-1 to 1).

    ``chance`` is how far apart as many groups lie in numbers of the same spread that have none;
    ``is_apart`` tells whether these lie clearly further apart than that.
    """

    groups: tuple[TableGroup, ...]
    group_of: tuple[int, ...]
    silhouette: float
    chance: float
    is_apart: bool


def table_groups(columns: Mapping[str, Floats], *, k: int = 0, seed: int = 0) -> TableGroups:
    """Group the rows of a table.

    Parameters
    ----------
    columns
        Numbers by name, NaN where a row says nothing: that counts as the column's median.
    k
        How many groups; 0 lets the rows say.

    Raises
    ------
    ValueError
        If there are fewer than `LEAST_ROWS` rows, no columns, or too many groups for the rows.
    """
    rows = len(next(iter(columns.values()), ()))
    if rows < LEAST_ROWS:
        message = f"{rows} rows: expected at least {LEAST_ROWS}, each with a number"
        raise ValueError(message)
    points = np.column_stack([_comparable(column) for column in columns.values()])
    most = min(MOST_GROUPS, rows // _ROWS_A_GROUP, len(np.unique(points, axis=0)))
    if k and not 1 < k <= max(most, 1):
        message = f"{k} groups: expected from 2 to {most} for {rows} rows"
        raise ValueError(message)
    labels, score = _best(points, [k] if k else list(range(2, most + 1)), seed)
    order = np.argsort(-np.bincount(labels), kind="stable")
    place = np.argsort(order)
    labels = place[labels]
    means = np.array([points[labels == at].mean(axis=0) for at in range(len(order))])
    names = _names(tuple(columns), means)
    groups = tuple(
        TableGroup(name, int((labels == at).sum()), _medians(columns, labels == at))
        for at, name in enumerate(names)
    )
    chance = _by_chance(points, len(groups), seed)
    is_apart = score - chance > max(_CLEARLY, rows**-0.5)  # few rows scatter more
    return TableGroups(groups, tuple(labels.tolist()), score, chance, is_apart)


def _best(points: Floats, counts: Sequence[int], seed: int) -> tuple[Indices, float]:
    """Labels of the fit whose groups lie furthest apart, and how far."""
    best: tuple[Indices, float] = np.zeros(len(points), np.int64), 0.0
    found = -2.0
    for count in counts:
        labels = KMeans(count, n_init=10, random_state=seed).fit_predict(points).astype(np.int64)
        score = float(
            silhouette_score(
                points, labels, sample_size=min(_SAMPLE, len(points)), random_state=seed
            )
        )
        if score > found:
            best, found = (labels, score), score
    return best


def _by_chance(points: Floats, k: int, seed: int) -> float:
    """The silhouette of ``k`` groups in rows that have none, on average.

    These are drawn evenly over the box along the points' principal axes: the reference of the gap
    statistic (Tibshirani, Walther and Hastie, 2001), which a mere correlation does not beat.
    """
    draw = np.random.default_rng(seed)
    centre = points.mean(axis=0)
    axes = np.linalg.svd(points - centre, full_matrices=False)[2]
    along = (points - centre) @ axes.T
    size = (min(len(points), _SAMPLE), along.shape[1])
    scores = []
    for _ in range(_DRAWS):
        even = draw.uniform(along.min(axis=0), along.max(axis=0), size)
        labels = KMeans(k, n_init=3, random_state=seed).fit_predict(even)
        scores.append(float(silhouette_score(even, labels)))
    return float(np.mean(scores))


def _comparable(column: Floats) -> Floats:
    known = column[~np.isnan(column)]
    median = float(np.median(known)) if len(known) else 0.0
    filled = np.where(np.isnan(column), median, column)
    deviation = filled.std()
    skewness = ((filled - filled.mean()) ** 3).mean() / deviation**3 if deviation else 0.0
    moved = signed_log(filled) if skewness > _LONG_TAIL else filled
    centre, scale = spread(moved)
    return np.asarray((moved - centre) / scale, dtype=np.float64)


def _medians(columns: Mapping[str, Floats], chosen: np.ndarray) -> dict[str, float]:
    found = {}
    for name, column in columns.items():
        known = column[chosen & ~np.isnan(column)]
        found[name] = float(np.median(known)) if len(known) else float("nan")
    return found


def _names(columns: Sequence[str], means: Floats) -> list[str]:
    """Up to two traits a group, the most marked first; more where two groups share them."""
    names: list[str] = []
    for row in means:
        marked = sorted(range(len(columns)), key=lambda at: -abs(row[at]))
        traits = [
            f"{'high' if row[at] > 0 else 'low'} {columns[at]}"
            for at in marked
            if abs(row[at]) > _PLAIN
        ]
        name = ", ".join(traits[:_TRAITS]) or "in the middle"
        for more in range(_TRAITS + 1, len(traits) + 1):
            if name in names:
                name = ", ".join(traits[:more])
        number = 2
        while name in names:
            name = f"{name.partition(' · ')[0]} · {number}"
            number += 1
        names.append(name)
    return names
