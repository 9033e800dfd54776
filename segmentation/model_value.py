"""The value that a segment model is, and its JSON. What it does: `segmentation.model`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from segmentation.carriers import Carrier, fits
from segmentation.constructed import Constructed
from segmentation.errors import IncompatibleModel
from segmentation.features import Range, Scaled, Transform
from segmentation.rules import STAGES, RuleSet

FORMAT = 3
"""Version of the JSON form that is written."""

_READABLE = (1, 2, FORMAT)


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
    unit), ``centre`` and ``scale`` run in parallel, and so do ``clips`` (where values are cut, in
    the feature's unit; None: nowhere) and ``scalings`` unless they are empty, as in formats 1 and
    2; ``centroids`` has one row for each group, in transformed and scaled units. ``customers``
    counts those learned from, ``scaled_at`` is the version in which the groups were last found
    anew. ``constructed`` are the definitions of those features that are a shop's own.

    With a ``projection`` (directions x features) distances are measured in that many directions,
    and ``centroids`` lie there. A ``carrier`` decides instead of distances; ``centroids`` are then
    the groups' means. Another group must lead by ``margin`` (of squared distance, or of the
    carrier's score) before somebody moves. ``candidate`` names what was promoted (`shoal segments
    promote`), if anything.

    ``error`` is the mean squared distance to the nearest centre when it was learned. ``bounds``
    and ``shares`` are each feature's tenths (transformed, not scaled) and who was in them at
    ``scaled_at``: what drift is measured against. Other groups were last tried on everybody at
    ``looked_at``, and the best of them taken at ``settled_at``; until ``held_until`` learning
    replaces nothing that an owner rolled back to. ``follows`` is the version whose groups these
    are, moved on a little; 0: they are others.
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
    clips: tuple[Range | None, ...] = ()
    scalings: tuple[Scaled, ...] = ()
    constructed: tuple[Constructed, ...] = ()
    follows: int = 0
    format: int = FORMAT


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
    optional = (model.bounds, model.shares, model.clips, model.scalings)
    if any(len(column) != wide for column in (*parallel, *filter(None, optional))):
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
