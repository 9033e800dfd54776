"""Features out of records, those of a shop's own among them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from segmentation.constructed import Constructed, completed, made_of
from segmentation.derivation import derive
from segmentation.features import NAMES
from segmentation.record import Records

Floats = npt.NDArray[np.float64]


def derived(
    records: Records,
    now: int,
    constructed: Sequence[Constructed],
    *,
    currency_exponent: npt.ArrayLike = 2,
    names: Sequence[str] | None = None,
) -> dict[str, Floats]:
    """`segmentation.running.derive`, and the columns of a shop's own features.

    Parameters
    ----------
    constructed
        The definitions that ``names`` may name; with None all of them are added to the catalogue.
    names
        The features wanted; what they are made of comes with them.
    """
    chosen = NAMES if names is None else made_of(names, constructed)
    columns = derive(records, now, currency_exponent=currency_exponent, names=chosen)
    asked = [one for one in constructed if names is None or one.name in names]
    return dict(completed(columns, asked))
