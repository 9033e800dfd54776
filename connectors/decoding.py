"""From JSON bytes to typed values; what is wrong is named by its place, never by its value."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final, TypeVar

import msgspec

from connectors.errors import MalformedPayload
from connectors.records import Money

T = TypeVar("T")
_VALUE: Final = re.compile(r"'[^']*'")
_PLACE: Final = re.compile(r" - at `\$?\.?(?P<place>[^`]*)`$")


def decode(raw: bytes | msgspec.Raw, kind: type[T], name: str) -> T:
    """A typed value from JSON.

    Parameters
    ----------
    raw
        The JSON text.
    kind
        What it should be.
    name
        What to call the whole in an error.

    Raises
    ------
    MalformedPayload
        With the place of the first mistake and what was expected there.
    """
    try:
        return msgspec.json.decode(raw, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        place, reason = mistake(error)
    message = f"{joined(name, place)}: {reason}"
    raise MalformedPayload(message)


def mistake(error: Exception) -> tuple[str, str]:
    """What msgspec found wrong: the place (empty: the whole) and what was expected there."""
    said = _VALUE.sub("", str(error))
    found = _PLACE.search(said)
    if found is None:
        return "", _lowered(said)
    return found["place"], _lowered(said[: found.start()])


def joined(outer: str, inner: str) -> str:
    """A place within a place: ``batch[3]`` and ``event`` are ``batch[3].event``."""
    joint = "." if outer and inner and not inner.startswith("[") else ""
    return f"{outer}{joint}{inner}"


def minor_units(amount: Decimal, currency: str, place: str) -> int:
    """An amount in minor units.

    Raises
    ------
    MalformedPayload
        If it is not finite or beyond what an order may hold.
    """
    try:
        return Money.of(amount, currency).minor
    except (ValueError, ArithmeticError):
        problem = f"{place}: expected an amount of money of reasonable size"
    raise MalformedPayload(problem)


def _lowered(said: str) -> str:
    tidy = " ".join(said.replace("`", "").split())
    return tidy if tidy[:2].isupper() else tidy[:1].lower() + tidy[1:]
