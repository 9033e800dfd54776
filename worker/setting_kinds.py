"""What a setting's text may be: each reads it or says, in a ``ValueError``, what was expected."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path

from campaigns.durations import EXPECTED, span


def path(text: str) -> Path:
    """A folder or file, ``~`` expanded."""
    return Path(text).expanduser().absolute()


def whole(least: int, most: int) -> Callable[[str], int]:
    """Whole numbers of a range."""

    def read(text: str) -> int:
        expected = f"a whole number from {least} to {most}"
        try:
            number = int(text)
        except ValueError:
            raise ValueError(expected) from None
        if not least <= number <= most:
            raise ValueError(expected)
        return number

    return read


def percent(text: str) -> float:
    """Numbers from 0 to 100."""
    expected = "a number of percent from 0 to 100"
    try:
        number = float(text)
    except ValueError:
        raise ValueError(expected) from None
    if not 0 <= number <= 100:  # noqa: PLR2004 - what percent means
        raise ValueError(expected)
    return number


def one_of(*choices: str) -> Callable[[str], str]:
    """One of some words."""

    def read(text: str) -> str:
        if text in choices:
            return text
        near = get_close_matches(text, choices, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        expected = f"one of {', '.join(choices)}{hint}"
        raise ValueError(expected)

    return read


def url(*schemes: str) -> Callable[[str], str]:
    """URLs of some schemes, or nothing."""

    def read(text: str) -> str:
        if text and text.partition("://")[0] not in schemes:
            expected = "a URL that begins with " + " or ".join(f"{one}://" for one in schemes)
            raise ValueError(expected)
        return text

    return read


def duration(text: str) -> timedelta:
    """A number with its unit, more than none."""
    found = span(text)
    if not found:
        raise ValueError(EXPECTED)
    return found


def names(text: str) -> tuple[str, ...]:
    """Ids or addresses, separated by commas."""
    return tuple(one.strip() for one in text.split(",") if one.strip())


def hosts(text: str) -> tuple[str, ...]:
    """Host names or addresses, lower case."""
    found = tuple(one.strip().lower() for one in text.split(",") if one.strip())
    if any(re.search(r"[/@\s]", one) for one in found):
        expected = "host names or addresses, separated by commas"
        raise ValueError(expected)
    return found
