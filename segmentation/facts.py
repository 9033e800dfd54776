"""What is folded: a batch of facts in columns, one row each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from connectors.records import LARGEST_AMOUNT
from segmentation.errors import FactRefused
from segmentation.features import SLOTS
from segmentation.record import DAY, Bools, Ints


class FactKind(IntEnum):
    """What happened; the number is stable and goes into columns."""

    VIEW = 0  # a page or product viewed
    SEARCH = 1
    CART = 2  # a product added, a cart updated
    CHECKOUT = 3
    ORDER = 4  # a completed sale, once per order, at its earliest line
    REFUND = 5
    CONTACT = 6  # an action of ours reached the customer
    OPEN = 7
    CLICK = 8
    REDEMPTION = 9
    REVIEW = 10  # a product rated
    SURVEY = 11  # a question about satisfaction answered
    COMPLAINT = 12
    TICKET = 13  # a request for help, closed


COLUMNS: Final = ("row", "kind", "at", "value", "items", "discount", "slot", "offset")
_YEAR: Final = 365 * DAY
# (lowest, highest, in words), by column; ``row`` depends on the records.
_BOUNDS: Final = {
    "kind": (0, len(FactKind) - 1, "a FactKind"),
    "at": (-70 * _YEAR, 230 * _YEAR, "a time between 1900 and 2200"),
    "value": (-LARGEST_AMOUNT, LARGEST_AMOUNT, f"at most {LARGEST_AMOUNT} minor units"),
    "items": (0, 1_000_000, "0 to 1000000 distinct products"),
    "discount": (-LARGEST_AMOUNT, LARGEST_AMOUNT, f"at most {LARGEST_AMOUNT} minor units"),
    "slot": (-1, SLOTS - 1, f"a category slot 0 to {SLOTS - 1}, or -1 for none"),
    "offset": (-18 * 3600, 18 * 3600, "an offset of at most 18 hours, in seconds"),
}


@dataclass(frozen=True)
class Facts:
    """Facts in parallel columns (int64), in any order, each exactly once.

    Attributes
    ----------
    table
        Shape (8, n), the columns below as rows.
    row
        Index into the records that the facts are folded into.
    kind
        A :class:`FactKind`.
    at
        Microseconds since 1970 UTC.
    value
        Minor units: gross of an order's lines, or what a refund gave back. A review's rating in
        hundredths of a star, an answer's satisfaction in millionths, the seconds that a ticket was
        open (-1: unknown). Else 0.
    items
        Distinct products in an order; else 0.
    discount
        Minor units taken off an order; else 0.
    slot
        Category slot, 0 to 15, or -1; read for views, searches, carts, checkouts and orders. Of a
        refund the place of its reason among ``connectors.records.RETURN_REASONS``, or -1.
    offset
        Local time minus UTC where the customer was, in seconds.
    """

    table: Ints

    @classmethod
    def of(cls, rows: Sequence[tuple[int, ...]]) -> Self:
        """Facts from tuples (row, kind, at, value, items, discount, slot, offset)."""
        table = np.array(rows, np.int64).reshape(-1, len(COLUMNS))
        return cls(np.ascontiguousarray(table.T))

    @classmethod
    def columns(
        cls, row: npt.ArrayLike, kind: npt.ArrayLike, at: npt.ArrayLike, **others: npt.ArrayLike
    ) -> Self:
        """Facts from arrays; a number stands for a whole column, a missing column for 0 (slot -1).

        Raises
        ------
        TypeError
            If a column has another name than the attributes of this class.
        """
        given = {"row": row, "kind": kind, "at": at, "slot": -1, **others}
        if unknown := set(given) - set(COLUMNS):
            message = f"columns {sorted(unknown)}: expected some of {', '.join(COLUMNS)}"
            raise TypeError(message)
        table = np.zeros((len(COLUMNS), np.size(row)), np.int64)
        for name, column in given.items():
            table[COLUMNS.index(name)] = column
        return cls(table)

    def __len__(self) -> int:
        return int(self.table.shape[1])

    def _column(self, at: int) -> Ints:
        column: Ints = self.table[at]
        return column

    @property
    def row(self) -> Ints:
        """Index into the records."""
        return self._column(0)

    @property
    def kind(self) -> Ints:
        """What happened."""
        return self._column(1)

    @property
    def at(self) -> Ints:
        """When, in microseconds since 1970 UTC."""
        return self._column(2)

    @property
    def value(self) -> Ints:
        """Minor units."""
        return self._column(3)

    @property
    def items(self) -> Ints:
        """Distinct products of an order."""
        return self._column(4)

    @property
    def discount(self) -> Ints:
        """Minor units off an order."""
        return self._column(5)

    @property
    def slot(self) -> Ints:
        """Category slot or -1."""
        return self._column(6)

    @property
    def offset(self) -> Ints:
        """Seconds that local time is ahead of UTC."""
        return self._column(7)

    def where(self, chosen: Bools | Ints) -> Facts:
        """The facts of a mask or of positions, in that order."""
        return Facts(self.table[:, chosen])


_LOW: Final = np.array([[0], *([_BOUNDS[name][0]] for name in COLUMNS[1:])])
_HIGH: Final = np.array([[0], *([_BOUNDS[name][1]] for name in COLUMNS[1:])])


def unfoldable(facts: Facts) -> Bools:
    """Which facts are outside what a record can hold (rows are not looked at)."""
    body = facts.table[1:]
    outside: Bools = np.logical_or.reduce((body < _LOW[1:]) | (body > _HIGH[1:]), axis=0)
    return outside


def refuse_unfoldable(facts: Facts, records: int) -> None:
    """Nothing, if all facts can be folded into so many records.

    Raises
    ------
    FactRefused
        Naming the first that cannot, with the positions of all.
    """
    outside = unfoldable(facts) | (facts.row < 0) | (facts.row >= records)
    if not outside.any():
        return
    positions = tuple(np.flatnonzero(outside).tolist())
    row, *others = facts.table[:, positions[0]].tolist()
    for name, value in zip(COLUMNS[1:], others, strict=True):
        low, high, expected = _BOUNDS[name]
        if not low <= value <= high:
            raise FactRefused(name, value, expected, positions)
    expected = f"an index below {records}"
    raise FactRefused(COLUMNS[0], row, expected, positions)
