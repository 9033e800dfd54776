"""A candidate's groups as a model that the drain can apply."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
import numpy as np

from segmentation.carriers import Carrier
from segmentation.choosing.carrying import Quality, border, carried, mixture_of
from segmentation.choosing.figures import group_means
from segmentation.choosing.methods import NOISE, Found
from segmentation.constructed import Constructed
from segmentation.following import HELD
from segmentation.model import Group, SegmentModel, squared_part
from segmentation.naming import described, named
from segmentation.refitting import tenths
from segmentation.rules import Columns, Floats, learn_thresholds
from segmentation.scaling import Scaling

Tried = tuple[Quality, ...]


def frame(
    columns: Columns,
    features: tuple[str, ...],
    scaling: Scaling,
    now: datetime,
    constructed: tuple[Constructed, ...] = (),
) -> SegmentModel:
    """A model without groups, in which the candidates of one comparison are scaled alike."""
    bounds, shares = tenths(columns, features, scaling)
    return SegmentModel(
        0,
        "kmeans",
        (),
        now,
        customers=len(columns["orders"]),
        features=features,
        transforms=scaling.transforms,
        imputed=scaling.imputed,
        centre=scaling.centre,
        scale=scaling.scale,
        clips=scaling.clips,
        scalings=scaling.scalings,
        constructed=constructed,
        rules=learn_thresholds(columns),
        bounds=bounds,
        shares=shares,
    )


def in_directions(model: SegmentModel, matrix: Floats | None) -> SegmentModel:
    """The frame with a projection folded in."""
    rows = () if matrix is None else tuple(map(tuple, matrix.tolist()))
    return msgspec.structs.replace(model, projection=rows)


def predicting(start: SegmentModel, found: Found, points: Floats) -> SegmentModel:
    """The model of a method that says itself where customers belong: by centres, or a mixture."""
    if found.mixture is not None:
        carrier = mixture_of(found.mixture)
        model = _placed(start, found.mixture.means_, points)
        return _carried(model, carrier, border(carrier, points))
    model = _placed(start, found.centres, points)
    return msgspec.structs.replace(model, margin=HELD * model.error)


def carrying(
    start: SegmentModel, found: Found, points: Floats, seed: int
) -> tuple[SegmentModel, Tried]:
    """The model of a method that cannot predict, and the classifiers tried to carry it."""
    labels = np.where(found.labels == NOISE, NOISE, _numbered(found.labels))
    told = carried(points, labels, seed)
    model = _placed(start, group_means(points, labels), points)
    return _carried(model, told.carrier, told.margin), told.tried


def _numbered(labels: np.ndarray) -> np.ndarray:
    return np.searchsorted(np.unique(labels[labels != NOISE]), labels)


def _placed(start: SegmentModel, centres: Floats | None, points: Floats) -> SegmentModel:
    """With these centres, and the mean squared distance of the points to the nearest of them."""
    if centres is None:
        return start
    error = float(squared_part(centres, points.T).min(axis=0).mean())
    rows = tuple(map(tuple, centres.tolist()))
    return msgspec.structs.replace(start, centroids=rows, error=error)


def _carried(model: SegmentModel, carrier: Carrier, margin: float) -> SegmentModel:
    return msgspec.structs.replace(model, kind="carried", carrier=carrier, margin=margin)


def with_names(
    model: SegmentModel, columns: Columns, heirs: Sequence[Group | None]
) -> SegmentModel:
    """The model with a stage, a lasting id and a name for each group; ``heirs`` are continued.

    ``columns`` are a sample of customers, ``heirs`` the old group that each group continues.
    """
    return msgspec.structs.replace(model, groups=named(described(model, columns), heirs))
