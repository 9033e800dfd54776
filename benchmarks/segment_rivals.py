"""What scikit-learn alone reaches week by week, on the features of the same log.

All features in logarithms and standardised; a customer with one order has a gap of 0. The error of
a week's labels is that to their own means, over KMeans' (five starts) on the same matrix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.preprocessing import StandardScaler

from segmentation.rules import Floats, Indices

K = 8
_BATCH = 256


class Snapshot(NamedTuple):
    """Everybody in one week: their ids, features in logarithms, and whether they ordered in it."""

    ids: Indices
    features: Floats
    ordered: Any


class _Kept(NamedTuple):
    scaler: StandardScaler
    model: Any


_Told = tuple[Indices, Floats, _Kept | None]
_Fit = Callable[[int, Snapshot, _Kept | None], _Told]


def squared_error(points: Floats, labels: Indices) -> float:
    """The squared distances of points to the means of their labels."""
    error = 0.0
    for label in np.unique(labels):
        its = points[labels == label]
        error += float(((its - its.mean(axis=0)) ** 2).sum())
    return error


def rivals(weeks: Sequence[Snapshot]) -> dict[str, dict[str, float]]:
    """Mean error ratio and mean adjusted Rand index to the week before, by method."""
    methods: dict[str, _Fit] = {
        "KMeans anew, 1 start": lambda week, seen, _: _anew(week, seen, 1),
        "KMeans anew, 10 starts": lambda week, seen, _: _anew(week, seen, 10),
        "KMeans from the last centres": _warm,
        "KMeans of the first week": _frozen,
        "partial_fit of the week's buyers": lambda week, seen, kept: _fed(
            week, seen, kept, seen.ordered
        ),
        "partial_fit of everybody": lambda week, seen, kept: _fed(
            week, seen, kept, np.ones(len(seen.ids), dtype=bool)
        ),
    }
    return {name: _judged(weeks, fit) for name, fit in methods.items()}


def _judged(weeks: Sequence[Snapshot], fit: _Fit) -> dict[str, float]:
    kept: _Kept | None = None
    before: dict[int, int] = {}
    ratios, agreements = [], []
    for week, seen in enumerate(weeks):
        labels, points, kept = fit(week, seen, kept)
        if before:
            best = KMeans(K, n_init=5, random_state=99).fit(points)
            ratios.append(squared_error(points, labels) / float(best.inertia_))
            pairs = [
                (before[one], label)
                for one, label in zip(seen.ids.tolist(), labels.tolist(), strict=True)
                if one in before
            ]
            agreements.append(float(adjusted_rand_score(*zip(*pairs, strict=True))))
        before = dict(zip(seen.ids.tolist(), labels.tolist(), strict=True))
    return {"error_ratio_mean": float(np.mean(ratios)), "ari_mean": float(np.mean(agreements))}


def _anew(week: int, seen: Snapshot, starts: int) -> _Told:
    points = StandardScaler().fit_transform(seen.features)
    return KMeans(K, n_init=starts, random_state=week).fit_predict(points), points, None


def _begun(seen: Snapshot) -> _Kept:
    scaler = StandardScaler().fit(seen.features)
    points = scaler.transform(seen.features)
    return _Kept(scaler, KMeans(K, n_init=10, random_state=0).fit(points))


def _warm(_: int, seen: Snapshot, kept: _Kept | None) -> _Told:
    kept = kept or _begun(seen)
    points = kept.scaler.transform(seen.features)
    model = KMeans(K, init=kept.model.cluster_centers_, n_init=1, max_iter=10).fit(points)
    return model.labels_, points, _Kept(kept.scaler, model)


def _frozen(_: int, seen: Snapshot, kept: _Kept | None) -> _Told:
    kept = kept or _begun(seen)
    points = kept.scaler.transform(seen.features)
    return kept.model.predict(points), points, kept


def _fed(week: int, seen: Snapshot, kept: _Kept | None, chosen: Any) -> _Told:
    if kept is None:
        scaler = StandardScaler().fit(seen.features)
        points = scaler.transform(seen.features)
        kept = _Kept(scaler, MiniBatchKMeans(K, n_init=3, random_state=0).fit(points))
        return kept.model.predict(points), points, kept
    points = kept.scaler.transform(seen.features)
    rows = np.random.default_rng(week).permutation(np.flatnonzero(chosen))
    for start in range(0, len(rows), _BATCH):
        part = points[rows[start : start + _BATCH]]
        if len(part) >= K:
            kept.model.partial_fit(part)
    return kept.model.predict(points), points, kept
