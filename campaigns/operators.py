"""The comparisons a condition may make, on whole columns. What is unknown compares false."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from campaigns.facts import Column

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Operator:
    """One comparison: how a column is compared, how it is said, and what its value is.

    ``value`` is ``number``, ``scalar``, ``list``, ``pair`` or ``flag``.
    """

    compare: Callable[[Column, Any], Mask]
    phrase: str
    value: str


def numbers(column: Column) -> NDArray[np.float64]:
    """A column as float64; texts and None become NaN."""
    if column.dtype.kind in "fiub":
        return column.astype(np.float64, copy=False)
    return np.array(
        [item if isinstance(item, int | float) else np.nan for item in column.tolist()],
        dtype=np.float64,
    )


def known(column: Column) -> Mask:
    """Where a column holds something."""
    if column.dtype.kind == "f":
        return ~np.isnan(column)
    if column.dtype.kind in "iub":
        return np.ones(len(column), np.bool_)
    return np.array(
        [item is not None and item != "" and item == item for item in column.tolist()],  # noqa: PLR0124 -- NaN differs from itself
        dtype=np.bool_,
    )


def _among(column: Column, values: tuple[Any, ...]) -> Mask:
    found = np.zeros(len(column), np.bool_)
    for value in values:
        found |= _equal(column, value)
    return found


def _equal(column: Column, value: Any) -> Mask:
    if isinstance(value, str):
        if column.dtype.kind not in "UO":
            return np.zeros(len(column), np.bool_)
        same: Mask = np.asarray(column == value, dtype=np.bool_)
        return same
    alike: Mask = numbers(column) == float(value)
    return alike


OPERATORS: Final[dict[str, Operator]] = {
    "at_least": Operator(lambda c, v: numbers(c) >= v, "is at least {value}", "number"),
    "at_most": Operator(lambda c, v: numbers(c) <= v, "is at most {value}", "number"),
    "more_than": Operator(lambda c, v: numbers(c) > v, "is more than {value}", "number"),
    "less_than": Operator(lambda c, v: numbers(c) < v, "is less than {value}", "number"),
    "between": Operator(
        lambda c, v: (numbers(c) >= v[0]) & (numbers(c) <= v[1]), "is between {value}", "pair"
    ),
    "equals": Operator(_equal, "is {value}", "scalar"),
    "not_equals": Operator(lambda c, v: known(c) & ~_equal(c, v), "is not {value}", "scalar"),
    "in": Operator(_among, "is one of {value}", "list"),
    "not_in": Operator(lambda c, v: known(c) & ~_among(c, v), "is none of {value}", "list"),
    "is_known": Operator(lambda c, v: known(c) == v, "is known", "flag"),
}
