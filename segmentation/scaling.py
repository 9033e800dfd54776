"""How features are made comparable before groups are learned from them, robustly.

Measured on a sample and then frozen in the model's versions, so that distances mean the same from
one to the next; measured again only when the data have drifted away.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from segmentation.features import Transform, feature, signed_log
from segmentation.rules import Columns, Floats

# What an unknown value counts as. A customer with one order has no gap yet: none, not the usual.
_IMPUTED: Final = {"gap_days_mean": 0.0, "gap_days_variance": 0.0}
# A spread below this is rounding: the feature is the same for everybody.
_CONSTANT: Final = 1e-9


class Scaling(msgspec.Struct, frozen=True):
    """Parallel over features: the transform, and centre and spread after it.

    ``imputed`` stands for an unknown value, in the feature's own unit.
    """

    transforms: tuple[Transform, ...]
    imputed: tuple[float, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]


def measured(columns: Columns, features: tuple[str, ...]) -> Scaling:
    """The scaling that this sample asks for. Raises `UnknownFeature` outside the catalogue."""
    rows = []
    for name in features:
        centre, scale = spread(moved(columns, name))
        rows.append((feature(name).transform, unknown(name, columns[name]), centre, scale))
    transforms, imputed, centres, scales = zip(*rows, strict=True)
    return Scaling(transforms, imputed, centres, scales)


def has_drifted(before: Scaling, after: Scaling, bound: float) -> bool:
    """Whether a centre moved by ``bound`` spreads, or a spread grew or shrank by that share."""
    scale = np.array(before.scale)
    shift = np.abs(np.array(after.centre) - np.array(before.centre)) / scale
    stretch = np.abs(np.log(np.array(after.scale) / scale))
    return bool((shift > bound).any() or (stretch > np.log1p(bound)).any())


def moved(columns: Columns, name: str) -> Floats:
    """One feature imputed and transformed, not yet scaled."""
    values = columns[name]
    known = np.where(np.isnan(values), unknown(name, values), values)
    return signed_log(known) if feature(name).transform == "log" else known


def unknown(name: str, values: Floats) -> float:
    """What a NaN of that feature counts as: the median, or nothing where that is what it means."""
    if name in _IMPUTED or np.isnan(values).all():
        return _IMPUTED.get(name, 0.0)
    return float(np.nanmedian(values))


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
