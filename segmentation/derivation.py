"""Features out of records."""

from __future__ import annotations

from collections.abc import Sequence

import numpy.typing as npt

from segmentation.record import Floats, Records


def derive(
    records: Records,
    now: int,
    *,
    currency_exponent: npt.ArrayLike = 2,
    names: Sequence[str] | None = None,
) -> dict[str, Floats]:
    """Features of records at a time, one float64 array each, in catalogue order.

    Parameters
    ----------
    records
        n records; everything folded counts, so fold only what was before ``now``.
    now
        Microseconds since 1970 UTC.
    currency_exponent
        Decimal places of the minor unit: one number, or one per record.
    names
        The features wanted, in the order wanted; None: all of the catalogue. Fewer cost less.

    Raises
    ------
    UnknownFeature
        If a name is not in the catalogue.
    """
    raise NotImplementedError
