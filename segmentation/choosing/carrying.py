"""A classifier learns the groups that a method found, so that the next customer finds a group too.

Decision tree, random forest, support vector machine (linear, and with a Gaussian kernel) and a
small neural network are held against each other by cross-validation; the best is turned into plain
numbers (`segmentation.carriers`). All are bounded, for the numbers are read with every model.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, f1_score, recall_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from segmentation.carriers import (
    Carrier,
    Forest,
    Layer,
    Machine,
    Matrix,
    Mixture,
    Network,
    Planes,
    Row,
    Tree,
    scores,
)
from segmentation.choosing.methods import NOISE
from segmentation.rules import Floats, Indices

_LEAVES: Final = 64
_TREES: Final = 25
_NEURONS: Final = 24
_TURNS: Final = 300  # passes over the customers that the network may take
_COST: Final = 10.0
_CELL: Final = 5  # customers at least whose mean a machine may keep
_FOLDS: Final = 5
_AS_GOOD: Final = 0.005  # of the mean of the three scores: then the simpler one carries
_HELD: Final = 0.1  # share of customers nearest to a border, who are held back from crossing it


class Quality(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How well a classifier tells the groups of customers that it was not trained on.

    ``recall`` and ``f1`` are means over groups: a small group counts as much as a large one.
    """

    kind: str
    accuracy: float
    recall: float
    f1: float


class Carried(msgspec.Struct, frozen=True):
    """The best rule, its ``margin`` (see `SegmentModel`), and all that were tried, best first."""

    carrier: Carrier
    margin: float
    tried: tuple[Quality, ...]


def carried(points: Floats, labels: Indices, seed: int) -> Carried:
    """Train every kind on a method's labels and keep the best.

    Customers in no group (`NOISE`) are left out of training and scores: a rule that is asked must
    name a group, and noise is none. The best has the highest mean of accuracy, macro recall and
    macro F1 over five stratified folds; of those within 0.005 the simplest (tree, linear machine,
    machine, forest, network).
    """
    inside = labels != NOISE
    known, of = points[inside], labels[inside]
    tried = [_quality(kind, known, of, seed) for kind in KINDS]
    kind = best_kind(tried)
    carrier = trained(kind, known, of, seed)
    order = sorted(tried, key=lambda one: (one.kind != kind, -_mean(one)))
    return Carried(carrier, border(carrier, known), tuple(order))


def best_kind(tried: Sequence[Quality]) -> str:
    """The kind to keep; ``tried`` are the simplest first."""
    best = max(map(_mean, tried))
    return next(one.kind for one in tried if _mean(one) >= best - _AS_GOOD)


def _mean(one: Quality) -> float:
    return (one.accuracy + one.recall + one.f1) / 3


def _quality(kind: str, points: Floats, labels: Indices, seed: int) -> Quality:
    smallest = int(np.bincount(labels).min())
    folds = StratifiedKFold(max(min(_FOLDS, smallest), 2), shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        # A group with one customer cannot be in both halves; its recall of 0 says so.
        warnings.simplefilter("ignore", UserWarning)
        told = cross_val_predict(_made(kind, seed), points, labels, cv=folds)
    return Quality(
        kind,
        float(accuracy_score(labels, told)),
        float(recall_score(labels, told, average="macro", zero_division=0)),
        float(f1_score(labels, told, average="macro", zero_division=0)),
    )


def trained(kind: str, points: Floats, labels: Indices, seed: int) -> Carrier:
    """One kind (of `KINDS`) trained on all points, as plain numbers. Labels are 0, 1, … ."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return KINDS[kind](_made(kind, seed).fit(points, labels))


def border(carrier: Carrier, points: Floats) -> float:
    """The lead of the best group over the next below which a tenth of the customers lie.

    Who is that near to a border stays where they are, so that nobody goes to and fro over it.
    """
    leads = np.diff(np.sort(scores(carrier, points), axis=1)[:, -2:], axis=1)
    return float(np.quantile(leads, _HELD))


def _made(kind: str, seed: int) -> Any:
    match kind:
        case "tree":
            return DecisionTreeClassifier(
                max_leaf_nodes=_LEAVES, min_samples_leaf=3, random_state=seed
            )
        case "forest":
            return RandomForestClassifier(
                _TREES, max_leaf_nodes=_LEAVES, min_samples_leaf=3, random_state=seed
            )
        case "planes":
            return LinearSVC(C=1.0, dual=False, random_state=seed)
        case "machine":
            return _CellMachine(C=_COST, gamma="auto", break_ties=True, random_state=seed)
        case _:
            return MLPClassifier((_NEURONS,), max_iter=_TURNS, random_state=seed)


class _CellMachine(SVC):  # type: ignore[misc]  # scikit-learn ships no types
    """A machine that is shown means of some customers each, so that it keeps no customer."""

    def fit(self, X: Floats, y: Indices) -> _CellMachine:  # noqa: N803 - scikit-learn's words
        """Fit the means of `cells`, weighted by their customers."""
        means, labels, counts = cells(X, y)
        super().fit(means, labels, sample_weight=counts)
        return self


def cells(points: Floats, labels: Indices) -> tuple[Floats, Indices, Floats]:
    """Means of neighbours within each group, their labels, and how many customers each stands for.

    A group is halved at the median of its widest direction until a half would have fewer than
    five: a support vector is a row that was trained on, and a model holds no customer's row.
    """
    found: list[tuple[Floats, int, int]] = []
    open_ = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    while open_:
        rows = open_.pop()
        if len(rows) < 2 * _CELL:
            found.append((points[rows].mean(axis=0), int(labels[rows[0]]), len(rows)))
            continue
        widest = int(points[rows].var(axis=0).argmax())
        order = rows[np.argsort(points[rows, widest], kind="stable")]
        open_ += [order[: len(order) // 2], order[len(order) // 2 :]]
    means, of, counts = zip(*found, strict=True)
    return np.array(means), np.array(of), np.array(counts, dtype=np.float64)


def tree_of(fitted: Any) -> Tree:
    """A fitted decision tree as numbers."""
    inner = fitted.tree_
    is_leaf = inner.children_left < 0
    shares = inner.value[:, 0, :] / inner.value[:, 0, :].sum(axis=1, keepdims=True)
    told = zip(shares.tolist(), is_leaf.tolist(), strict=True)
    return Tree(
        feature=tuple(np.where(is_leaf, -1, inner.feature).tolist()),
        threshold=_row(np.where(is_leaf, 0.0, inner.threshold)),
        left=tuple(np.where(is_leaf, 0, inner.children_left).tolist()),
        right=tuple(np.where(is_leaf, 0, inner.children_right).tolist()),
        shares=tuple(tuple(row) if leaf else () for row, leaf in told),
    )


def forest_of(fitted: Any) -> Forest:
    """A fitted random forest as numbers."""
    return Forest(tuple(tree_of(tree) for tree in fitted.estimators_))


def planes_of(fitted: Any) -> Planes:
    """A fitted linear support vector machine as numbers; one border has a plane on either side."""
    weights, offsets = fitted.coef_, fitted.intercept_
    if len(weights) == 1:
        weights, offsets = np.vstack([-weights, weights]), np.concatenate([-offsets, offsets])
    return Planes(_matrix(weights), _row(offsets))


def machine_of(fitted: Any) -> Machine:
    """A fitted support vector machine with a Gaussian kernel as numbers."""
    return Machine(
        gamma=1.0 / fitted.n_features_in_,  # what "auto" means
        counts=tuple(fitted.n_support_.tolist()),
        vectors=_matrix(fitted.support_vectors_),
        dual=_matrix(fitted.dual_coef_),
        offsets=_row(fitted.intercept_),
    )


def network_of(fitted: Any) -> Network:
    """A fitted neural network as numbers; two groups have one logit, of which the other is 0."""
    *inner, (weights, offsets) = zip(fitted.coefs_, fitted.intercepts_, strict=True)
    if weights.shape[1] == 1:
        weights, offsets = np.hstack([0 * weights, weights]), np.concatenate([0 * offsets, offsets])
    layers = [*inner, (weights, offsets)]
    return Network(tuple(Layer(_matrix(one), _row(added)) for one, added in layers))


def mixture_of(fitted: GaussianMixture) -> Mixture:
    """A fitted Gaussian mixture as numbers: it needs no classifier."""
    maps, wide = fitted.precisions_cholesky_, fitted.means_.shape[1]
    volumes = np.log(np.diagonal(maps, axis1=1, axis2=2)).sum(axis=1)
    constants = np.log(fitted.weights_) + volumes - wide / 2 * np.log(2 * np.pi)
    return Mixture(
        means=_matrix(fitted.means_), maps=tuple(map(_matrix, maps)), constants=_row(constants)
    )


def _row(values: Floats) -> Row:
    return tuple(values.tolist())


def _matrix(values: Floats) -> Matrix:
    return tuple(map(tuple, values.tolist()))


KINDS: Final[Mapping[str, Callable[[Any], Carrier]]] = {
    "tree": tree_of,
    "planes": planes_of,
    "machine": machine_of,
    "forest": forest_of,
    "network": network_of,
}
"""What may carry, the simplest first, and how each becomes numbers."""
