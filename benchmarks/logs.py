"""Public purchase logs, told apart by their columns, as lines that can be replayed.

Online Retail II (UCI), The Complete Journey (84.51; perhaps simulated, see `docs/benchmarks.md`)
and CDNOW (Fader and Hardie). Any other file is read with a mapping, as `shoal replay` reads it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from pathlib import Path
from typing import Final, NamedTuple

import pandas as pd

from worker.cells import read_table
from worker.order_files import Log, read_log, read_mapping

DEFAULT: Final = Path(__file__).parents[1] / "examples" / "online_retail.csv.gz"
_LINES: Final = ["order", "customer", "time", "product", "quantity", "price"]


class Source(NamedTuple):
    """A log that is known: its name, its columns by ours, the currency of its amounts."""

    name: str
    columns: Mapping[str, str]
    currency: str


SOURCES: Final = (
    Source(
        "Online Retail II",
        {
            "order": "invoice",
            "customer": "customer_id",
            "time": "invoice_date",
            "product": "stock_code",
            "quantity": "quantity",
            "price": "price",
        },
        "GBP",
    ),
    Source(
        "Complete Journey",
        {
            "order": "basket_id",
            "customer": "household_id",
            "time": "transaction_timestamp",
            "product": "product_id",
            "quantity": "quantity",
            "price": "sales_value",
        },
        "USD",
    ),
    Source(
        "CDNOW",
        {"customer": "customer_id", "time": "date", "quantity": "quantity", "price": "spend"},
        "USD",
    ),
)
_OF_THE_WHOLE_LINE: Final = ("sales_value", "spend")


def read(path: Path, mapping: str = "") -> tuple[Log, Source]:
    """A log's lines in order of time, and what it is.

    Amounts of whole lines become prices of a piece. Without a column of orders, what one customer
    bought on one day is one order.

    Raises
    ------
    FileRefused
        If it cannot be read.
    """
    if mapping:
        return read_log(path, read_mapping(mapping), UTC), Source(path.name, {}, "GBP")
    table = read_table(path, ["invoice", "stock_code", "customer_id"])
    for source in SOURCES:
        if set(source.columns.values()) <= set(table.columns):
            return _log(table, source), source
    return read_log(path, {}, UTC), Source(path.name, {}, "GBP")


def _log(table: pd.DataFrame, source: Source) -> Log:
    theirs = {column: ours for ours, column in source.columns.items()}
    lines = table[list(theirs)].rename(columns=theirs).dropna()
    lines["customer"] = lines["customer"].astype("string")
    lines["time"] = pd.to_datetime(lines["time"], utc=True)
    if source.columns["price"] in _OF_THE_WHOLE_LINE:
        lines = lines[lines["quantity"] > 0].copy()
        lines["price"] /= lines["quantity"]
    if "order" not in lines:
        lines["order"] = lines["customer"] + "-" + lines["time"].dt.strftime("%Y%m%d")
    present = [name for name in _LINES if name in lines]
    for name in ("order", "product"):
        if name in lines:
            lines[name] = lines[name].astype("string")
    ordered = lines[present].sort_values("time", kind="stable").reset_index(drop=True)
    missing = tuple(name for name in _LINES if name not in lines)
    return Log(ordered, len(table) - len(lines), missing)
