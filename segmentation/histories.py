"""All that is known of some customers, as tables: what the definition of the features reads."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pandas as pd


def _table(**columns: str) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in columns.items()})


def no_orders() -> pd.DataFrame:
    """An empty table of orders."""
    who = _table(customer_id="str", order_id="str")
    return who.join(_table(discount="int64", is_cancelled="bool", slot="int64", offset="int64"))


def no_lines() -> pd.DataFrame:
    """An empty table of order lines."""
    return _table(order_id="str", product_id="str", at="datetime64[us, UTC]", value="int64")


def no_refunds() -> pd.DataFrame:
    """An empty table of refunds."""
    return _table(customer_id="str", at="datetime64[us, UTC]", value="int64")


def no_events() -> pd.DataFrame:
    """An empty table of events."""
    return _table(
        customer_id="str", kind="str", at="datetime64[us, UTC]", slot="int64", offset="int64"
    )


def no_people() -> pd.DataFrame:
    """An empty table of people."""
    who = _table(customer_id="str", gender="str")
    numbers = ("birth_year", "income_band", "education", "household_size")
    return who.join(_table(**dict.fromkeys(numbers, "float64")))


@dataclass(frozen=True)
class History:
    """All that is known of some customers, as tables. Times are aware UTC, money minor units.

    Attributes
    ----------
    orders
        ``customer_id``, ``order_id``, ``discount``, ``is_cancelled``, ``slot`` (category, -1:
        none), ``offset`` (local minus UTC, seconds). Completed orders, once each.
    lines
        ``order_id``, ``product_id``, ``at``, ``value`` (quantity times price).
    refunds
        ``customer_id``, ``at``, ``value``; whether or not the order is known. May have
        ``reason`` (``connectors.records.RETURN_REASONS``; empty: none).
    events
        ``customer_id``, ``kind`` (view, search, cart, checkout, contact, open, click,
        redemption, review, survey, complaint, ticket), ``at``, ``slot``, ``offset``; with one of
        the last four ``value`` (:class:`segmentation.facts.Facts`).
    people
        ``customer_id`` once each, ``gender`` (female, male, other; empty: unknown),
        ``birth_year``, ``income_band``, ``education`` and ``household_size`` (NaN: unknown).
    """

    orders: pd.DataFrame = field(default_factory=no_orders)
    lines: pd.DataFrame = field(default_factory=no_lines)
    refunds: pd.DataFrame = field(default_factory=no_refunds)
    events: pd.DataFrame = field(default_factory=no_events)
    people: pd.DataFrame = field(default_factory=no_people)

    def before(self, as_of: pd.Timestamp) -> History:
        """The same without what happened at or after a time; of people what is known now."""
        return replace(
            self,
            lines=self.lines[self.lines["at"] < as_of],
            refunds=self.refunds[self.refunds["at"] < as_of],
            events=self.events[self.events["at"] < as_of],
        )
