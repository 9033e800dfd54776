"""Exact sums of squares in 64-bit integers, and exact circular sums.

A square of 2^53 microseconds does not fit 64 bits, and the variance of large equal amounts drowns
in a float's rounding. So squares are summed in three limbs of 24 bits and the mean is taken away
before anything becomes a float.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from segmentation.record import Floats, Ints

_BITS: Final = 24
_MASK: Final = (1 << _BITS) - 1
_MINUTE: Final = 60_000_000  # microseconds
_DAY_MINUTES: Final = 1440
_THURSDAY: Final = 3  # 1970-01-01, counted from Monday
CIRCLE_UNIT: Final = 2.0**30


def squares(numbers: Ints) -> Ints:
    """The square of each number in limbs (2^48, 2^24, 1); shape (..., 3); numbers below 2^54."""
    high, low = numbers >> _BITS, numbers & _MASK
    last = low * low
    return np.stack([high * high, 2 * high * low + (last >> _BITS), last & _MASK], axis=-1)


def variance(square_sums: Ints, sums: Ints, counts: Ints) -> Floats:
    """Population variance of integers from their sums of squares (n, 3), sums and counts (> 0).

    With the mean's floor m and r = sum - count * m, the squared distances from m add up to
    sum of squares - m * (sum + r), in integers; what is left is r^2 / count.
    """
    mean = sums // counts
    rest = sums - counts * mean
    other = sums + rest
    mean_high, mean_low = mean >> _BITS, mean & _MASK
    other_high, other_low = other >> _BITS, other & _MASK
    low = square_sums[:, 2] - mean_low * other_low
    middle = square_sums[:, 1] - mean_high * other_low - mean_low * other_high + (low >> _BITS)
    high = square_sums[:, 0] - mean_high * other_high + (middle >> _BITS)
    distances = high * 2.0 ** (2 * _BITS) + (middle & _MASK) * 2.0**_BITS + (low & _MASK)
    rests = rest.astype(np.float64)
    # For far-spread numbers the two are equal to the last bit; rounding may leave a speck below 0.
    spread: Floats = np.maximum(distances - rests * rests / counts, 0.0) / counts
    return spread


def _minutes_of_week() -> Ints:
    """Cosine and sine of hour and weekday of each minute of a week, in 2^-30; (10080, 4)."""
    minute = np.arange(7 * _DAY_MINUTES)
    hour = 2 * np.pi * (minute % _DAY_MINUTES) / _DAY_MINUTES
    weekday = 2 * np.pi * (minute // _DAY_MINUTES) / 7
    turns = [np.cos(hour), np.sin(hour), np.cos(weekday), np.sin(weekday)]
    return np.rint(np.stack(turns, axis=1) * CIRCLE_UNIT).astype(np.int64)


_CIRCLES: Final = _minutes_of_week()


def circles(at: Ints, offset: Ints) -> Ints:
    """Where times stand on the circles of the local day and week; (n, 4), integers of 2^-30.

    ``at`` in microseconds since 1970 UTC, ``offset`` local minus UTC in seconds; whole minutes
    count. Integers, so that sums do not depend on order.
    """
    minutes = (at + offset * 1_000_000) // _MINUTE
    turns: Ints = _CIRCLES[(minutes + _THURSDAY * _DAY_MINUTES) % len(_CIRCLES)]
    return turns
