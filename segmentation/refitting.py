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
from segmentation.rules import Columns, Floats, learn_thresholds
from segmentation.scaling import Scaling, measured
from segmentation.stability import inheritance
from segmentation.sums import TENTHS

Matrix = tuple[tuple[float, ...], ...]
MOST: Final = 50_000
"""Customers that a look for other groups reads at most."""

# Restarts are tried on so many, and the best of them on all.
_TRIED_ON: Final = 8_192
_TRIED_ON_ALL: Final = 3


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
    centres, error = _best(standardised(framed, buyers), [], recipe, frame.version)
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
    if not is_comparable:
        centres, error = _best(points, [], recipe, present.version)
        led = error
    else:
        carried = KMeans(recipe.k, init=moved_into(framed, present, np.array(present.centroids)))
        carried.set_params(n_init=1).fit(points)
        led = float(carried.inertia_)
        centres, error = _best(points, [carried.cluster_centers_], recipe, present.version)
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


def _best(points: Floats, carried: list[Floats], recipe: Recipe, seed: int) -> tuple[Floats, float]:
    """The centres of least error, and that error, among fresh ones and the carried."""
    luck = np.random.default_rng(seed)
    some = points
    if len(points) > _TRIED_ON:
        some = points[luck.choice(len(points), _TRIED_ON, replace=False)]
    tries = [
        KMeans(recipe.k, n_init=1, random_state=int(luck.integers(1 << 31))).fit(some)
        for _ in range(recipe.restarts)
    ]
    found = [one.cluster_centers_ for one in sorted(tries, key=lambda one: float(one.inertia_))]
    finished = [
        KMeans(recipe.k, init=start, n_init=1).fit(points)
        for start in (*carried, *found[:_TRIED_ON_ALL])
    ]
    best = min(finished, key=lambda one: float(one.inertia_))
    return np.asarray(best.cluster_centers_, dtype=np.float64), float(best.inertia_)


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
