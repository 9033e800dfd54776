"""Who people are, in records: coarse values that the shop says, each 0 where it does not.

They are set, not added up: the shell sets them whenever what is known of a person changes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

import numpy as np

from segmentation.record import PERSON, Floats, Records

FEMALE: Final = 1
MALE: Final = 2
OTHER: Final = 3
Formula = Callable[[Records, int], Floats]


class Person(NamedTuple):
    """What a record holds of who somebody is; 0: unknown.

    ``education`` is its level plus one, ``gender`` one of the constants here.
    """

    birth_year: int = 0
    household_size: int = 0
    education: int = 0
    gender: int = 0
    income_band: int = 0


def describe(records: Records, row: int, person: Person) -> None:
    """Set who a record's customer is, in place."""
    for name, value in zip(PERSON, person, strict=True):
        records[name][row] = value


def _of(name: str, reading: Callable[[Floats, int], Floats]) -> Formula:
    """A reading of a value and the time where the value is known, else NaN."""

    def formula(records: Records, now: int) -> Floats:
        stored = records[name].astype(np.float64)
        return np.where(stored > 0, reading(stored, now), np.nan)

    return formula


def _year(now: int) -> int:
    """The calendar year (UTC) of a time in microseconds."""
    return int(np.datetime64(now, "us").astype("datetime64[Y]").astype(np.int64)) + 1970


def _is(gender: int) -> Formula:
    return _of("gender", lambda stored, _: (stored == gender).astype(np.float64))


# Feature -> its column out of records at a time (int microseconds); NaN where nobody says it.
FORMULAS: Final[Mapping[str, Formula]] = {
    "age": _of("birth_year", lambda born, now: _year(now) - born),
    "income_band": _of("income_band", lambda band, _: band),
    "education": _of("education", lambda level, _: level - 1),
    "household_size": _of("household_size", lambda size, _: size),
    "gender_female": _is(FEMALE),
    "gender_male": _is(MALE),
}
