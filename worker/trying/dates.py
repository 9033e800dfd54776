"""Times as people write them: which of day and month comes first, decided over a whole column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from itertools import pairwise
from typing import Final, Literal

Order = Literal["day-first", "month-first", "year-first", "ambiguous"]
CHOICES: Final = ("day-first", "month-first")
_TIME: Final = (
    r"(?:[T ,]+(?P<h>\d{1,2})[:.](?P<mi>\d{2})(?:[:.](?P<s>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<half>[AaPp])?\.?(?:[Mm]\.?)?)?"
    r"\s*(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?"
)
_YEAR_FIRST: Final = re.compile(r"(?P<y>\d{4})[-/.](?P<a>\d{1,2})[-/.](?P<b>\d{1,2})" + _TIME)
_COMPACT: Final = re.compile(r"(?P<y>\d{4})(?P<a>\d{2})(?P<b>\d{2})" + _TIME)
_EITHER: Final = re.compile(
    r"(?P<a>\d{1,2})(?P<sep>[-/.])\s?(?P<b>\d{1,2})(?P=sep)\s?(?P<y>\d{4}|\d{2})" + _TIME
)
_NAMED: Final = re.compile(
    r"(?:[A-Za-z]{2,9},?\s+)?(?:(?P<d>\d{1,2})(?:st|nd|rd|th|\.)?[\s-]+(?P<m>[A-Za-z]{3,9})\.?|"
    r"(?P<m2>[A-Za-z]{3,9})\.?[\s-]+(?P<d2>\d{1,2})(?:st|nd|rd|th)?,?)[\s,-]+(?P<y>\d{4}|\d{2})"
    + _TIME
)
_MONTHS: Final = (
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
)
_LAST_MONTH: Final = 12
_NOON: Final = 12
_SHORT: Final = 2  # digits of a year
_PIVOT: Final = 70  # two digits below it are this century's
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


@dataclass(frozen=True, slots=True)
class Reading:
    """How a column's dates are read, and how that is known, for people."""

    order: Order
    why: str


def reading_of(texts: Sequence[str]) -> Reading:
    """Whether day or month comes first, from every text of a column in the file's order.

    A part over 12 is a day; points go with the day first; else the reading under which the file
    stands in order of time wins, if only one does.
    """
    found = [match for text in dict.fromkeys(texts) if (match := _EITHER.fullmatch(text.strip()))]
    if not found:
        return Reading("year-first", "year first, or months by name")
    firsts = sum(int(one["a"]) > _LAST_MONTH for one in found)
    seconds = sum(int(one["b"]) > _LAST_MONTH for one in found)
    if firsts or seconds:
        order: Order = "day-first" if firsts >= seconds else "month-first"
        return Reading(order, f"{max(firsts, seconds):,} dates can be read in no other way")
    if all(one["sep"] == "." for one in found):
        return Reading("day-first", "points stand between day, month and year")
    in_order = [one for one in CHOICES if _is_in_order(texts, one)]
    if len(in_order) == 1:
        chosen: Order = "day-first" if in_order[0] == "day-first" else "month-first"
        return Reading(chosen, "only so do the rows stand in order of time")
    return Reading("ambiguous", "no date says which of its parts is the month")


def _is_in_order(texts: Sequence[str], order: str) -> bool:
    zone: tzinfo = UTC
    known = read_times(texts, "day-first" if order == "day-first" else "month-first", zone)
    times = [at for text in texts if (at := known.get(text)) is not None]
    ups = sum(one <= two for one, two in pairwise(times))
    return ups == len(times) - 1 or (ups == 0 and len(times) > 1)


def read_times(texts: Iterable[str], order: Order, zone: tzinfo) -> Mapping[str, datetime | None]:
    """Each text's time in UTC; None where it is none. Times without an offset are in ``zone``."""
    return {text: time_of(text, order, zone) for text in set(texts) if text.strip()}


def time_of(text: str, order: Order, zone: tzinfo) -> datetime | None:
    """One time in UTC, or None."""
    bare = text.strip()
    for pattern in (_YEAR_FIRST, _EITHER, _NAMED, _COMPACT):
        match = pattern.fullmatch(bare)
        if match:
            return _moment(match, _parts(match, order), zone)
    return None


def _parts(match: re.Match[str], order: Order) -> tuple[int, int, int]:
    """Year, month and day; a month of 0 where its name is none."""
    said = match.groupdict()
    year = int(said["y"])
    if len(said["y"]) == _SHORT:
        year += 2000 if year < _PIVOT else 1900
    name = said.get("m") or said.get("m2")
    if name:
        short = name[:3].lower()
        month = _MONTHS.index(short) + 1 if short in _MONTHS else 0
        return year, month, int(said.get("d") or said.get("d2") or 0)
    one, two = int(said["a"]), int(said["b"])
    if "sep" in said and order == "day-first":
        return year, two, one
    return year, one, two


def _moment(match: re.Match[str], day: tuple[int, int, int], zone: tzinfo) -> datetime | None:
    year, month, date = day
    hour = int(match["h"] or 0)
    half = (match["half"] or "").lower()
    if half:
        hour = hour % _NOON + (_NOON if half == "p" else 0)
    try:
        naive = datetime(  # noqa: DTZ001 - its zone comes next
            year, month, date, hour, int(match["mi"] or 0), int(match["s"] or 0)
        )
        at = naive.replace(tzinfo=_offset(match["zone"]) or zone).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return at if _FIRST_YEAR <= at.year < _LAST_YEAR else None


def _offset(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text[0] not in "+-":
        return UTC
    digits = text[1:].replace(":", "")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-span if text[0] == "-" else span)
