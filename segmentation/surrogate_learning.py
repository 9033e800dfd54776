"""Learning the small tree that stands for a segment model; see `segmentation.surrogate`."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from sklearn.tree import DecisionTreeClassifier

from segmentation.constructed import entry
from segmentation.features import Range
from segmentation.model import SegmentModel, assign
from segmentation.rules import Columns, Floats, Indices
from segmentation.scaling import unknown
from segmentation.surrogate import DEPTH, Node, Surrogate, answers, counted, known

LEAST_CUSTOMERS: Final = 60
"""Customers with an order below which no tree is learned."""

_LEFT_OUT: Final = 0.25
_LEAST_SHARE: Final = 0.01  # of the customers learned from, in an answer
_DIGITS: Final = 12
# What the rules read; a learned model names its features.
_RULED_BY: Final = ("orders", "recency_days", "gap_days_mean", "monetary_value")


def fit(model: SegmentModel, columns: Columns, *, seed: int) -> Surrogate | None:
    """The tree of a model; None below `LEAST_CUSTOMERS`.

    ``columns`` are features of random customers in their own units. Three in four are learned
    from, the others say how far the tree is to be believed. The model is asked without anybody's
    history, for the tree knows none. Raises `IncompatibleModel` when a feature is missing.
    """
    features = _RULED_BY if model.kind == "rules" else model.features
    labels = assign(model, columns)
    buyers = np.flatnonzero(labels >= 0)
    if len(buyers) < LEAST_CUSTOMERS:
        return None
    clips = dict(zip(features, model.clips, strict=True)) if model.clips else {}
    told = {name: _cut(columns[name], clips.get(name)) for name in features}
    stands = dict(zip(features, model.imputed, strict=True)) if model.imputed else {}
    stands = {
        name: stands.get(name, unknown(entry(name, model.constructed), told[name]))
        for name in features
    }
    points = np.stack([known(told[name], stands[name]) for name in features], axis=1)
    mixed = np.random.default_rng(seed).permutation(buyers)
    left_out, kept = np.split(mixed, [round(len(mixed) * _LEFT_OUT)])
    nodes = _grown(features, points[kept], labels[kept], len(model.groups), seed)
    ids = tuple(group.id for group in model.groups)
    tree = Surrogate(model.version, ids, nodes, stands, ((0,) * len(ids),) * len(ids))
    rows = {name: columns[name][left_out] for name in {*features, "orders"}}
    tested = counted(len(ids), labels[left_out], answers(tree, rows))
    lacking = tuple(name for name in features if np.isnan(told[name][buyers]).any())
    return Surrogate(model.version, ids, nodes, stands, tested, lacking)


def _cut(values: Floats, clip: Range | None) -> Floats:
    """As the model sees it: no question may part customers whom the model takes for alike."""
    return values if clip is None else np.clip(values, *clip)


def _grown(
    features: tuple[str, ...], points: Floats, labels: Indices, groups: int, seed: int
) -> tuple[Node, ...]:
    least = max(5, math.ceil(len(points) * _LEAST_SHARE))
    # By information gain: with eight groups and four questions it agrees more often than Gini.
    learned = DecisionTreeClassifier(
        criterion="entropy", max_depth=DEPTH, min_samples_leaf=least, random_state=seed
    )
    tree = learned.fit(points, labels).tree_
    nodes: dict[int, Node] = {}
    waiting: list[tuple[int, Indices]] = [(0, np.arange(len(points)))]
    while waiting:
        at, here = waiting.pop()
        counts = tuple(np.bincount(labels[here], minlength=groups).tolist())
        low, high = int(tree.children_left[at]), int(tree.children_right[at])
        if low < 0:
            nodes[at] = Node(counts)
            continue
        column = int(tree.feature[at])
        values = points[here, column]
        # scikit-learn's trees see single precision.
        is_low = values.astype(np.float32) <= tree.threshold[at]
        bound = roundest(float(values[is_low].max()), float(values[~is_low].min()))
        nodes[at] = Node(counts, features[column], bound, low, high)
        waiting += [(low, here[is_low]), (high, here[~is_low])]
    return tuple(nodes[at] for at in range(len(nodes)))


def roundest(low: float, high: float) -> float:
    """The number of fewest digits from ``low`` to below ``high``, as near their middle as that is.

    A border that people can keep in mind parts the customers learned from just as well.
    """
    if not low < high:
        return low
    middle, size = (low + high) / 2, max(abs(low), abs(high))
    start = math.floor(math.log10(size))
    for exponent in range(start, start - _DIGITS, -1):
        # Dividing by a power of ten is exact where multiplying by a tenth is not.
        step, parts = (10.0**exponent, 1.0) if exponent >= 0 else (1.0, 10.0**-exponent)
        for whole in (round(middle / step * parts), math.ceil(low / step * parts)):
            number = whole * step / parts
            if low <= number < high:
                return number
    return low
