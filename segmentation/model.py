"""A segment model: a frozen value that says which group a customer belongs to.

Three kinds share one shape and one call, `assign`: ``rules`` (before there are enough customers;
see `segmentation.rules`), ``kmeans`` (learned by `segmentation.clustering`) and ``carried`` (groups
found otherwise, told apart by a rule of `segmentation.carriers`). The model is JSON,
never a pickle, and is applied with numpy alone, so that the web, drain and deliver processes carry
no learning library.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from itertools import repeat

import numpy as np

from segmentation.carriers import chosen, scores
from segmentation.errors import IncompatibleModel
from segmentation.features import Transform, prepared
from segmentation.model_value import FORMAT, Group, SegmentModel, from_json, to_json
from segmentation.rules import NOBODY, STAGES, Columns, Floats, Indices, RuleSet, stages

__all__ = [
    "FORMAT",
    "Group",
    "SegmentModel",
    "assign",
    "centroid_values",
    "closeness",
    "empty_model",
    "features_part",
    "from_json",
    "group_indices",
    "nearest",
    "parts",
    "placed",
    "predict",
    "require",
    "restored",
    "rules_model",
    "scaled_part",
    "squared_distances",
    "squared_part",
    "stage_name",
    "standardised",
    "to_json",
]

# Rows predicted at a time: the working set stays in the processor's cache.
_CHUNK = 16_384


def rules_model(rules: RuleSet, version: int, now: datetime) -> SegmentModel:
    """The seven stages by rule, one group each (``at_risk.all``), in the order of `STAGES`."""
    groups = tuple(Group(f"{stage}.all", stage, stage_name(stage)) for stage in STAGES)
    return SegmentModel(
        version, "rules", groups, now, customers=rules.customers, hysteresis=1.0, rules=rules
    )


def empty_model() -> SegmentModel:
    """Version 0: the default rules of a shop that has sold nothing yet."""
    return rules_model(RuleSet(), 0, datetime(1970, 1, 1, tzinfo=UTC))


def stage_name(stage: str) -> str:
    """A stage for people: ``at_risk`` is ``At risk``."""
    return stage.replace("_", " ").capitalize()


def assign(model: SegmentModel, columns: Columns, previous: Indices | None = None) -> Indices:
    """Index into ``model.groups`` for each customer; `NOBODY` (-1) for those without an order.

    ``previous`` are the groups the customers are in now, as indices of this model (see
    `group_indices`), -1 for none. Under rules they make no difference.
    """
    if model.kind == "rules":
        return stages(model.rules, columns)
    return predict(model, columns, previous)


def predict(model: SegmentModel, columns: Columns, previous: Indices | None = None) -> Indices:
    """The nearest group, except that customers stay where they are while it is nearly as near.

    A customer leaves only when the squared distance to the present group exceeds ``hysteresis``
    times that to the nearest plus ``margin``. What holding costs is the sum of these differences,
    so that of all rules a bound on the difference holds most people for the same error; the ratio
    is that of models in format 1. Raises `IncompatibleModel` when a feature is missing.
    """
    require(model, columns)
    groups = np.empty(len(columns["orders"]), dtype=np.int64)
    for part in parts(len(groups)):
        scaled = scaled_part(model, columns, part)
        groups[part] = placed(model, scaled, None if previous is None else previous[part])
    groups[~(columns["orders"] > 0)] = NOBODY
    return groups


def placed(model: SegmentModel, scaled: Floats, previous: Indices | None) -> Indices:
    """Groups of features x customers, all of them with an order."""
    if model.carrier is not None:
        return chosen(scores(model.carrier, scaled.T), previous, model.margin)
    squared = squared_part(np.array(model.centroids), scaled)
    return nearest(squared, previous, model.margin, model.hysteresis)


def parts(rows: int) -> Iterator[slice]:
    """Slices of rows whose working set stays in the processor's cache."""
    for start in range(0, rows, _CHUNK):
        yield slice(start, min(start + _CHUNK, rows))


def nearest(
    squared: Floats, previous: Indices | None, margin: float, hysteresis: float = 1.0
) -> Indices:
    """The nearest group of each column of groups x customers, or the present one if near enough."""
    first: Indices = squared.argmin(axis=0)
    if previous is None:
        return first
    here = np.arange(squared.shape[1])
    held = np.where(previous < 0, first, previous)
    stays = squared[held, here] <= hysteresis * squared[first, here] + margin
    return np.where(stays, held, first)


def standardised(model: SegmentModel, columns: Columns) -> Floats:
    """Customers x features in the model's space: cut, imputed, transformed, scaled. C order."""
    require(model, columns)
    every = slice(0, len(columns["orders"]))
    return np.ascontiguousarray(scaled_part(model, columns, every).T)


def squared_distances(model: SegmentModel, columns: Columns) -> Floats:
    """Customers x groups: squared distance to each group's centre, in scaled units."""
    require(model, columns)
    every = slice(0, len(columns["orders"]))
    scaled = scaled_part(model, columns, every)
    return np.ascontiguousarray(squared_part(np.array(model.centroids), scaled).T)


def closeness(model: SegmentModel, columns: Columns) -> Floats:
    """Customers x groups, greater is closer: what `predict` takes the greatest of.

    The negative squared distance, or the carrier's score.
    """
    if model.carrier is None:
        return -squared_distances(model, columns)
    return scores(model.carrier, standardised(model, columns))


def scaled_part(model: SegmentModel, columns: Columns, part: slice) -> Floats:
    """One slice in the model's space: `features_part`, or directions x customers of it."""
    scaled = features_part(model, columns, part)
    return np.array(model.projection) @ scaled if model.projection else scaled


def features_part(model: SegmentModel, columns: Columns, part: slice) -> Floats:
    """Features x customers of one slice: cut, imputed, transformed and scaled."""
    scaled = np.empty((len(model.features), part.stop - part.start))
    clips = model.clips or (None,) * len(scaled)
    for row, name in enumerate(model.features):
        values = columns[name][part]
        moved = prepared(values, clips[row], model.imputed[row], model.transforms[row])
        scaled[row] = (moved - model.centre[row]) / model.scale[row]
    return scaled


def squared_part(centroids: Floats, scaled: Floats) -> Floats:
    """Groups x customers: squared distances of features x customers to groups x features."""
    # The expanded square needs groups x customers of memory, not groups x customers x features.
    squared = centroids @ scaled
    squared *= -2.0
    squared += np.einsum("ij,ij->i", centroids, centroids)[:, None]
    squared += np.einsum("ij,ij->j", scaled, scaled)
    return np.asarray(np.maximum(squared, 0.0, out=squared), dtype=np.float64)


def restored(values: Floats, transform: Transform) -> Floats:
    """The inverse of a feature's transform."""
    if transform == "none":
        return values
    return np.asarray(np.copysign(np.expm1(np.abs(values)), values), dtype=np.float64)


def centroid_values(model: SegmentModel) -> dict[str, Floats]:
    """Each group's typical value of each feature, in the feature's own unit.

    Of what a projection leaves out nothing is known: there the groups are as everybody.
    """
    centroids = np.array(model.centroids)
    if model.projection:
        centroids = centroids @ np.linalg.pinv(np.array(model.projection)).T
    inner = centroids * np.array(model.scale) + np.array(model.centre)
    pairs = zip(model.features, model.transforms, strict=True)
    return {name: restored(inner[:, row], how) for row, (name, how) in enumerate(pairs)}


def group_indices(model: SegmentModel, ids: Sequence[str]) -> Indices:
    """Indices of groups by id, present or former; -1 for ids this model does not know."""
    known = {old: at for at, group in enumerate(model.groups) for old in group.formerly}
    known |= {group.id: at for at, group in enumerate(model.groups)}
    return np.fromiter(map(known.get, ids, repeat(NOBODY)), np.int64, len(ids))


def require(model: SegmentModel, columns: Columns) -> None:
    """Pass if all columns are there. Raises `IncompatibleModel` naming the one that is not."""
    for name in ("orders", *model.features):
        if name not in columns:
            near = get_close_matches(name, columns, 1)
            hint = f"; nearest is {near[0]!r}" if near else ""
            message = f"segment model version {model.version}: no column {name!r}{hint}"
            raise IncompatibleModel(message)
