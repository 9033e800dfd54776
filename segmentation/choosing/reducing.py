"""Fewer directions before groups are looked for: principal components or common factors.

Both are linear, so that a model keeps them as one matrix. What is subtracted before makes no
difference to distances and is left out.
"""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.exceptions import ConvergenceWarning

from segmentation.choosing.methods import Reduction
from segmentation.rules import Floats

_KEPT: Final = 0.9  # of the variance that principal components must keep
_LEAST: Final = 2
_CONSTANT: Final = 1e-9


def projection(points: Floats, how: Reduction) -> Floats | None:
    """Directions x features to multiply points with; None where nothing is reduced.

    Principal components (Pearson, 1901): as few as keep nine tenths of the variance. Factors
    (Spearman, 1904; varimax is not needed, for it only turns them): as many as there are
    eigenvalues of the correlations above 1 (Kaiser, 1960). Two at least.
    """
    if how == "none":
        return None
    if how == "factors":
        count = max(int((_eigenvalues(points) > 1).sum()), _LEAST)
        fitted = _factors(points, min(count, points.shape[1]))
        load = fitted.components_ / fitted.noise_variance_
        inner = np.eye(len(load)) + load @ fitted.components_.T
        return np.asarray(np.linalg.solve(inner, load), dtype=np.float64)
    fitted = PCA(random_state=0).fit(points)
    kept = np.cumsum(fitted.explained_variance_ratio_)
    count = max(int((kept < _KEPT).sum()) + 1, _LEAST)
    return np.asarray(fitted.components_[:count], dtype=np.float64)


def _eigenvalues(points: Floats) -> Floats:
    """Of the correlations; a feature that is the same for everybody correlates with nothing."""
    differs = points.std(axis=0) > _CONSTANT
    return np.linalg.eigvalsh(np.atleast_2d(np.corrcoef(points[:, differs], rowvar=False)))


def projected(points: Floats, matrix: Floats | None) -> Floats:
    """Points in the directions of `projection`."""
    return points if matrix is None else np.ascontiguousarray(points @ matrix.T)


def _factors(points: Floats, count: int) -> FactorAnalysis:
    with warnings.catch_warnings():
        # Features that make up one another (orders x average value = value) leave nothing of their
        # own to converge to; what is found by then serves as well.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return FactorAnalysis(count, max_iter=500, random_state=0).fit(points)
