"""What a shop may say of a person in coarse values: year of birth, income band, education and more.

These stand in clear beside a customer's features (docs/decisions/0012-demographics.md), so they
are coarse at the door: of a birthday the year, of an income one of five bands, of a place its
region. What does not fit is dropped, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

GENDERS: Final = ("female", "male", "other")
INCOME_BANDS: Final = ("low", "lower_middle", "middle", "upper_middle", "high")
# ISCED 2011, levels 0 to 8 (UNESCO Institute for Statistics).
EDUCATION: Final = (
    *("none", "primary", "lower_secondary", "upper_secondary", "post_secondary"),
    *("short_tertiary", "bachelor", "master", "doctorate"),
)
# The major groups of ISCO-08 (International Labour Organization), and who has no occupation.
OCCUPATIONS: Final = (
    *("manager", "professional", "technician", "clerk", "service", "agriculture", "craft"),
    *("operator", "elementary", "military"),
    *("student", "homemaker", "retired", "unemployed", "other"),
)
LARGEST_HOUSEHOLD: Final = 20
OLDEST: Final = 120  # years
_FIRST_YEAR: Final = 1900
_LAST_YEAR: Final = 2200
_REGION: Final = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")  # ISO 3166-1 alpha-2, ISO 3166-2
# 1990-05-01, 1990-05-01T00:00:00Z, 1.5.1990, 05/01/1990: whatever comes first, the year is plain.
_BIRTHDAY: Final = re.compile(
    r"(\d{4})[-/.]\d{1,2}[-/.]\d{1,2}(?:[T ].*)?|\d{1,2}[-/.]\d{1,2}[-/.](\d{4})"
)
_GENDER_WORDS: Final = {
    **dict.fromkeys(("f", "w", "woman", "weiblich", "femme"), "female"),
    **dict.fromkeys(("m", "man", "männlich", "homme"), "male"),
    **dict.fromkeys(("d", "x", "diverse", "divers", "nonbinary", "non_binary"), "other"),
}


def coarse(given: Mapping[str, Any], at: datetime | None = None) -> dict[str, str | float | bool]:
    """What may be kept in clear of what is said of a person.

    Parameters
    ----------
    given
        ``birthday`` (a date), ``birth_year`` or ``age``; ``gender``, ``income_band``,
        ``education``, ``occupation``, ``household_size``, ``region``.
    at
        When it was said; without it an age says nothing.

    Returns
    -------
    Attributes by name: ``birth_year``, ``income_band`` (1 to 5), ``education`` (0 to 8) and
    ``household_size`` as numbers, the rest as words.
    """
    found: dict[str, str | float | bool | None] = {"birth_year": _birth_year(given, at)}
    for name, reading in _READINGS.items():
        found[name] = reading(given.get(name))
    return {name: value for name, value in found.items() if value is not None}


def _birth_year(given: Mapping[str, Any], at: datetime | None) -> float | None:
    last = at.year if at else _LAST_YEAR
    matched = _BIRTHDAY.fullmatch(str(given.get("birthday") or "").strip())
    said = matched.group(1) or matched.group(2) if matched else given.get("birth_year")
    year = _whole(said, _FIRST_YEAR, last)
    if year is not None or at is None:
        return year
    age = _whole(given.get("age"), 0, OLDEST)
    return None if age is None else at.year - age


def _whole(value: Any, low: int, high: int) -> float | None:
    """A number without its fraction, if it is one within bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return float(int(number)) if low <= number < high + 1 else None


def _word(value: Any) -> str:
    return "_".join(value.casefold().replace("-", " ").split()) if isinstance(value, str) else ""


def _gender(value: Any) -> str | None:
    word = _GENDER_WORDS.get(_word(value), _word(value))
    return word if word in GENDERS else None


def _income_band(value: Any) -> float | None:
    word = _word(value)
    known = INCOME_BANDS.index(word) + 1 if word in INCOME_BANDS else value
    return _whole(known, 1, len(INCOME_BANDS))


def _education(value: Any) -> float | None:
    word = _word(value)
    known = EDUCATION.index(word) if word in EDUCATION else value
    return _whole(known, 0, len(EDUCATION) - 1)


def _occupation(value: Any) -> str | None:
    word = _word(value)
    return word if word in OCCUPATIONS else None


def _household_size(value: Any) -> float | None:
    return _whole(value, 1, LARGEST_HOUSEHOLD)


def _region(value: Any) -> str | None:
    code = value.strip().upper() if isinstance(value, str) else ""
    return code if _REGION.fullmatch(code) else None


_READINGS: Final[Mapping[str, Callable[[Any], str | float | None]]] = {
    "gender": _gender,
    "income_band": _income_band,
    "education": _education,
    "occupation": _occupation,
    "household_size": _household_size,
    "region": _region,
}
DEMOGRAPHICS: Final = ("birth_year", *_READINGS)
