"""A store filled from the shipped log: its orders as rows, everybody folded from them."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import pandas as pd
from sqlalchemy import Engine, select, update

from worker import bulk, models
from worker.database import transaction
from worker.refolding import refold_all

LOG: Final = Path(__file__).parents[2] / "examples" / "online_retail.csv.gz"
END: Final = 1_323_475_200_000_000  # 2011-12-10, the day after the log's last

_PERSON: Final = ("id", "store", "platform_id", "record", "products")
_ORDER: Final = (
    *("store", "order_id", "customer", "is_counted", "at", "value", "items"),
    *("currency", "lines", "version", "status"),
)


def fill(engine: Engine, store: str, one_in: int = 1) -> int:
    """Put every ``one_in``-th customer of the log into a store on the log's time; how many."""
    lines = sold()
    names = sorted(lines["customer_id"].unique())[::one_in]
    lines = lines[lines["customer_id"].isin(names)]
    with transaction(engine) as connection:
        stores = models.stores
        its_own = select(stores.c.number).where(stores.c.id == store)
        number = connection.execute(its_own).scalar_one()
        ids = {name: (number << 40) + at + 1 for at, name in enumerate(names)}
        people = [(ids[name], number, str(name), b"", b"") for name in names]
        bulk.upsert(connection, models.customers, _PERSON, people)
        rows = [
            (number, *told)
            for told in (_order(invoice, its, ids) for invoice, its in lines.groupby("invoice"))
        ]
        bulk.upsert(connection, models.orders, _ORDER, rows)
        last = max(ids.values()) & ((1 << 40) - 1)
        values = {"now": END, "clock": "log", "last_customer": last}
        connection.execute(update(stores).where(stores.c.number == number).values(**values))
        refold_all(connection)
    return len(names)


def _order(invoice: object, lines: pd.DataFrame, ids: dict[int, int]) -> tuple[object, ...]:
    at = int(lines["at"].iloc[0])
    told = zip(lines["stock_code"], lines["quantity"], lines["value"], strict=True)
    packed = msgspec.msgpack.encode([[code, int(count), int(value)] for code, count, value in told])
    customer = ids[int(lines["customer_id"].iloc[0])]
    items = int(lines["stock_code"].nunique())
    value = int(lines["value"].sum())
    return str(invoice), customer, True, at, value, items, "GBP", packed, at, "paid"


@cache
def sold() -> pd.DataFrame:
    """Lines that were sold, values in pence."""
    lines = pd.read_csv(LOG, dtype={"invoice": str, "stock_code": str})
    lines = lines[(lines["quantity"] > 0) & (lines["price"] > 0)].copy()
    lines["value"] = (lines["quantity"] * lines["price"] * 100).round().astype("int64")
    at = pd.to_datetime(lines["invoice_date"], utc=True)
    lines["at"] = (at - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(microseconds=1)
    return lines
