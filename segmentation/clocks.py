"""When a feature's comparison turns by time alone: to the microsecond, in arrays.

Three kinds of feature move while nothing happens. Days since something rise evenly, decayed sums
fall by half every so many days, the age rises with the calendar year. All others stand still
between events. What is computed here is the first moment at which the formula of
`segmentation.derivation` gives another answer, rounding included: whoever evaluates one microsecond
earlier still gets the old one.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

import numpy as np

from segmentation.derivation import derive, value_at
from segmentation.features import BY_NAME, HALF_LIVES, MOOD_HALF_LIFE, SERIES
from segmentation.record import DAY, NEVER, Bools, Floats, Ints, Records

Clock = Literal["days", "decay", "year", "still", "unsolved"]
Side = Literal["reaches", "exceeds"]
"""Which comparison turns: ``value >= bound`` (reaches) or ``value > bound`` (exceeds)."""


class Bound(NamedTuple):
    """A feature compared with a number, from one side."""

    feature: str
    value: float
    side: Side


FOREVER: Final = 2**62
"""The moment of what does not happen."""

# Counted from these fields; the least or greatest of several is meant.
_SINCE: Final = ("recency_days", "tenure_days", "last_seen_days")
_HALF_LIFE: Final = {
    **{f"{series}_{days}d": days for series in SERIES for days in HALF_LIVES},
    f"complaints_{MOOD_HALF_LIFE}d": MOOD_HALF_LIFE,
}
_EXACT: Final = 2**53  # microseconds: beyond, a float does not hold every one
_LAST_YEAR: Final = 9_999
_REACH: Final = 64  # microseconds around the solution in which rounding may put the flip
_NOTHING: Final = 1e-100  # floats run out not far below
_HALVINGS: Final = 8  # that find one microsecond among twice as many


def clock_of(name: str) -> Clock:
    """How a feature moves by time alone; ``unsolved`` for what is not in the catalogue."""
    if name in _SINCE:
        return "days"
    if name in _HALF_LIFE:
        return "decay"
    if name == "age":
        return "year"
    return "still" if name in BY_NAME else "unsolved"


def turns_at(records: Records, bound: Bound, now: int, *, currency_exponent: int = 2) -> Ints:
    """The first moment after ``now`` at which a comparison with a bound turns, for each record.

    Parameters
    ----------
    now
        Microseconds since 1970 UTC; what was folded is known up to then.
    currency_exponent
        Decimal places of the minor unit, where the feature is money.

    Returns
    -------
    Ints
        Microseconds since 1970 UTC, `FOREVER` where time alone turns nothing (also for features
        that stand still or are ``unsolved``: ask `clock_of`).
    """
    clock = clock_of(bound.feature)
    if clock == "days":
        found = _days(records, bound)
    elif clock == "decay":
        found = _decay(records, bound, now, currency_exponent)
    elif clock == "year":
        found = _year(records, bound)
    else:
        return np.full(len(records), FOREVER)
    return np.where(found > now, found, FOREVER)


def _days(records: Records, bound: Bound) -> Ints:
    passed = _microseconds(bound.value, bound.side)
    known, since = _beginnings(records, bound.feature)
    if abs(passed) >= _EXACT:
        return np.full(len(records), FOREVER)
    moments: Ints = np.where(known, since + passed, FOREVER)
    return moments


def _beginnings(records: Records, name: str) -> tuple[Bools, Ints]:
    """Whether and since when the days are counted; the fields that `derive` counts from."""
    if name == "recency_days":
        return records["orders"] > 0, records["last_order_at"]
    if name == "tenure_days":
        return records["orders"] > 0, records["first_order_at"]
    seen = np.maximum(records["last_act_at"], records["last_order_at"])
    return seen > NEVER, seen


def _microseconds(days: float, side: Side) -> int:
    """The least whole microseconds that, divided into days, reach or exceed so many."""
    if abs(days) * DAY >= _EXACT:
        return _EXACT
    passed = round(days * DAY) - 1
    while passed / DAY >= days:
        passed -= 1
    while passed / DAY < days or (side == "exceeds" and passed / DAY == days):
        passed += 1
    return passed


def _year(records: Records, bound: Bound) -> Ints:
    """New Year (UTC) of the first year in which the age reaches or exceeds a bound."""
    born = records["birth_year"].astype(np.int64)
    whole = np.floor(bound.value) + 1 if bound.side == "exceeds" else np.ceil(bound.value)
    years = np.clip(born + whole, -_LAST_YEAR, _LAST_YEAR + 1).astype(np.int64)
    begins = (years - 1970).astype("datetime64[Y]").astype("datetime64[us]").astype(np.int64)
    moments: Ints = np.where((born > 0) & (years <= _LAST_YEAR), begins, FOREVER)
    return moments


def _decay(records: Records, bound: Bound, now: int, places: int) -> Ints:
    """The first moment at which a falling sum is below a bound, or no longer above it."""
    name = bound.feature
    found = np.full(len(records), FOREVER)
    if bound.value < _NOTHING:
        return found  # it is halved, and never gone
    value = derive(records, now, currency_exponent=places, names=(name,))[name]
    above = np.flatnonzero(_is_beyond(value, bound))
    if not above.size:
        return found
    wait = (np.log2(value[above]) - np.log2(bound.value)) * (_HALF_LIFE[name] * DAY)
    guess = now + np.minimum(np.round(wait), float(_EXACT)).astype(np.int64)
    some = records[above]
    low, high = np.maximum(guess - _REACH, now), guess + _REACH
    for _ in range(_HALVINGS):
        middle = (low + high) // 2
        holds = _is_beyond(value_at(some, name, middle, currency_exponent=places), bound)
        low, high = np.where(holds, middle, low), np.where(holds, high, middle)
    found[above] = high
    return found


def _is_beyond(values: Floats, bound: Bound) -> Bools:
    return values >= bound.value if bound.side == "reaches" else values > bound.value
