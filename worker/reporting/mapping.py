"""Customers on a plane: the two directions in which they differ most. Values in, values out.

Principal components by singular value decomposition (Pearson, 1901) of the model's own features,
imputed, transformed and scaled as the model does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from segmentation.model import SegmentModel, features_part
from segmentation.rules import Columns, Floats
from worker.drawing import JUDGED_BY
from worker.reporting.content import Axis, Picture

MOST: Final = 3_000
"""Customers drawn on the map at most."""

_LEAST: Final = 3  # points that make a plane
_TOLD: Final = 3  # features told of an axis
_WEAK: Final = 0.3  # loading below which a feature is not told
# Which way a direction shows, by the first of these that has a say in it.
_UPWARDS: Final = ("monetary_value", "orders", "average_order_value", "recency_days")


def picture(model: SegmentModel, columns: Columns, stages: Sequence[str]) -> Picture | None:
    """The map of some customers; None where there are too few, or all are alike.

    Parameters
    ----------
    columns
        Features of customers in the order of ``stages``; at most `MOST` of them are drawn by lot.
    """
    rows = np.flatnonzero(np.array(stages, dtype=str) != "")
    if len(rows) > MOST:
        rows = np.sort(np.random.default_rng(0).choice(rows, MOST, replace=False))
    names, points = _space(model, {name: column[rows] for name, column in columns.items()})
    points = points - points.mean(axis=0) if len(points) else points
    if len(points) < _LEAST or not points.std():
        return None
    _, sizes, directions = np.linalg.svd(points, full_matrices=False)
    axes = [_upwards(names, directions[at]) for at in range(2)]
    places = points @ np.array(axes).T
    return Picture(
        stages=tuple(stages[row] for row in rows.tolist()),
        x=tuple(np.round(places[:, 0], 2).tolist()),
        y=tuple(np.round(places[:, 1], 2).tolist()),
        right=_axis(names, axes[0]),
        up=_axis(names, axes[1]),
        explained=float((sizes[:2] ** 2).sum() / (sizes**2).sum()),
    )


def _space(model: SegmentModel, columns: Columns) -> tuple[tuple[str, ...], Floats]:
    """Names of the features, and customers x features as the model sees them."""
    if model.features:
        every = slice(0, len(columns["orders"]))
        return model.features, np.ascontiguousarray(features_part(model, columns, every).T)
    # The rules scale nothing: logarithms, each in its own deviations.
    points = np.stack([np.log1p(np.nan_to_num(columns[name])) for name in JUDGED_BY], axis=1)
    spread = points.std(axis=0) if len(points) else np.ones(len(JUDGED_BY))
    return JUDGED_BY, points / np.where(spread > 0, spread, 1.0)


def _upwards(names: Sequence[str], direction: Floats) -> Floats:
    """The direction so turned that what an owner looks for grows along it."""
    weights = dict(zip(names, direction.tolist(), strict=True))
    for name in (*_UPWARDS, max(weights, key=lambda one: abs(weights[one]))):
        if abs(weights.get(name, 0.0)) >= _WEAK:
            return direction if weights[name] > 0 else -direction
    return direction


def _axis(names: Sequence[str], direction: Floats) -> Axis:
    order = np.argsort(-np.abs(direction), kind="stable")[:_TOLD].tolist()
    told = [at for at in order if abs(direction[at]) >= _WEAK] or order[:1]
    return Axis(
        more=tuple(names[at] for at in told if direction[at] > 0),
        less=tuple(names[at] for at in told if direction[at] < 0),
    )
