"""What single values in a campaign file may be: how each is read, written and described.

A kind reads plain data into a value, writes it back and gives its JSON Schema, so that the
reader, the canonical form and the published schema cannot disagree. Reading never stops at the
first mistake: it notes a :class:`Problem` and returns ``INVALID``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time, timedelta
from decimal import Decimal
from typing import Any, Final, Protocol

from campaigns.durations import PATTERN, duration, said, written
from campaigns.errors import Problem, nearest

INVALID: Final = object()
_SHOWN: Final = 40  # characters of a wrong value
_LISTED: Final = 240  # characters of the choices
CLOCK: Final = "([01][0-9]|2[0-3]):[0-5][0-9]"


class Kind(Protocol):
    """How one value is read, written and described."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """The value, or ``INVALID`` after noting at least one problem."""

    def write(self, value: Any) -> Any:
        """Plain data that reads back as the same value."""

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of what is accepted."""


def shown(node: Any) -> str:
    """A short picture of what stood there, for messages."""
    text = "nothing" if node is None else repr(node)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def refuse(expected: str, node: Any, place: str, problems: list[Problem]) -> Any:
    """Note that something else was expected; ``INVALID``."""
    problems.append(Problem(place, f"expected {expected}, found {shown(node)}"))
    return INVALID


@dataclass(frozen=True)
class Number:
    """A number between two bounds, both included unless ``above`` is set.

    ``whole`` asks for an integer; ``exact`` reads a ``Decimal`` (money).
    """

    least: float = 0
    most: float = 1_000_000_000
    whole: bool = False
    exact: bool = False
    above: bool = False

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """An int, float or Decimal."""
        wanted = (int,) if self.whole else (int, float)
        if isinstance(node, bool) or not isinstance(node, wanted) or not self._holds(node):
            return refuse(self._expected(), node, place, problems)
        if self.exact:
            return Decimal(str(node)).normalize()
        return node if self.whole else float(node)

    def write(self, value: Any) -> Any:
        """An integer where it is whole."""
        return int(value) if value == int(value) else float(value)

    def schema(self) -> dict[str, Any]:
        """A bounded number."""
        least = "exclusiveMinimum" if self.above else "minimum"
        kind = "integer" if self.whole else "number"
        return {"type": kind, least: self.least, "maximum": self.most}

    def _holds(self, node: float) -> bool:
        return (self.least < node if self.above else self.least <= node) and node <= self.most

    def _expected(self) -> str:
        name = "a whole number" if self.whole else "a number"
        if self.above:
            return f"{name} above {self.least:g} and up to {self.most:g}"
        return f"{name} from {self.least:g} to {self.most:g}"


@dataclass(frozen=True)
class Words:
    """A text that matches a pattern as a whole; ``expected`` says so to people."""

    pattern: str
    expected: str

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """A str."""
        if isinstance(node, str) and re.fullmatch(self.pattern, node):
            return node
        return refuse(self.expected, node, place, problems)

    def write(self, value: Any) -> Any:
        """As it is."""
        return value

    def schema(self) -> dict[str, Any]:
        """A text with its pattern."""
        return {"type": "string", "pattern": f"^({self.pattern})$"}


@dataclass(frozen=True)
class YesNo:
    """``true`` or ``false``."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """A bool."""
        return node if isinstance(node, bool) else refuse("true or false", node, place, problems)

    def write(self, value: Any) -> Any:
        """As it is."""
        return value

    def schema(self) -> dict[str, Any]:
        """A boolean."""
        return {"type": "boolean"}


@dataclass(frozen=True)
class Choice:
    """One of some names. ``later`` are names that are planned: refused as not built yet."""

    choices: tuple[str, ...]
    later: tuple[str, ...] = ()

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """One of the names."""
        if isinstance(node, str) and node in self.choices:
            return node
        return unknown_name(node, place, problems, choices=self.choices, later=self.later)

    def write(self, value: Any) -> Any:
        """As it is."""
        return value

    def schema(self) -> dict[str, Any]:
        """An enumeration."""
        return {"enum": list(self.choices)}


def unknown_name(
    node: Any,
    place: str,
    problems: list[Problem],
    *,
    choices: Iterable[str],
    later: Iterable[str] = (),
) -> Any:
    """Note a name that is not among the choices, or is among those not built yet; ``INVALID``."""
    if node in tuple(later):
        problems.append(Problem(place, f"{shown(node)} is not yet built"))
        return INVALID
    listed = ", ".join(choices)
    expected = f"one of {listed}" if len(listed) <= _LISTED else "a known name"
    near = nearest(node, choices) if isinstance(node, str) else ""
    problems.append(Problem(place, f"expected {expected}, found {shown(node)}", near))
    return INVALID


@dataclass(frozen=True)
class Span:
    """A span of time between two bounds, written like ``30d``."""

    least: timedelta = timedelta(minutes=1)
    most: timedelta = timedelta(days=3660)
    whole_days: bool = False

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """A timedelta."""
        span = duration(node) if isinstance(node, str) else None
        if span is None or not self.least <= span <= self.most:
            return refuse(self._expected(), node, place, problems)
        if self.whole_days and span % timedelta(days=1):
            return refuse("whole days like 7d", node, place, problems)
        return span

    def write(self, value: Any) -> Any:
        """Like ``30d``."""
        return written(value)

    def schema(self) -> dict[str, Any]:
        """A text with its pattern."""
        pattern = "^[0-9]{1,10}[wd]$" if self.whole_days else PATTERN
        return {"type": "string", "pattern": pattern, "examples": ["30d", "12h", "90m", "2w"]}

    def _expected(self) -> str:
        example = "7d or 2w" if self.whole_days else "30d, 12h, 90m or 2w"
        return f"a duration like {example} ({said(self.least)} to {said(self.most)})"


@dataclass(frozen=True)
class Clock:
    """A local time of day, ``"09:00"``."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """A naive time."""
        if isinstance(node, str) and re.fullmatch(CLOCK, node):
            return time.fromisoformat(node)
        return refuse('a time of day like "09:00"', node, place, problems)

    def write(self, value: Any) -> Any:
        """Like ``09:00``."""
        return value.strftime("%H:%M")

    def schema(self) -> dict[str, Any]:
        """A text with its pattern."""
        return {"type": "string", "pattern": f"^{CLOCK}$", "examples": ["09:00"]}


@dataclass(frozen=True)
class ListOf:
    """A list of one kind, not empty."""

    kind: Kind
    unique: bool = False

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """A tuple."""
        if not isinstance(node, list) or not node:
            return refuse("a list with at least one entry", node, place, problems)
        found = [self.kind.read(item, f"{place}[{i}]", problems) for i, item in enumerate(node)]
        if any(item is INVALID for item in found):
            return INVALID
        return tuple(dict.fromkeys(found)) if self.unique else tuple(found)

    def write(self, value: Any) -> Any:
        """A list."""
        return [self.kind.write(item) for item in value]

    def schema(self) -> dict[str, Any]:
        """An array."""
        return {"type": "array", "minItems": 1, "items": self.kind.schema()}


@dataclass(frozen=True)
class Named:
    """A mapping whose keys are of one kind and whose values of another."""

    keys: Kind
    values: Kind
    hint: str = ""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """A tuple of pairs, sorted by key."""
        if not isinstance(node, dict) or not node:
            return refuse(self.hint or "a mapping of names", node, place, problems)
        pairs = []
        for key, item in node.items():
            name = self.keys.read(key, f"{place}.{key}", problems)
            value = self.values.read(item, f"{place}.{key}", problems)
            pairs.append((name, value))
        if any(INVALID in (key, value) for key, value in pairs):
            return INVALID
        return tuple(sorted(pairs))

    def write(self, value: Any) -> Any:
        """A dict."""
        return {self.keys.write(key): self.values.write(item) for key, item in value}

    def schema(self) -> dict[str, Any]:
        """An object with free keys."""
        return {
            "type": "object",
            "minProperties": 1,
            "propertyNames": self.keys.schema(),
            "additionalProperties": self.values.schema(),
        }
