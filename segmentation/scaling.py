"""How features are made comparable before groups are learned from them.

Centre and spread follow the shop from version to version, by what the ageing pass adds up over
everybody: a spread that is frozen and then measured anew moves a third of the customers at once.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from segmentation.constructed import Constructed, entry
from segmentation.features import Feature, Range, Scaled, Transform, feature, prepared
from segmentation.rules import Columns, Floats

# A spread below this is rounding: the feature is the same for everybody.
_CONSTANT: Final = 1e-9


class Scaling(msgspec.Struct, frozen=True):
    """Parallel over features: the transform, and centre and spread after it.

    ``imputed`` stands for an unknown value and ``clips`` are where values are cut, both in the
    feature's own unit. A feature whose scaling is ``none`` has centre 0 and spread 1. Without
    ``clips`` or ``scalings`` nothing is cut, or everything is scaled.
    """

    transforms: tuple[Transform, ...]
    imputed: tuple[float, ...]
    centre: tuple[float, ...]
    scale: tuple[float, ...]
    clips: tuple[Range | None, ...] = ()
    scalings: tuple[Scaled, ...] = ()

    def moved(self, row: int, values: Floats) -> Floats:
        """One feature cut, imputed and transformed, not yet scaled."""
        clip = self.clips[row] if self.clips else None
        return prepared(values, clip, self.imputed[row], self.transforms[row])


def measured(
    columns: Columns, features: tuple[str, ...], constructed: tuple[Constructed, ...] = ()
) -> Scaling:
    """The scaling that these customers ask for.

    Raises `UnknownFeature` for what neither the catalogue holds nor ``constructed`` defines.
    """
    rows = [_measured(entry(name, constructed), columns[name]) for name in features]
    transforms, imputed, centres, scales, clips, scalings = zip(*rows, strict=True)
    return Scaling(transforms, imputed, centres, scales, clips, scalings)


_Row = tuple[Transform, float, float, float, Range | None, Scaled]


def _measured(one: Feature, column: Floats) -> _Row:
    clip, transform = bounds(one, column), one.transform
    stands = unknown(one, column if clip is None else np.clip(column, *clip))
    if one.scaling == "none":
        return transform, stands, 0.0, 1.0, clip, one.scaling
    values = prepared(column, clip, stands, transform)
    scale = _divisor(float(values.std()))
    return transform, stands, float(values.mean()), scale, clip, one.scaling


def bounds(one: Feature, column: Floats) -> Range | None:
    """Where a model learned from these customers cuts a feature; None: nowhere.

    Between the declared quantiles of those who are known, within the bounds by meaning. A feature
    that would then be the same for everybody (few have any at all) is cut by its meaning alone.
    """
    known = column[np.isfinite(column)]
    if one.outliers is None or not len(known):
        return one.clip
    cut = known if one.clip is None else np.clip(known, *one.clip)
    low, high = np.quantile(cut, one.outliers).tolist()
    return (low, high) if high - low > _CONSTANT else one.clip


def followed(before: Scaling, totals: Floats, squares: Floats, customers: float) -> Scaling:
    """The scaling after an ageing pass.

    ``totals`` and ``squares`` are each feature's sums over the customers, in the scale before.
    Where values are cut, and what stands for an unknown one, stays as when the groups were found.
    """
    mean = totals / customers
    deviation = np.sqrt(np.maximum(squares / customers - mean**2, 0.0))
    centre = np.array(before.centre) + mean * np.array(before.scale)
    wide = (deviation * np.array(before.scale)).tolist()
    found = zip(centre.tolist(), map(_divisor, wide), strict=True)
    scalings = before.scalings or ("standardise",) * len(wide)
    kept = [(0.0, 1.0) if how == "none" else one for how, one in zip(scalings, found, strict=True)]
    centres, scales = zip(*kept, strict=True)
    return msgspec.structs.replace(before, centre=centres, scale=scales)


def _divisor(deviation: float) -> float:
    return deviation if deviation > _CONSTANT else 1.0


def moved(columns: Columns, name: str) -> Floats:
    """One feature of the catalogue cut by its meaning, imputed and transformed, not yet scaled."""
    one = feature(name)
    return prepared(columns[name], one.clip, unknown(one, columns[name]), one.transform)


def unknown(one: Feature, values: Floats) -> float:
    """What a NaN of that feature counts as: what is declared; nothing where nobody is known."""
    declared = one.impute
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
