"""What an order's rows come to: worth, discounts and returns as lines of a purchase log.

Whatever an export says of a whole order (a discount, money given back) becomes a line without a
product, which the log's own reading adds to the order's worth and to nothing else.
"""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pandas as pd

from worker.trying.dialects import Layout

_KEPT: Final = ("order", "customer", "time", "product", "quantity", "price", "discount")
# An address, or a name of several words: no id to show.
_PERSONAL: Final = re.compile(r".*@.*|[^\W\d]+([ ,.'-]+[^\W\d]+)+", re.DOTALL)


def with_sums(table: pd.DataFrame, layout: Layout) -> pd.DataFrame:
    """Lines in order of time: order, customer, time, product, quantity, price, discount."""
    lines = table.copy()
    if "quantity" not in lines:
        lines["quantity"] = 1.0
    if "product" not in lines:
        lines["product"] = ""
    if "order" not in lines:
        lines["order"] = lines["customer"] + " " + lines["time"].astype("int64").astype(str)
    first = _priced(lines, layout)
    if "discount" not in lines:
        lines["discount"] = 0.0
    lines["discount"] = lines["discount"].fillna(0.0).abs()
    parts = [lines]
    if layout.dialect.is_order_once:
        lines.loc[~first, "discount"] = 0.0
        if not layout.dialect.is_net:
            parts.append(_taken_off(lines))
    parts += _given_back(lines, first)
    every = pd.concat(parts)[list(_KEPT)]
    every["order"] = _order_names(every)
    every["customer"] = _shown_names(every, "order" in layout.columns)
    back = every["quantity"] < 0
    by_order = every.groupby(["customer", "order", back], sort=False)
    every["time"] = by_order["time"].transform("min")
    every["product"] = every["product"].where(every["product"] != "", "")
    return every.sort_values("time", kind="stable").reset_index(drop=True)


def _priced(lines: pd.DataFrame, layout: Layout) -> pd.Series:
    """Set the price of a piece, whatever the table says worth by; each order's first row."""
    first = ~lines.duplicated(["customer", "order"])
    if "price" in layout.columns and "line_total" not in layout.columns:
        return first
    if "line_total" in lines:
        none = lines["quantity"] == 0
        lines.loc[none, "quantity"] = 1.0
        worth = lines["line_total"]
        # A return may be written with either number below zero, or both.
        lines.loc[(worth < 0) & (lines["quantity"] > 0), "quantity"] *= -1
        lines["price"] = (worth / lines["quantity"]).abs()
    elif "order_total" in lines:
        lines["price"] = lines["order_total"].where(first, 0.0).fillna(0.0)
        lines["quantity"] = 1.0
    else:
        lines["price"] = 0.0
    return first


def _taken_off(lines: pd.DataFrame) -> pd.DataFrame:
    """A line below zero for each order's discount, as long as the order stays above it."""
    off = lines[lines["discount"] > 0].copy()
    worth = (lines["quantity"] * lines["price"]).groupby([lines["customer"], lines["order"]]).sum()
    keys = pd.MultiIndex.from_frame(off[["customer", "order"]])
    most = worth.reindex(keys).to_numpy()
    off["price"] = -np.minimum(off["discount"].to_numpy(), most)
    off["quantity"], off["product"], off["discount"] = 1.0, "", 0.0
    return off


def _given_back(lines: pd.DataFrame, first: pd.Series) -> list[pd.DataFrame]:
    """A return for each order of which money was given back; of all of it where it says so."""
    back = pd.Series(0.0, index=lines.index)
    if "refunded" in lines:
        back = lines["refunded"].fillna(0.0).abs().where(first, 0.0)
    elif "status" in lines:
        worth = (lines["quantity"] * lines["price"]).clip(lower=0)
        whole = worth.groupby([lines["customer"], lines["order"]]).transform("sum")
        is_back = (lines["status"].str.lower() == "refunded") & first
        back = whole.where(is_back, 0.0)
    found = lines[back > 0].copy()
    if not len(found):
        return []
    found["price"], found["quantity"] = back[back > 0], -1.0
    found["product"], found["discount"] = "", 0.0
    return [found]


def _order_names(lines: pd.DataFrame) -> pd.Series:
    """A log's orders that begin with C are returns; where they are not, they get another name."""
    starts = lines["order"].str.startswith("C")
    if starts.any() and (lines["quantity"][starts] < 0).mean() < 1 / 2:
        return lines["order"].where(~starts, "#" + lines["order"])
    return lines["order"]


def _shown_names(lines: pd.DataFrame, has_orders: bool) -> pd.Series:  # noqa: FBT001 - one of two ways
    """Ids as they are; people known by address or name go by their first order's number."""
    names = pd.Series(lines["customer"].unique())
    personal = names[names.str.fullmatch(_PERSONAL)]
    if not len(personal):
        return lines["customer"]
    if has_orders:
        first = lines.sort_values("time", kind="stable").drop_duplicates("customer")
        orders = first.set_index("customer")["order"]
        shown = {name: f"order {orders[name]}" for name in personal}
        # Two people may share an order's number; they must not become one.
        taken = pd.Series(shown)
        twice = taken.duplicated(keep="first")
        shown |= {name: f"{shown[name]}/{at}" for at, name in enumerate(taken[twice].index, 2)}
    else:
        shown = {name: f"customer {at}" for at, name in enumerate(personal, 1)}
    return lines["customer"].map(lambda one: shown.get(one, one))
