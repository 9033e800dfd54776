"""Errors of this package.

::

    SegmentationError
    ├─ FactRefused           a fact that cannot be folded; the rest of the batch can
    ├─ UnknownSchema         a packed record of another version or size
    ├─ UnknownFeature        a name the catalogue does not hold
    ├─ IncompatibleModel     a model's JSON that this version cannot predict with
    └─ NotEnoughCustomers    too few to learn from; the rules stay in force
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class SegmentationError(Exception):
    """Anything that goes wrong between facts and segments."""


class FactRefused(SegmentationError):
    """A fact is outside what a record can hold. ``positions`` are those of all such facts."""

    def __init__(self, field: str, value: int, expected: str, positions: tuple[int, ...]) -> None:
        super().__init__(f"fact {positions[0]}: {field} {value}: expected {expected}")
        self.positions = positions


class UnknownSchema(SegmentationError):
    """A packed record was written by another version."""


class UnknownFeature(SegmentationError):
    """No feature of that name. ``str`` names the nearest one."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        near = get_close_matches(name, list(known), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        super().__init__(f"feature {name!r} is not in the catalogue (docs/features.md){hint}")


class IncompatibleModel(SegmentationError):
    """A stored model that this version cannot use. ``str`` says what was expected."""


class UnknownLanguage(SegmentationError):
    """No words in that language. ``str`` names those there are."""


class NotEnoughCustomers(SegmentationError):
    """Too few customers to learn segments from."""

    def __init__(self, found: int, needed: int) -> None:
        super().__init__(
            f"expected at least {needed} customers to learn segments from, found {found}"
        )
        self.found = found
        self.needed = needed
