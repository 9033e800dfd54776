"""How features are made comparable before groups are learned from them.

Centre and spread follow the shop from version to version, by what the ageing pass adds up over
everybody: a spread that is frozen and then measured anew moves a third of the customers at once.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from segmentation.features import Transform, feature, signed_log
from segmentation.rules import Columns, Floats

# A spread below this is rounding: the feature is the same for everybody.
_CONSTANT: Final = 1e-9

LEAST_SPREAD: Final = 0.25
"""Spread of a feature in logarithms below which it counts as this one. Where customers differ by
less than a quarter (all came in the same spring, say), that difference is not to weigh as much as
being a customer twice as long does elsewhere."""


class Scaling(msgspec.Struct, frozen=True):
    """Parallel over features: the transform, and centre and spread after it.

    ``imputed`` stands for an unknown value, in the feature's own unit.
    """

    transforms: tuple[Transform, ...]
    imputed: tuple[float, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]


def measured(columns: Columns, features: tuple[str, ...]) -> Scaling:
    """The scaling that these customers ask for. Raises `UnknownFeature` outside the catalogue."""
    rows = []
    for name in features:
        values, transform = moved(columns, name), feature(name).transform
        scale = _least(float(values.std()), transform)
        unknown_value = unknown(name, columns[name])
        rows.append((transform, unknown_value, float(values.mean()), scale))
    transforms, imputed, centres, scales = zip(*rows, strict=True)
    return Scaling(transforms, imputed, centres, scales)


def followed(before: Scaling, totals: Floats, squares: Floats, customers: float) -> Scaling:
    """The scaling after an ageing pass.

    ``totals`` and ``squares`` are each feature's sums over the customers, in the scale before.
    """
    mean = totals / customers
    deviation = np.sqrt(np.maximum(squares / customers - mean**2, 0.0))
    centre = np.array(before.centre) + mean * np.array(before.scale)
    wide = (deviation * np.array(before.scale)).tolist()
    scale = tuple(map(_least, wide, before.transforms))
    return Scaling(before.transforms, before.imputed, tuple(centre.tolist()), scale)


def _least(deviation: float, transform: Transform) -> float:
    if transform == "log":
        return max(deviation, LEAST_SPREAD)
    return deviation if deviation > _CONSTANT else 1.0


def moved(columns: Columns, name: str) -> Floats:
    """One feature imputed and transformed, not yet scaled."""
    values = columns[name]
    known = np.where(np.isnan(values), unknown(name, values), values)
    return signed_log(known) if feature(name).transform == "log" else known


def unknown(name: str, values: Floats) -> float:
    """What a NaN of that feature counts as: what is declared; nothing where nobody is known."""
    declared = feature(name).impute
    if isinstance(declared, float):
        return declared
    return 0.0 if np.isnan(values).all() else float(np.nanmedian(values))


def spread(values: Floats) -> tuple[float, float]:
    """Winsorised mean and deviation (Tukey, 1962): a few wild customers do not set the scale.

    Quartiles would not do: half of a shop's customers may have the same number of orders. The
    deviation of a constant is 1.
    """
    low, high = np.quantile(values, [0.005, 0.995])
    cut = np.clip(values, low, high)
    deviation = float(cut.std())
    if deviation <= _CONSTANT:
        deviation = float(values.std())
    return float(cut.mean()), deviation if deviation > _CONSTANT else 1.0
