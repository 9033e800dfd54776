"""The definition of every feature, in plain pandas, from whole tables.

``segmentation.running`` must give the same numbers from any batches of the same facts
(``tests/segmentation/test_running_equals_batch.py``): counts and money exactly, decayed sums to
1e-9. Read this to know what a feature means. Used by the export, by comparisons and by people's
notebooks; never by the web, drain or delivery processes.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd

from segmentation.batch_demographics import demographics
from segmentation.batch_sentiment import COUNTED, sentiment
from segmentation.features import (
    CATEGORY_HALF_LIFE,
    HALF_LIVES,
    NAMES,
    SERIES,
    SESSION_GAP,
    SLOTS,
)
from segmentation.histories import History, no_events, no_lines, no_orders, no_refunds

__all__ = [
    "History",
    "customer_features",
    "no_events",
    "no_lines",
    "no_orders",
    "no_refunds",
    "order_table",
]

_DAY: Final = pd.Timedelta(days=1)
_EPOCH: Final = pd.Timestamp("1970-01-01", tz="UTC")
_UNIT: Final = 2.0**30  # circular sums are sums of integers of 2^-30
_BROWSING: Final = ("view", "search", "cart", "checkout")
_ACTS: Final = (*_BROWSING, "open", "click")


def customer_features(
    history: History, as_of: pd.Timestamp, currency_exponent: int = 2
) -> pd.DataFrame:
    """Every feature of every customer who did anything before ``as_of``.

    Returns a table indexed by ``customer_id``, with the catalogue's columns as float64 (times in
    microseconds since 1970 UTC, money in the main unit, NaN where undefined).
    """
    known = history.before(as_of)
    sales = order_table(known)
    unit = 10.0**currency_exponent
    customers = np.unique(
        np.concatenate([t["customer_id"] for t in (sales, known.refunds, known.events)])
    )
    out = pd.DataFrame(index=pd.Index(customers, name="customer_id"))
    out = out.join(_purchases(sales, as_of, unit)).join(_gaps(sales))
    out["distinct_products"] = _distinct_products(known, sales)
    out["refunded_value"] = known.refunds.groupby("customer_id")["value"].sum() / unit
    out = out.fillna(dict.fromkeys(_ZERO, 0.0))
    out["discount_share"] = _share(out["discounted"], out["monetary_value"])
    out["refund_share"] = _share(out["refunded_value"], out["monetary_value"])
    out = out.join(_decayed(sales, known.events, as_of, unit)).join(_counts(known.events))
    out = out.join(_sessions(known.events)).join(_categories(sales, known.events, as_of))
    out = out.join(_habits(sales, known.events)).join(_seen(sales, known.events, as_of))
    out = out.join(sentiment(known.events, known.refunds, as_of))
    out = out.join(demographics(known.people, as_of))
    out = _rates(out.fillna(dict.fromkeys(_COUNTED, 0.0)))
    return out.reindex(columns=NAMES).astype("float64")


_ZERO: Final = ("orders", "monetary_value", "refunded_value", "distinct_products", "discounted")
_TOTALS: Final = {
    "view": "views",
    "search": "searches",
    "cart": "carts",
    "checkout": "checkouts",
    "contact": "contacts",
    "open": "opens",
    "click": "clicks",
    "redemption": "redemptions",
}
_COUNTED: Final = (
    *(*_TOTALS.values(), "sessions", "browsing_seconds", *COUNTED),
    *(f"{series}_{days}d" for series in SERIES for days in HALF_LIVES),
)


def order_table(history: History) -> pd.DataFrame:
    """One row per sale: ``at`` its earliest line, ``value`` all lines, ``items`` products."""
    lines = history.lines.groupby("order_id", as_index=False).agg(
        at=("at", "min"), value=("value", "sum"), items=("product_id", "nunique")
    )
    sold = history.orders[~history.orders["is_cancelled"]]
    return sold.merge(lines, on="order_id").sort_values("at")


def _in(delta: pd.Series[pd.Timedelta], unit: pd.Timedelta) -> pd.Series[float]:
    return delta / unit


def _microseconds(at: pd.Series[pd.Timestamp]) -> pd.Series[float]:
    return _in(at - _EPOCH, pd.Timedelta(microseconds=1))


def _share(part: pd.Series, whole: pd.Series) -> pd.Series:
    """A part of a whole; without a whole 0, or 1 where there is a part all the same."""
    return (part / whole).where(whole > 0, (part > 0).astype("float64"))


def _purchases(sales: pd.DataFrame, as_of: pd.Timestamp, unit: float) -> pd.DataFrame:
    by = sales.groupby("customer_id")
    first, last = by["at"].min(), by["at"].max()
    return pd.DataFrame(
        {
            "first_order_at": _microseconds(first),
            "last_order_at": _microseconds(last),
            "recency_days": _in(as_of - last, _DAY),
            "tenure_days": _in(as_of - first, _DAY),
            "orders": by["order_id"].nunique(),
            "monetary_value": by["value"].sum() / unit,
            "average_order_value": by["value"].mean() / unit,
            "order_value_variance": by["value"].var(ddof=0) / unit**2,
            "items_per_order": by["items"].mean(),
            "discounted": by["discount"].sum() / unit,
        }
    )


def _gaps(sales: pd.DataFrame) -> pd.DataFrame:
    """Days between one order and the next; undefined for fewer than two orders."""
    days = _in(sales.groupby("customer_id")["at"].diff(), _DAY)
    by = days.groupby(sales["customer_id"])
    return pd.DataFrame({"gap_days_mean": by.mean(), "gap_days_variance": by.var(ddof=0)})


def _distinct_products(history: History, sales: pd.DataFrame) -> pd.Series:
    bought = history.lines.merge(sales[["order_id", "customer_id"]], on="order_id")
    return bought.groupby("customer_id")["product_id"].nunique()


def _weights(at: pd.Series, as_of: pd.Timestamp, half_life: int) -> pd.Series:
    return pd.Series(np.exp2(-_in(as_of - at, _DAY) / half_life), index=at.index, dtype="float64")


def _decayed(
    sales: pd.DataFrame, events: pd.DataFrame, as_of: pd.Timestamp, unit: float
) -> pd.DataFrame:
    """Sums of w * 2^(-age / half-life): w is 1, for revenue the order's value."""
    facts = {kind: events[events["kind"] == kind[:-1]] for kind in ("views", "carts", "checkouts")}
    facts |= {"orders": sales, "revenue": sales}
    columns = {}
    for series, table in facts.items():
        worth = table["value"] / unit if series == "revenue" else 1.0
        for days in HALF_LIVES:
            weights = worth * _weights(table["at"], as_of, days)
            columns[f"{series}_{days}d"] = weights.groupby(table["customer_id"]).sum()
    return pd.DataFrame(columns)


def _counts(events: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            name: events[events["kind"] == kind].groupby("customer_id")["kind"].count()
            for kind, name in _TOTALS.items()
        }
    )


def _sessions(events: pd.DataFrame) -> pd.DataFrame:
    """A visit ends where no browsing act follows for 30 minutes; it lasts first act to last."""
    acts = events[events["kind"].isin(_BROWSING)].sort_values(["customer_id", "at"])
    pause = acts.groupby("customer_id")["at"].diff()
    is_new = ~(pause <= pd.Timedelta(seconds=SESSION_GAP))
    visits = acts.groupby(["customer_id", is_new.cumsum().rename("visit")])["at"].agg(
        ["min", "max"]
    )
    length = _in(visits["max"] - visits["min"], pd.Timedelta(seconds=1))
    by = length.groupby(level="customer_id")
    return pd.DataFrame({"sessions": by.count(), "browsing_seconds": by.sum()})


def _local(sales: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Customer and local time of every act and order."""
    acts = events[events["kind"].isin(_ACTS)]
    every = pd.concat([t[["customer_id", "at", "offset"]] for t in (acts, sales)])
    every["local"] = every["at"] + pd.to_timedelta(every["offset"], unit="s")
    return every


def _habits(sales: pd.DataFrame, events: pd.DataFrame) -> pd.DataFrame:
    """Circular mean and resultant length of local hour (by the minute) and weekday."""
    every = _local(sales, events)
    local = every["local"].dt
    columns = {}
    for name, focus, position, turn in (
        ("preferred_hour", "hour_focus", (local.hour * 60 + local.minute) / 60, 24),
        ("preferred_weekday", "weekday_focus", local.day_of_week, 7),
    ):
        angle = 2 * np.pi * position.astype("float64") / turn
        cos = np.rint(np.cos(angle) * _UNIT).groupby(every["customer_id"]).sum()
        sin = np.rint(np.sin(angle) * _UNIT).groupby(every["customer_id"]).sum()
        mean = np.arctan2(sin, cos) / (2 * np.pi) * turn % turn
        columns[name] = mean.where((cos != 0) | (sin != 0))
        length = np.hypot(cos, sin) / _UNIT / every.groupby("customer_id")["at"].count()
        columns[focus] = length.clip(upper=1.0)
    return pd.DataFrame(columns)


def _categories(sales: pd.DataFrame, events: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    """Each category's share in the decayed number of browsing acts and orders that have one."""
    acts = events[events["kind"].isin(_BROWSING)]
    every = pd.concat([t[["customer_id", "at", "slot"]] for t in (acts, sales)], ignore_index=True)
    every = every[every["slot"] >= 0]
    every["weight"] = _weights(every["at"], as_of, CATEGORY_HALF_LIFE)
    sums = every.pivot_table(
        "weight", index="customer_id", columns="slot", aggfunc="sum", fill_value=0.0
    )
    shares = sums.reindex(columns=range(SLOTS), fill_value=0.0).div(sums.sum(axis=1), axis=0)
    return shares.rename(columns=lambda slot: f"category_share_{slot}")


def _seen(sales: pd.DataFrame, events: pd.DataFrame, as_of: pd.Timestamp) -> pd.DataFrame:
    at = _local(sales, events).groupby("customer_id")["at"]
    return pd.DataFrame(
        {
            "first_seen_at": _microseconds(at.min()),
            "last_seen_at": _microseconds(at.max()),
            "last_seen_days": _in(as_of - at.max(), _DAY),
        }
    )


_OVER: Final = {
    "view_to_cart_rate": ("carts", "views"),
    "cart_to_order_rate": ("orders", "carts"),
    "view_to_order_rate": ("orders", "views"),
    "open_rate": ("opens", "contacts"),
    "click_rate": ("clicks", "contacts"),
}


def _rates(out: pd.DataFrame) -> pd.DataFrame:
    for name, (above, below) in _OVER.items():
        out[name] = (out[above] / out[below]).where(out[below] > 0)
    return out
