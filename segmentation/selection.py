"""Which features carry a segmentation, and a smaller set that carries it nearly as well.

Three views of a feature, none of which is right alone: how much of its variance lies between the
groups (η²), who changes group when its values are dealt out anew (Breiman, 2001), and what it says
about the leaves of the tree that stands for the model (mutual information; Kraskov et al., 2004).
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import mutual_info_classif
from sklearn.metrics import adjusted_rand_score

from segmentation.constructed import Constructed, entry
from segmentation.features import prepared
from segmentation.model import SegmentModel, assign
from segmentation.rules import Columns, Floats, Indices
from segmentation.scaling import bounds, measured, unknown
from segmentation.surrogate import Surrogate, leaves

ALIKE: Final = 0.95
"""Correlation from which two features say the same."""

AS_GOOD: Final = 0.9
"""Adjusted Rand index with the groups of the whole set that a smaller one has to keep."""

UNSTEADY: Final = 0.01
"""What stability may lose by it: less is chance between so few draws."""

FEWEST: Final = 2
_DEALS: Final = 5  # times that values are dealt out anew
_DRAWS: Final = 6  # bootstrap samples that stability is read from
_NEIGHBOURS: Final = 5_000  # customers that mutual information is estimated on
_KNOWN: Final = 0.5  # of the customers, below which a feature is not looked at
_EMPTY: Final = 1e-12


class Carrying(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one feature carries.

    ``variance`` is the share of its variance that lies between the groups, ``moves`` the share of
    customers whose group changes when its values are dealt out anew (None: the model does not use
    it), ``information`` the share of the tree's leaves that it tells (mutual information over the
    leaves' entropy; None without a tree), ``without`` how far K-means on the other features finds
    the same groups as on all (adjusted Rand index; None: not used). ``same_as`` is a feature of the
    model that says the same, '' if none does; ``known`` the share of customers of whom it is known.
    """

    feature: str
    is_used: bool
    known: float
    variance: float
    moves: float | None
    information: float | None
    without: float | None = None
    same_as: str = ""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A feature tried without: the agreement and stability that are left, and whether it may go."""

    feature: str
    agreement: float
    stability: float
    is_dropped: bool


class Selection(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What every feature carries, the model's first, and the set that is proposed.

    ``keep`` is the model's own set where nothing can go. Smaller sets are held against the groups
    that K-means finds on the whole one, begun at the model's; ``agreement`` is that of these with
    the model's, which have a history, and ``stability`` that of the whole set.
    """

    customers: int
    features: tuple[Carrying, ...]
    keep: tuple[str, ...]
    steps: tuple[Step, ...]
    agreement: float
    stability: float


def select(
    model: SegmentModel,
    columns: Columns,
    tree: Surrogate | None,
    own: Sequence[Constructed] = (),
    seed: int = 0,
) -> Selection:
    """What features carry of a learned model's groups, and what may go.

    ``columns`` are features of random customers in their own units, the model's among them and
    others to hold beside; ``own`` defines those outside the catalogue. Same input, same answer.
    """
    groups = assign(model, columns)
    is_buyer = groups >= 0
    groups = groups[is_buyer]
    here = {name: column[is_buyer] for name, column in columns.items()}
    used = model.features
    read = {
        name: _read(model, name, here[name], own)
        for name in here
        if name in used or _is_told(here, name)
    }
    told = _information(read, None if tree is None else leaves(tree, here), seed)
    points = _points(model, here)
    anew = _begun_at(points, groups)
    missed = {name: _agreement(_without(points, used, name, model), anew) for name in used}
    found = [
        Carrying(
            name,
            is_used=name in used,
            known=float(1 - np.isnan(here[name]).mean()),
            variance=between(values, groups),
            moves=moved_by(model, here, name, groups) if name in used else None,
            information=told.get(name),
            without=missed.get(name),
            same_as=_twin(model, read, name),
        )
        for name, values in read.items()
    ]
    order = sorted(found, key=lambda one: (not one.is_used, -(one.moves or 0), -one.variance))
    stability = steady(points, len(model.groups), seed)
    keep, steps = _smaller(model, points, anew, stability, seed)
    agreement = float(adjusted_rand_score(groups, anew))
    return Selection(len(groups), tuple(order), keep, steps, agreement, stability)


def _is_told(columns: Columns, name: str) -> bool:
    """Whether enough is known of a feature, and it is not the same for everybody."""
    known = columns[name][~np.isnan(columns[name])]
    return len(known) > _KNOWN * len(columns[name]) and bool(np.ptp(known) > 0)


def _read(model: SegmentModel, name: str, column: Floats, own: Sequence[Constructed]) -> Floats:
    """A feature as a model reads it before scaling: this one, or one learned from these people."""
    if name in model.features:
        at = model.features.index(name)
        clip = model.clips[at] if model.clips else None
        return prepared(column, clip, model.imputed[at], model.transforms[at])
    one = entry(name, own)
    return prepared(column, bounds(one, column), unknown(one, column), one.transform)


def between(values: Floats, groups: Indices) -> float:
    """The share of a feature's variance that lies between groups (η²), 0 to 1."""
    sizes = np.bincount(groups)
    means = np.bincount(groups, values) / np.maximum(sizes, 1)
    whole = float(((values - values.mean()) ** 2).sum())
    if whole < _EMPTY:
        return 0.0
    return float((sizes * (means - values.mean()) ** 2).sum() / whole)


def moved_by(model: SegmentModel, columns: Columns, name: str, groups: Indices) -> float:
    """The share of customers in another group when a feature's values are dealt out anew."""
    changed = []
    for deal in range(_DEALS):
        dealt = np.random.default_rng(deal).permutation(columns[name])
        changed.append(float((assign(model, {**columns, name: dealt}) != groups).mean()))
    return float(np.mean(changed))


def _information(points: Mapping[str, Floats], ends: Indices | None, seed: int) -> dict[str, float]:
    """Of each feature, the share of the leaves' entropy that it tells."""
    if ends is None or len(np.unique(ends)) < FEWEST:
        return {}
    some = np.sort(np.random.default_rng(seed).permutation(len(ends))[:_NEIGHBOURS])
    shares = np.unique(ends[some], return_counts=True)[1] / len(some)
    entropy = float(-(shares * np.log(shares)).sum())
    table = np.stack([values[some] for values in points.values()], axis=1)
    found = mutual_info_classif(table, ends[some], random_state=seed)
    return {
        name: float(min(told / entropy, 1.0))
        for name, told in zip(points, found.tolist(), strict=True)
    }


def _twin(model: SegmentModel, points: Mapping[str, Floats], name: str) -> str:
    """The feature of the model that says the same as this one, '' if none does.

    Of two in the model, the later names the earlier.
    """
    used = [other for other in model.features if other in points]
    before = used[: used.index(name)] if name in used else used
    near = {
        other: abs(float(np.corrcoef(points[name], points[other])[0, 1]))
        for other in before
        if points[name].std() > _EMPTY and points[other].std() > _EMPTY
    }
    best = max(near, key=lambda other: near[other], default="")
    return best if best and near[best] > ALIKE else ""


def _smaller(
    model: SegmentModel, points: Floats, groups: Indices, stability: float, seed: int
) -> tuple[tuple[str, ...], tuple[Step, ...]]:
    """Backward elimination: the feature that is missed least goes, while the groups stay.

    The one after it is tried where stability would suffer; at the first that the groups would miss
    the search ends.
    """
    k, keep = len(model.groups), list(model.features)
    steps: list[Step] = []
    is_smaller = True
    while is_smaller and len(keep) > FEWEST:
        is_smaller = False
        without = {name: _without(points, keep, name, model) for name in keep}
        agreed = {name: _agreement(rest, groups) for name, rest in without.items()}
        for name in sorted(keep, key=lambda one: -agreed[one]):
            if agreed[name] < AS_GOOD:
                break
            left = steady(without[name], k, seed)
            is_smaller = left >= stability - UNSTEADY
            steps.append(Step(name, agreed[name], left, is_dropped=is_smaller))
            if is_smaller:
                keep.remove(name)
                break
    return tuple(keep), tuple(steps)


def _points(model: SegmentModel, columns: Columns) -> Floats:
    """Customers x features, scaled by these customers: a set is judged as it would be learned."""
    scaling = measured(columns, model.features, model.constructed)
    rows = [
        (scaling.moved(at, columns[name]) - scaling.centre[at]) / scaling.scale[at]
        for at, name in enumerate(model.features)
    ]
    return np.stack(rows, axis=1)


def _without(points: Floats, keep: Sequence[str], name: str, model: SegmentModel) -> Floats:
    places = [model.features.index(one) for one in keep if one != name]
    return points[:, places]


def _begun_at(points: Floats, groups: Indices) -> Indices:
    """The groups that K-means comes to from the means of these.

    Begun elsewhere it might end in others that fit as well, whatever was left out.
    """
    there = np.unique(groups)
    start = np.stack([points[groups == group].mean(axis=0) for group in there])
    with warnings.catch_warnings():
        # A feature that is the same for everybody leaves fewer places than groups.
        warnings.simplefilter("ignore", ConvergenceWarning)
        found = KMeans(len(there), init=start, n_init=1).fit(points)
    return np.asarray(found.labels_, np.int64)


def _agreement(points: Floats, groups: Indices) -> float:
    return float(adjusted_rand_score(groups, _begun_at(points, groups)))


def steady(points: Floats, k: int, seed: int) -> float:
    """How alike groups of bootstrap samples are (Efron, 1979): mean adjusted Rand index of pairs.

    Each finds K-means groups by itself and says them of all customers.
    """
    said = []
    for draw in range(_DRAWS):
        luck = np.random.default_rng((seed, draw))
        rows = luck.integers(len(points), size=min(len(points), _NEIGHBOURS))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # as above
            found = KMeans(min(k, len(points)), n_init=3, random_state=draw).fit(points[rows])
        said.append(found.predict(points))
    pairs = [
        adjusted_rand_score(one, other) for at, one in enumerate(said) for other in said[at + 1 :]
    ]
    return float(np.mean(pairs))
