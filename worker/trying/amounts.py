"""Numbers as people write them: whether a comma or a point parts the decimals, by whole columns."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

# Currency signs and codes, blanks, apostrophes and quotes between thousands.
_DECORATION: Final = re.compile(r"[\s\u00a0\u202f'\u2019_]|[$€£¥₹]|[A-Za-z]{3}(?=$)|^[A-Za-z]{3}")
_NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+")
_POINT_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(\.\d{3})+")


@dataclass(frozen=True, slots=True)
class Style:
    """How a column's numbers are written. ``is_sure`` is False where both readings would do."""

    decimal: str = "."
    is_sure: bool = True


def style_of(texts: Iterable[str], *, separator: str = ",") -> Style:
    """The style that a column's texts show.

    Parameters
    ----------
    separator
        What parts the file's columns: where semicolons do, commas are for decimals.
    """
    bare = {_bare(text) for text in texts} - {""}
    both = [one for one in bare if "," in one and "." in one]
    if both:
        commas = sum(one.rfind(",") > one.rfind(".") for one in both)
        return Style("," if commas * 2 > len(both) else ".")
    commas_only = [one for one in bare if "," in one]
    points_only = [one for one in bare if "." in one]
    if commas_only:
        if not all(_GROUPED.fullmatch(one) for one in commas_only) or points_only:
            is_decimal = not points_only
            return Style("," if is_decimal else ".")
        return Style("," if separator == ";" else ".", is_sure=False)
    if separator == ";" and points_only and all(_POINT_GROUPED.fullmatch(x) for x in points_only):
        return Style(",", is_sure=False)
    return Style(".")


def read_numbers(texts: Iterable[str], style: Style) -> Mapping[str, float | None]:
    """Each text's number; None where it is none. Empty texts are absent."""
    return {text: number(text, style) for text in set(texts) if text.strip()}


def number(text: str, style: Style) -> float | None:
    """One number, or None."""
    bare = _bare(text)
    if bare.startswith("(") and bare.endswith(")"):
        bare = f"-{bare[1:-1]}"
    if bare.endswith("-"):
        bare = f"-{bare[:-1]}"
    bare = bare.replace(",", "") if style.decimal == "." else _with_point(bare)
    found = float(bare) if _NUMBER.fullmatch(bare) else math.nan
    return found if math.isfinite(found) else None


def _with_point(bare: str) -> str:
    return bare.replace(".", "").replace(",", ".")


def _bare(text: str) -> str:
    return _DECORATION.sub("", text.strip())
