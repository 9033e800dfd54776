"""Which columns conditions may name, and the columns of one batch.

Names of features come from :mod:`segmentation.features`; beside them stand the segment, the
customer's consents and attributes, and what the waking event itself says (``cart.value``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Column = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """The columns of one batch, one row a customer (or, seen from wakes, one row a wake).

    Attributes
    ----------
    rows
        Number of rows.
    columns
        Fact name -> array of ``rows``. Numbers: float64, NaN unknown. Money: minor units of
        ``currency``. Yes/no: float64 1, 0 or NaN, or bool. Text: str or object, "" or None unknown.
        Counts of events are under :func:`history_column`.
    currency
        The store's ISO 4217 code: conditions are written in its main unit.
    memo
        Masks already computed, by condition; one batch shares it over all campaigns.
    parent, index
        Set by :meth:`seen_from`: what is not in ``columns`` is read as ``parent`` at ``index``.
    """

    rows: int
    columns: Mapping[str, Column]
    currency: str = "EUR"
    memo: dict[Any, NDArray[np.bool_]] = field(default_factory=dict, compare=False, repr=False)
    parent: Facts | None = None
    index: NDArray[np.int64] | None = None

    def seen_from(self, index: NDArray[np.int64], columns: Mapping[str, Column]) -> Facts:
        """The same facts row by row of ``index``, with further columns of that length."""
        return Facts(len(index), columns, self.currency, parent=self, index=index)


def history_column(event: str, days: int) -> str:
    """Name of the column that counts a type of event over the last so many days (24 h each)."""
    return f"did.{event}.{days}d"


STAGES: Final = ("champions", "loyal", "promising", "new", "at_risk", "hibernating", "lost")
