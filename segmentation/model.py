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
from typing import Literal

import msgspec
import numpy as np

from segmentation.carriers import Carrier, chosen, fits, scores
from segmentation.errors import IncompatibleModel
from segmentation.features import Transform, signed_log
from segmentation.rules import NOBODY, STAGES, Columns, Floats, Indices, RuleSet, stages

FORMAT = 2
"""Version of the JSON form that is written."""

_READABLE = (1, FORMAT)

# Rows predicted at a time: the working set stays in the processor's cache.
_CHUNK = 16_384


class Group(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A group of customers: its lasting id, its stage, its name for people.

    ``formerly`` are earlier ids of the same people (the id changes when the stage does), latest
    last. ``weight`` is how many of the customers learned from belong here.
    """

    id: str
    stage: str
    name: str
    formerly: tuple[str, ...] = ()
    weight: float = 0.0


class SegmentModel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything needed to put customers into groups.

    ``features``, ``transforms``, ``imputed`` (what stands for an unknown value, in the feature's
    unit), ``centre`` and ``scale`` run in parallel; ``centroids`` has one row for each group, in
    transformed and scaled units. ``customers`` counts those learned from, ``scaled_at`` is the
    version in which the groups were last found anew.

    With a ``projection`` (directions x features) distances are measured in that many directions,
    and ``centroids`` lie there. A ``carrier`` decides instead of distances; ``centroids`` are then
    the groups' means. Another group must lead by ``margin`` (of squared distance, or of the
    carrier's score) before somebody moves. ``candidate`` names what was promoted (`shoal segments
    promote`), if anything.

    ``error`` is the mean squared distance to the nearest centre when it was learned. ``bounds``
    and ``shares`` are each feature's tenths (transformed, not scaled) and who was in them at
    ``scaled_at``: what drift is measured against. Other groups were last tried on everybody at
    ``looked_at``, and the best of them taken at ``settled_at``; until ``held_until`` learning
    replaces nothing that an owner rolled back to.
    """

    version: int
    kind: Literal["rules", "kmeans", "carried"]
    groups: tuple[Group, ...]
    learned_at: datetime
    customers: int = 0
    features: tuple[str, ...] = ()
    transforms: tuple[Transform, ...] = ()
    imputed: tuple[float, ...] = ()
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    centroids: tuple[tuple[float, ...], ...] = ()
    hysteresis: float = 1.0
    scaled_at: int = 0
    rules: RuleSet = RuleSet()
    projection: tuple[tuple[float, ...], ...] = ()
    carrier: Carrier | None = None
    margin: float = 0.0
    candidate: str = ""
    error: float = 0.0
    bounds: tuple[tuple[float, ...], ...] = ()
    shares: tuple[tuple[float, ...], ...] = ()
    looked_at: datetime | None = None
    settled_at: datetime | None = None
    held_until: datetime | None = None
    format: int = FORMAT


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
    """Customers x features in the model's space: imputed, transformed, scaled. C order."""
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
    """Features x customers of one slice: imputed, transformed and scaled."""
    scaled = np.empty((len(model.features), part.stop - part.start))
    for row, name in enumerate(model.features):
        values = columns[name][part]
        known = np.where(np.isnan(values), model.imputed[row], values)
        moved = signed_log(known) if model.transforms[row] == "log" else known
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
    return np.fromiter((known.get(text, NOBODY) for text in ids), np.int64, len(ids))


def to_json(model: SegmentModel) -> str:
    """The model as JSON; numbers survive the round trip exactly."""
    return msgspec.json.encode(model).decode()


def from_json(body: str | bytes) -> SegmentModel:
    """Read what `to_json` wrote. Raises `IncompatibleModel` for anything else."""
    try:
        model = msgspec.json.decode(body, type=SegmentModel)
    except (msgspec.DecodeError, msgspec.ValidationError) as problem:
        message = f"segment model: {problem}: expected format {FORMAT}; learn it again"
        raise IncompatibleModel(message) from problem
    if problem_found := _inconsistency(model):
        message = f"segment model version {model.version}: {problem_found}; learn it again"
        raise IncompatibleModel(message)
    return model


def _inconsistency(model: SegmentModel) -> str | None:
    if model.format not in _READABLE:
        return f"format {model.format}, expected one of {_READABLE}"
    if strangers := sorted({group.stage for group in model.groups} - set(STAGES)):
        return f"stage {strangers[0]!r}, expected one of {', '.join(STAGES)}"
    wide = len(model.features)
    parallel = (model.transforms, model.imputed, model.centre, model.scale, *model.projection)
    drift = (model.bounds, model.shares)
    if any(len(column) != wide for column in (*parallel, *filter(None, drift))):
        return f"parts of different width, expected {wide} features everywhere"
    return _misfit(model, len(model.projection) or wide)


def _misfit(model: SegmentModel, directions: int) -> str | None:
    """What of centroids and carrier does not go with the groups and the model's space."""
    if any(len(row) != directions for row in model.centroids):
        return f"parts of different width, expected {directions} directions in each centroid"
    if model.kind != "rules" and len(model.centroids) != len(model.groups):
        return f"{len(model.centroids)} centroids, expected one a group ({len(model.groups)})"
    if (model.kind == "carried") != (model.carrier is not None):
        return f"kind {model.kind}, expected a carrier where it is carried and nowhere else"
    if model.carrier is not None and not fits(model.carrier, directions, len(model.groups)):
        return f"a carrier of other size, expected {directions} numbers in, one a group out"
    return None


def require(model: SegmentModel, columns: Columns) -> None:
    """Pass if all columns are there. Raises `IncompatibleModel` naming the one that is not."""
    for name in ("orders", *model.features):
        if name not in columns:
            near = get_close_matches(name, columns, 1)
            hint = f"; nearest is {near[0]!r}" if near else ""
            message = f"segment model version {model.version}: no column {name!r}{hint}"
            raise IncompatibleModel(message)
