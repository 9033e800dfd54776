"""What single values in ``features.yaml`` may be, beside those of `campaigns.kinds`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from campaigns.durations import duration
from campaigns.errors import Problem, nearest
from campaigns.kinds import INVALID, Kind, Number, Words, refuse
from segmentation.constructed import MADE_OF, RESERVED
from segmentation.features import BY_NAME, HALF_LIVES

_NAME: Final = "[a-z][a-z0-9_]{1,39}"
_STANDS: Final = Number(-1e12, 1e12)


@dataclass(frozen=True)
class Made:
    """A feature of the catalogue that is a number, for what is said of it."""

    use: str = "a number to divide or square"
    own: str = "features of your own cannot be nested"

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """The name, or ``INVALID``."""
        if isinstance(node, str) and node in MADE_OF:
            return node
        if isinstance(node, str) and node in BY_NAME:
            expected = f"{self.use}; this is a moment or a place on a circle"
            return refuse(expected, node, place, problems)
        near = nearest(node, MADE_OF) if isinstance(node, str) else ""
        expected = f"expected a feature of the catalogue ({self.own})"
        problems.append(Problem(place, f"{expected}, found {node!r}", near))
        return INVALID

    def write(self, value: Any) -> Any:
        """As it stands in a file."""
        return value

    def schema(self) -> dict[str, Any]:
        """What is accepted."""
        return {"enum": list(MADE_OF)}


@dataclass(frozen=True)
class Own:
    """A name for a feature of the store's own."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """The name, or ``INVALID``."""
        if node in BY_NAME or node in RESERVED:
            return refuse("a name that nothing else has", node, place, problems)
        return Words(_NAME, "a name of a-z, 0-9 and _").read(node, place, problems)

    def write(self, value: Any) -> Any:
        """As it stands in a file."""
        return value

    def schema(self) -> dict[str, Any]:
        """What is accepted."""
        taken = {"not": {"enum": [*BY_NAME, *sorted(RESERVED)]}}
        return {"type": "string", "pattern": f"^{_NAME}$", **taken}


def half_life(node: Any) -> int | None:
    """Days of a half-life that sums are kept with; None for anything else."""
    found = duration(node) if isinstance(node, str) else None
    days = 0 if found is None else found / timedelta(days=1)
    return int(days) if days in HALF_LIVES else None


@dataclass(frozen=True)
class HalfLife:
    """One of the half-lives that sums are kept with, however it is written: ``7d`` or ``1w``."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """Days, or ``INVALID``."""
        found = half_life(node)
        if found is not None:
            return found
        listed = ", ".join(f"{one}d" for one in HALF_LIVES)
        return refuse(f"a duration that is one of {listed}", node, place, problems)

    def write(self, value: Any) -> Any:
        """Like ``7d``."""
        return f"{value}d"

    def schema(self) -> dict[str, Any]:
        """What is accepted, in days and weeks."""
        weeks = [f"{one // 7}w" for one in HALF_LIVES if one % 7 == 0]
        return {"enum": [*(f"{one}d" for one in HALF_LIVES), *weeks]}


@dataclass(frozen=True)
class Between:
    """Two numbers, the smaller first; with ``none`` that word too."""

    kind: Kind
    none: bool = False

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """A pair, or ``INVALID``."""
        if self.none and node == "none":
            return None
        is_pair = isinstance(node, list) and len(node) == 2  # noqa: PLR2004 - a pair has two
        expected = f"two numbers, the smaller first{', or none' if self.none else ''}"
        if not is_pair:
            return refuse(expected, node, place, problems)
        found = [self.kind.read(item, f"{place}[{i}]", problems) for i, item in enumerate(node)]
        if INVALID in found:
            return INVALID
        if found[0] >= found[1]:
            return refuse(expected, node, place, problems)
        return tuple(found)

    def write(self, value: Any) -> Any:
        """As it stands in a file."""
        return "none" if value is None else list(value)

    def schema(self) -> dict[str, Any]:
        """What is accepted."""
        pair = {"type": "array", "minItems": 2, "maxItems": 2, "items": self.kind.schema()}
        return {"anyOf": [{"const": "none"}, pair]} if self.none else pair


@dataclass(frozen=True)
class Unknown:
    """``median`` or a number."""

    def read(self, node: Any, place: str, problems: list[Problem]) -> Any:
        """The word or a float, or ``INVALID``."""
        if node == "median":
            return node
        found = _STANDS.read(node, place, [])
        if found is INVALID:
            return refuse("median, or a number from -1e+12 to 1e+12", node, place, problems)
        return found

    def write(self, value: Any) -> Any:
        """As it stands in a file."""
        return value

    def schema(self) -> dict[str, Any]:
        """What is accepted."""
        return {"anyOf": [{"const": "median"}, _STANDS.schema()]}
