"""A store that somebody wants to add, and everything that is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final
from urllib.parse import SplitResult, urlsplit
from zoneinfo import available_timezones

from connectors.attributes import declared_attributes
from connectors.currencies import CODES

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_ORIGIN: Final = re.compile(r"https?://[^/\s]+")
_CLOCKS: Final = ("wall", "log")


@dataclass(frozen=True, kw_only=True)
class NewStore:
    """What somebody wants to add.

    Attributes
    ----------
    clock
        ``wall``, or ``log`` for a store that replays a log in the log's own time.
    origins
        Origins of the storefront's pages, separated by blanks or commas; ``*`` is any.
    """

    id: str
    platform: str
    url: str
    currency: str
    name: str = ""
    time_zone: str = "UTC"
    options: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    clock: str = "wall"
    origins: str = "*"


def problems_of(new: NewStore) -> list[str]:
    """Everything that cannot be used as it is, each with what was expected."""
    problems = [*_of_names(new), *_of_address(new.url), *problems_of_origins(new.origins)]
    zones = available_timezones()
    if new.time_zone not in zones:
        expected = "a name such as Europe/Berlin"
        problems.append(_wrong("time zone", new.time_zone, expected, zones))
    try:
        declared_attributes(new.options)
    except ValueError as wrong:
        problems.append(str(wrong))
    return problems


def split_origins(origins: str) -> list[str]:
    """The origins of a text, which blanks or commas separate."""
    return origins.replace(",", " ").split()


def _of_names(new: NewStore) -> Iterator[str]:
    if not _ID.fullmatch(new.id):
        expected = "a-z, 0-9, - and _, at most 63 characters"
        yield _wrong("id", new.id, expected)
    if new.currency not in CODES:
        expected = "an ISO 4217 code such as EUR"
        yield _wrong("currency", new.currency, expected, CODES, new.currency.upper())
    if new.clock not in _CLOCKS:
        yield _wrong("clock", new.clock, "wall or log", _CLOCKS)


def _of_address(url: str) -> Iterator[str]:
    if not url:
        return
    parts = _parts(url)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        yield _wrong("url", _without_user(url), "http:// or https:// and a host")
    elif parts.username is not None or parts.password is not None:
        # It would be shown wherever the store is.
        shown = _without_user(url)
        yield _wrong("url", shown, "no user and no password in it, but --secret NAME=VALUE")
    elif parts.query or parts.fragment:
        yield _wrong("url", url, "nothing behind the path")


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - reading it checks it
    except ValueError:
        return None
    return None if re.search(r"\s", url) else parts


def _without_user(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//…@", url)


def problems_of_origins(origins: str) -> list[str]:
    """Every origin of a text that is none."""
    return [
        _wrong("origin", origin, "a form like https://shop.example, or *")
        for origin in split_origins(origins)
        if origin != "*" and (not _ORIGIN.fullmatch(origin) or _parts(origin) is None)
    ]


def _wrong(
    what: str, found: str, expected: str, choices: Iterable[str] = (), like: str = ""
) -> str:
    near = get_close_matches(like or found, sorted(choices), 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{what} {found!r}: expected {expected}{hint}"
