"""What speaks for or against groups: each figure is a number that somebody else can compute again.

Distances are taken in the shop's scaled features, whatever a candidate reduced them to, so that
candidates can be held against each other. Customers in no group (noise) are left out of the four
figures of shape, and their share stands beside them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import msgspec
import numpy as np
from sklearn.metrics import (
    adjusted_rand_score,
    calinski_harabasz_score,
    davies_bouldin_score,
    silhouette_score,
)

from segmentation.choosing.methods import NOISE
from segmentation.rules import Floats, Indices


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How compact groups are and how far apart; None where there are fewer than two groups.

    ``silhouette`` from -1 to 1, more is better (Rousseeuw, 1987); ``calinski_harabasz`` from 0,
    more is better (1974); ``davies_bouldin`` from 0, less is better (1979); ``error`` is the mean
    squared distance to the own group's mean, less is better, and falls with every further group.
    """

    silhouette: float | None = None
    calinski_harabasz: float | None = None
    davies_bouldin: float | None = None
    error: float | None = None


def shape(points: Floats, labels: Indices, looked_at: Indices) -> Shape:
    """The four figures; the silhouette of the rows ``looked_at`` alone: its cost is quadratic."""
    inside = labels != NOISE
    groups = np.unique(labels[inside])
    if not 1 < len(groups) < inside.sum():
        return Shape()
    kept, of = points[inside], labels[inside]
    return Shape(
        silhouette=_silhouette(points[looked_at], labels[looked_at]),
        calinski_harabasz=float(calinski_harabasz_score(kept, of)),
        davies_bouldin=float(davies_bouldin_score(kept, of)),
        error=error(kept, of),
    )


def _silhouette(points: Floats, labels: Indices) -> float | None:
    inside = labels != NOISE
    if not 1 < len(np.unique(labels[inside])) < inside.sum():
        return None
    return float(silhouette_score(points[inside], labels[inside]))


def error(points: Floats, labels: Indices) -> float:
    """Mean squared distance to the mean of the own group; every label is a group."""
    means = group_means(points, labels)
    _, of = np.unique(labels, return_inverse=True)
    return float(((points - means[of]) ** 2).sum() / len(points))


def group_means(points: Floats, labels: Indices) -> Floats:
    """Groups x features, in the order of the labels; noise is nobody's."""
    groups = [label for label in np.unique(labels).tolist() if label != NOISE]
    return np.array([points[labels == label].mean(axis=0) for label in groups])


def agreement(runs: Sequence[Indices]) -> float:
    """Mean adjusted Rand index (Hubert & Arabie, 1985) over all pairs; noise counts as a group."""
    pairs = [adjusted_rand_score(one, other) for one, other in combinations(runs, 2)]
    return float(np.mean(pairs))


def noise_share(labels: Indices) -> float:
    """Share of customers that are in no group."""
    return float((labels == NOISE).mean())


def smallest_share(labels: Indices, wanted: int = 0) -> float:
    """Share of all customers in the smallest group; 0 without groups or with one that is empty.

    ``wanted`` is how many groups there should be, if that was given.
    """
    _, counts = np.unique(labels[labels != NOISE], return_counts=True)
    return float(counts.min() / len(labels)) if len(counts) >= max(wanted, 1) else 0.0


def explained(values: Floats, labels: Indices) -> float | None:
    """η²: the share of the values' variance that lies between groups; noise counts as one.

    Source: Fisher (1925), analysis of variance. None where the values do not differ.
    """
    total = float(((values - values.mean()) ** 2).sum()) if len(values) else 0.0
    if total <= 0:
        return None
    _, of = np.unique(labels, return_inverse=True)
    counts = np.bincount(of)
    means = np.bincount(of, values) / counts
    return float((counts * (means - values.mean()) ** 2).sum() / total)
