"""Which columns conditions may name, and the columns of one batch.

Names of features come from :mod:`segmentation.features`; beside them stand the segment, the
customer's consents and attributes, and what the waking event itself says (``cart.value``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from campaigns.errors import MissingFact
from segmentation.features import FEATURES

Column = NDArray[Any]
FactKind = Literal["number", "text", "yes_no", "any"]
STAGES: Final = ("champions", "loyal", "promising", "new", "at_risk", "hibernating", "lost")
CHANNELS: Final = ("email", "sms", "push")
ATTRIBUTE: Final = re.compile(r"attribute\.[a-z][a-z0-9_]{0,39}")
OWN: Final = re.compile(r"own\.[a-z][a-z0-9_]{1,39}")
"""A feature of the store's own; whether there is one of that name is the store's to know."""
MEMBERSHIPS: Final = "memberships"
"""The column that says in which rule segments a customer is."""
GROUP: Final = re.compile(rf"({'|'.join(STAGES)})\.[a-z0-9_]{{1,60}}")


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing a condition may ask about.

    ``phrase`` is how sentences call it; ``is_of_event`` says that it belongs to the waking event
    and not to the customer, so that it is unknown for other triggers.
    """

    name: str
    kind: FactKind
    phrase: str
    meaning: str
    is_of_event: bool = False


# What people mean when they name a moment: conditions know no dates, only days.
MOMENTS: Final = {
    "first_order_at": "tenure_days",
    "last_order_at": "recency_days",
    "last_seen_at": "last_seen_days",
}
_PHRASES: Final = {
    "recency_days": "days since the last order",
    "monetary_value": "money spent in all",
    "orders": "number of orders",
    "tenure_days": "days since the first order",
}
_OWN: Final = (
    Fact(
        "segment",
        "text",
        "the segment",
        "Stage (`at_risk`) or learned group of the customer, or a rule segment they are in.",
    ),
    *(
        Fact(f"consent.{name}", "yes_no", f"consent for {name}", f"May be contacted by {name}.")
        for name in CHANNELS
    ),
    Fact("order.value", "number", "the order's value", "Gross value of this order.", True),
    Fact("cart.value", "number", "the cart's value", "Value of this cart or checkout.", True),
)
FACTS: Final[dict[str, Fact]] = {
    **{
        feature.name: Fact(
            feature.name,
            "number",
            _PHRASES.get(feature.name, feature.name.replace("_", " ")),
            feature.meaning,
        )
        for feature in FEATURES
        if feature.unit != "time"
    },
    **{fact.name: fact for fact in _OWN},
}


def fact_named(name: str) -> Fact | None:
    """The fact of that name, attributes and a store's own included; None if there is none."""
    if name in FACTS:
        return FACTS[name]
    if OWN.fullmatch(name):
        return Fact(name, "number", name[4:].replace("_", " "), "A feature of the store's own.")
    if ATTRIBUTE.fullmatch(name):
        own = name.partition(".")[2].replace("_", " ")
        return Fact(name, "any", f"attribute {own}", "A declared attribute of the customer.")
    return None


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """The columns of one batch, one row a customer (or, seen from wakes, one row a wake).

    Attributes
    ----------
    rows
        Number of rows.
    columns
        Fact name -> array of ``rows``. Numbers: float64, NaN unknown. Money: the currency's main
        unit, as features have it. Yes/no: float64 1, 0 or NaN, or bool. Text: str or object, "" or
        None unknown. ``segment`` needs ``segment`` (stage) and ``group`` (learned group's id).
        Where rule segments are named, ``memberships`` holds a tuple of those each customer is in.
        Counts of events are under :func:`history_column`.
    memo
        Masks already computed, by condition; one batch shares it over all campaigns.
    parent, index
        Set by :meth:`seen_from`: what is not in ``columns`` is read as ``parent`` at ``index``.
    """

    rows: int
    columns: Mapping[str, Column]
    memo: dict[Any, NDArray[np.bool_]] = field(default_factory=dict, repr=False)
    parent: Facts | None = None
    index: NDArray[np.int64] | None = None

    def seen_from(self, index: NDArray[np.int64], columns: Mapping[str, Column]) -> Facts:
        """The same facts row by row of ``index``, with further columns of that length."""
        return Facts(len(index), columns, parent=self, index=index)

    def column(self, name: str) -> Column:
        """One column. What a waking event does not say is unknown.

        Raises
        ------
        MissingFact
            If nobody brought it.
        """
        if name in self.columns:
            return self.columns[name]
        if self.parent is not None and self.index is not None:
            return np.asarray(self.parent.column(name))[self.index]
        if name in FACTS and FACTS[name].is_of_event:
            return np.full(self.rows, np.nan)
        raise MissingFact(name)


def history_column(event: str, days: int) -> str:
    """Name of the column that counts a type of event over the last so many days (24 h each)."""
    return f"did.{event}.{days}d"
