"""Groups found anew on everybody, beside those in force: how much better, and who would move."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np
from sklearn.cluster import KMeans

from segmentation.constructed import completed, is_same
from segmentation.following import HELD, located, moved_into, scaled_by, scaling_of
from segmentation.model import FORMAT, Group, SegmentModel, predict, standardised
from segmentation.naming import described, named
from segmentation.recipe import Recipe
from segmentation.rules import Columns, Floats, Indices, learn_thresholds
from segmentation.scaling import Scaling, measured
from segmentation.stability import inheritance
from segmentation.sums import TENTHS

Matrix = tuple[tuple[float, ...], ...]
MOST: Final = 50_000
"""Customers that a look for other groups reads at most."""

NEARLY: Final = 0.004
"""Groups whose error is above the least by no more than this share are as good as the best: which
of them are found is chance. Nobody is moved for less, and of first groups it is not less error that
decides then but what they say of spend, which differs by a tenth."""

# Restarts are tried on so many, and the best of them on all.
_TRIED_ON: Final = 8_192
_TRIED_ON_ALL: Final = 3

# What groups tell apart decides between equally good ones: who spends, and who keeps coming.
_TOLD: Final = ("monetary_value", "orders")


class Refit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What other groups would bring: their error is lower by the share ``gain``.

    ``moves`` is the share of the customers who would change group, by which a group that lives on
    is the same group; ``is_taken`` whether the new version is made of them. The errors of groups
    from other features, or of another number of groups, are not comparable: then ``gain`` is 0.
    """

    gain: float
    moves: float
    is_taken: bool = False
    is_comparable: bool = True


def first_groups(buyers: Columns, frame: SegmentModel, recipe: Recipe) -> SegmentModel:
    """The groups of a shop that had none; ``frame`` says version and time."""
    framed = _framed(frame, buyers, recipe)
    points, told = standardised(framed, buyers), _told(buyers)
    centres, error = _best(points, told, recipe, frame.version)
    return _made(framed, centres, error, buyers, [None] * recipe.k)


def refitted(buyers: Columns, present: SegmentModel, recipe: Recipe) -> tuple[SegmentModel, Refit]:
    """The best groups that these customers have, as a model, and what it would change.

    Groups keep the ids of those that they share most customers with.
    """
    framed = _framed(present, buyers, recipe)
    points = standardised(framed, buyers)
    # What the present groups were learned from may have been defined otherwise.
    before = predict(present, completed(buyers, present.constructed))
    is_comparable = _can_be_carried(present, framed, recipe)
    # To move people, groups must fit better; where nobody can stay anyway, they are first ones.
    told = None if is_comparable else _told(buyers)
    centres, error = _best(points, told, recipe, present.version)
    led = error
    if is_comparable:
        start = moved_into(framed, present, np.array(present.centroids))
        carried = KMeans(recipe.k, init=start, n_init=1).fit(points)
        led = float(carried.inertia_)
        if led <= error:
            centres, error = np.asarray(carried.cluster_centers_, np.float64), led
    after = predict(located(framed, centres), buyers)
    heirs = inheritance(before, after, (len(present.groups), len(centres)))
    order = sorted(range(len(centres)), key=lambda at: (heirs[at] < 0, heirs[at], at))
    groups = [present.groups[heirs[at]] if heirs[at] >= 0 else None for at in order]
    model = _made(framed, centres[order], error, buyers, groups)
    stayed = np.array(heirs)[after] == before
    gain, moves = float(led / error - 1), float(1 - stayed.mean())
    return model, Refit(gain, moves, is_comparable=is_comparable)


def _can_be_carried(present: SegmentModel, framed: SegmentModel, recipe: Recipe) -> bool:
    """Whether the present centres lie in the new groups' space and are as many."""
    is_alike = is_same(present.constructed, framed.constructed)
    return is_alike and (present.features, len(present.groups)) == (framed.features, recipe.k)


def _framed(model: SegmentModel, buyers: Columns, recipe: Recipe) -> SegmentModel:
    """The model scaled by these customers, with their tenths to measure drift against.

    A projection was made for its scaling, and keeps it.
    """
    scaling = measured(buyers, recipe.features, recipe.constructed)
    framed = scaled_by(model, scaling)
    if recipe.projection and model.features == recipe.features:
        framed = model
    bounds, shares = tenths(buyers, recipe.features, scaling_of(framed))
    return msgspec.structs.replace(
        framed,
        kind="kmeans",
        features=recipe.features,
        projection=recipe.projection,
        constructed=recipe.constructed,
        carrier=None,
        customers=len(buyers["orders"]),
        hysteresis=1.0,
        scaled_at=model.version,
        follows=0,
        rules=learn_thresholds(buyers),
        bounds=bounds,
        shares=shares,
        format=FORMAT,
    )


def tenths(buyers: Columns, features: tuple[str, ...], scaling: Scaling) -> tuple[Matrix, Matrix]:
    """The model's ``bounds`` and ``shares``: what drift of these features is measured against."""
    found = [_tenths(scaling.moved(row, buyers[name])) for row, name in enumerate(features)]
    return tuple(bounds for bounds, _ in found), tuple(shares for _, shares in found)


def _tenths(values: Floats) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Bounds between tenths (fewer where many are alike), and the share of customers in each."""
    bounds = np.unique(np.quantile(values, np.arange(1, TENTHS) / TENTHS))
    counts = np.bincount(np.searchsorted(bounds, values), minlength=len(bounds) + 1)
    return tuple(bounds.tolist()), tuple((counts / len(values)).tolist())


def _told(buyers: Columns) -> Floats:
    """What the groups shall tell apart, as columns of mean 0 and variance 1."""
    found = np.stack([np.nan_to_num(buyers[name]) for name in _TOLD], axis=1)
    spread = found.std(axis=0)
    return np.asarray((found - found.mean(axis=0)) / np.where(spread > 0, spread, 1), np.float64)


def _best(points: Floats, told: Floats | None, recipe: Recipe, seed: int) -> tuple[Floats, float]:
    """Centres and error of the best groups, as `_ranked` has it."""
    luck = np.random.default_rng(seed)
    few = np.arange(len(points))
    if len(points) > _TRIED_ON:
        few = luck.choice(len(points), _TRIED_ON, replace=False)
    tries = [
        KMeans(recipe.k, n_init=1, random_state=int(luck.integers(1 << 31))).fit(points[few])
        for _ in range(recipe.restarts)
    ]
    finished = [
        KMeans(recipe.k, init=one.cluster_centers_, n_init=1).fit(points)
        for one in _ranked(tries, None if told is None else told[few])[:_TRIED_ON_ALL]
    ]
    best = _ranked(finished, told)[0]
    return np.asarray(best.cluster_centers_, dtype=np.float64), float(best.inertia_)


def _ranked(fits: Sequence[KMeans], told: Floats | None) -> list[KMeans]:
    """The best first: that of least error, or which of nearly the least tells most apart."""
    by_error = sorted(fits, key=lambda one: float(one.inertia_))
    if told is None:
        return by_error
    most = float(by_error[0].inertia_) * (1 + NEARLY)
    near = [one for one in by_error if float(one.inertia_) <= most]
    return sorted(near, key=lambda one: _explained(told, one.labels_), reverse=True)


def _explained(told: Floats, labels: Indices) -> float:
    """Variance between groups of standardised columns, summed over them."""
    counts = np.bincount(labels)
    sums = (np.bincount(labels, column) for column in told.T)
    return float(sum((its**2 / np.maximum(counts, 1)).sum() for its in sums) / len(told))


def _made(
    framed: SegmentModel,
    centres: Floats,
    error: float,
    buyers: Columns,
    heirs: Sequence[Group | None],
) -> SegmentModel:
    mean = error / len(buyers["orders"])
    model = msgspec.structs.replace(located(framed, centres), error=mean, margin=HELD * mean)
    return msgspec.structs.replace(model, groups=named(described(model, buyers), heirs))
