"""Words for people in their language: messages, numbers, money, dates.

A message is written in English in the code and translated by the catalogue of the language
(`segmentation.catalogues`). Values go in by name: ``words.say("In {group}", group=...)``. A test
reads the messages off the code and holds each catalogue to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

import numpy as np

from segmentation.catalogues import translations
from segmentation.constructed import Constructed
from segmentation.features import Feature

UNKNOWN: Final = "–"  # noqa: RUF001 - a dash, not a minus
"""What is said of an unknown number."""

_EXACT_BELOW: Final = 10
_LEAST_QUOTIENT: Final = 1e-4
_MINUTE: Final = 60
_MINUTES: Final = 120  # up to so many minutes they are not told in hours
_SYMBOLS: Final = {"USD": "US$", "EUR": "€", "GBP": "£", "CNY": "¥", "JPY": "JP¥", "HKD": "HK$"}


def message(text: str) -> str:
    """Mark a message that stands in a table and is said elsewhere."""
    return text


@dataclass(frozen=True)
class Words:
    """A language, and what is told in it.

    Attributes
    ----------
    language
        ``en`` or ``zh``.
    currency
        ISO 4217 code of the money told; '': bare numbers.
    categories
        Names of the store's categories by their number.
    own
        The store's own features by name.
    """

    language: str = "en"
    currency: str = ""
    categories: Mapping[int, str] = field(default_factory=dict)
    own: Mapping[str, Constructed] = field(default_factory=dict)

    def say(self, text: str, /, **values: object) -> str:
        """A message in this language. Raises `UnknownLanguage`."""
        return translations(self.language).gettext(text).format(**values)

    def count(self, one: str, many: str, number: str, /, **values: object) -> str:
        """A message with a spoken number in it (as ``{number}``), in its plural form."""
        form = translations(self.language).ngettext(one, many, 1 if number == "1" else 2)
        return form.format(number=number, **values)

    def join(self, parts: Sequence[str]) -> str:
        """Parts of one sentence."""
        return self.say("; ").join(parts)

    def enumerated(self, parts: Sequence[str]) -> str:
        """Words one after the other."""
        return self.say(", ").join(parts)


ENGLISH: Final = Words()
"""The words of the code itself: what is kept beside a version, and the default."""


def number(value: float) -> str:
    """A number as people say it: one decimal below ten, none above."""
    if np.isnan(value):
        return UNKNOWN
    if abs(value) < _EXACT_BELOW and round(value, 1) != round(value):
        return f"{value:.1f}"
    return f"{value:,.0f}"


def share(value: float) -> str:
    """A share in percent; small ones are not told as none."""
    if np.isnan(value):
        return UNKNOWN
    percent = value * 100
    is_small = 0 < abs(percent) < _EXACT_BELOW and round(percent, 1) != round(percent)
    return f"{percent:.1f}%" if is_small else f"{percent:.0f}%"


def money(words: Words, value: float) -> str:
    """An amount in the main unit with its currency."""
    told = number(abs(value))
    sign = "-" if value < 0 and told != "0" else ""
    if not words.currency:
        return sign + told
    symbol = _SYMBOLS.get(words.currency)
    return f"{sign}{symbol}{told}" if symbol else f"{sign}{told} {words.currency}"


def date(words: Words, at: datetime) -> str:
    """A day, in UTC."""
    day = at.astimezone(UTC)
    if words.language == "zh":
        return f"{day.year}年{day.month}月{day.day}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def days(words: Words, value: float) -> str:
    """A length of time in days."""
    return words.count("{number} day", "{number} days", number(value))


def amount(words: Words, feature: Feature, value: float) -> str:
    """A feature's value with its unit; an unknown one is a dash."""
    if np.isnan(value):
        return UNKNOWN
    told = _AMOUNTS.get(feature.unit)
    return number(value) if told is None else told(words, value)


def _moment(words: Words, value: float) -> str:
    return date(words, datetime.fromtimestamp(value / 1_000_000, UTC))


def _seconds(words: Words, value: float) -> str:
    minutes = value / _MINUTE
    if minutes >= _MINUTES:
        return _hours(words, minutes / _MINUTE)
    return words.count("{number} minute", "{number} minutes", number(minutes))


def _hours(words: Words, value: float) -> str:
    return words.count("{number} hour", "{number} hours", number(value))


def _years(words: Words, value: float) -> str:
    return words.count("{number} year", "{number} years", number(value))


def _hour(_: Words, value: float) -> str:
    minutes = round(value * _MINUTE) % (24 * _MINUTE)
    return f"{minutes // _MINUTE}:{minutes % _MINUTE:02}"


def _weekday(words: Words, value: float) -> str:
    return words.say(_WEEKDAYS[int(value % 7)])


def _times(words: Words, value: float) -> str:
    told = _figures(words, value)
    return words.count("{number} time as much", "{number} times as much", told)


def _figures(_: Words, value: float) -> str:
    """Two figures: a quotient may be small; below a ten thousandth it is told as nothing."""
    if abs(value) >= _EXACT_BELOW:
        return number(value)
    return f"{value:.2g}" if abs(value) >= _LEAST_QUOTIENT else number(0.0)


def _stars(words: Words, value: float) -> str:
    return words.say("{number} of 5 stars", number=f"{value:.1f}")


_WEEKDAYS: Final = (
    message("Monday"),
    message("Tuesday"),
    message("Wednesday"),
    message("Thursday"),
    message("Friday"),
    message("Saturday"),
    message("Sunday"),
)
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_AMOUNTS: Final[Mapping[str, Callable[[Words, float], str]]] = {
    "time": _moment,
    "days": days,
    "days²": lambda _, value: f"{number(value)} d²",
    "count": lambda _, value: number(value),
    "money": money,
    "money²": lambda _, value: number(value),
    "share": lambda _, value: share(value),
    "seconds": _seconds,
    "hours": _hours,
    "hour": _hour,
    "day": _weekday,
    "stars": _stars,
    "years": _years,
    "rank": lambda _, value: number(value),
    "times": _times,
    "ratio": _figures,
}
UNITS: Final = frozenset(_AMOUNTS)
"""Units that have words."""
