"""Spans of time as people write them: ``30d``, ``12h``, ``90m``, ``2w``.

One way of writing them: in files of campaigns, policies, rules and features, in settings, and after
the options of commands.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

from segmentation.catalogues import counted

_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_NAMES: Final = {"d": "day", "h": "hour", "m": "minute", "s": "second"}
_WRITTEN: Final = "[0-9]{1,10}[wdhms]"
PATTERN: Final = f"^{_WRITTEN}$"
LONGEST: Final = timedelta(days=3660)
EXPECTED: Final = "a duration such as 30s, 15m, 12h, 7d or 2w"
"""What is told where something else stood: every unit once."""
_MOST: Final = 36_525 * 86_400  # seconds: a hundred years, so that no sum with a date overflows


def span(text: str) -> timedelta | None:
    """The span a text like ``14d`` names; None if it names none or one beyond a hundred years."""
    if not re.fullmatch(_WRITTEN, text):
        return None
    seconds = int(text[:-1]) * _SECONDS[text[-1]]
    return timedelta(seconds=seconds) if seconds <= _MOST else None


def duration(text: str) -> timedelta | None:
    """As `span`, for files: None for what is beyond ten years, too."""
    found = span(text)
    return found if found is not None and found <= LONGEST else None


def written(span: timedelta) -> str:
    """The shortest exact way to write a span in a file (weeks become days)."""
    count, unit = _largest(int(span.total_seconds()))
    return f"{count}{unit}"


def said(span: timedelta) -> str:
    """A span in words, rounded down to its largest unit: ``3 days``."""
    total = int(span.total_seconds())
    for unit, name in _NAMES.items():
        if total >= _SECONDS[unit]:
            count = total // _SECONDS[unit]
            return counted(count, name, f"{name}s")
    return "0 seconds"


def said_micros(micros: int) -> str:
    """A number of microseconds in words."""
    return said(timedelta(microseconds=micros))


def micros(span: timedelta) -> int:
    """A span as whole microseconds."""
    return span // timedelta(microseconds=1)


def _largest(total: int) -> tuple[int, str]:
    for unit in _NAMES:
        if total and total % _SECONDS[unit] == 0:
            return total // _SECONDS[unit], unit
    return total, "s"
