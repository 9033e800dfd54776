"""Purchase logs from files (CSV, Parquet, JSON lines) as events: one row a line of an order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from connectors.events import Event, event_id
from connectors.facts import normalised_email, who
from connectors.records import LARGEST_AMOUNT, Line, Order, Refund, exponent
from worker.cells import FileRefused, ids, moments, numbers, read_table

# What a file may say of each line, and whether it must.
FIELDS: Final[dict[str, bool]] = {
    "order": True,
    "customer": True,
    "time": True,
    "product": False,
    "quantity": False,
    "price": False,
    "discount": False,
}
# What no row may leave empty where the file has the column.
EACH_ROW: Final = ("order", "customer", "time", "quantity", "price")
# Names in use for them, in small letters alone.
_IN_USE: Final[dict[str, tuple[str, ...]]] = {
    "order": ("orderid", "ordernumber", "orderno", "invoice", "invoiceno", "invoiceid", "name"),
    "customer": ("customerid", "userid", "clientid", "email", "buyer", "client", "user"),
    "time": ("date", "datetime", "timestamp", "orderdate", "invoicedate", "createdat", "paidat"),
    "product": ("productid", "sku", "stockcode", "item", "itemid", "lineitemsku"),
    "quantity": ("qty", "pieces", "amount", "count"),
    "price": ("unitprice", "itemprice", "lineitemprice"),
    "discount": ("rebate", "discountamount"),
}
# Features that need a column, for the word about what is missing.
NEEDED_FOR: Final = {
    "product": "items_per_order, distinct_products, recommendations",
    "price": "monetary_value, average_order_value, order_value_variance, revenue_*",
    "quantity": "returns by negative quantity (one piece a line is assumed)",
    "discount": "discount_share",
}
_TOO_MUCH: Final = 2 * LARGEST_AMOUNT
_TEXTS: Final = ("order", "customer", "product")
_NUMBERS: Final = ("quantity", "price", "discount")


@dataclass(frozen=True, slots=True)
class Log:
    """A purchase log, one row a line, with the columns of ``FIELDS`` that it has.

    ``rejected`` counts rows that lack a value of ``EACH_ROW``; ``missing`` names absent columns.
    """

    lines: pd.DataFrame
    rejected: int
    missing: tuple[str, ...]


def read_mapping(text: str) -> dict[str, str]:
    """``order=invoice,customer=id`` as a mapping from our names to the file's.

    Raises
    ------
    FileRefused
        Naming what is wrong and the nearest valid name.
    """
    mapping: dict[str, str] = {}
    for part in filter(None, (one.strip() for one in text.split(","))):
        ours, _, theirs = part.partition("=")
        problem = ""
        if ours not in FIELDS:
            near = get_close_matches(ours, FIELDS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            problem = f"expected one of {', '.join(FIELDS)}, as NAME=COLUMN{hint}"
        elif not theirs:
            problem = f"expected {ours}=COLUMN, with the column's name in the file"
        elif ours in mapping:
            problem = f"{ours} is {mapping[ours]!r} already: expected each name once"
        if problem:
            message = f"--map {part!r}: {problem}"
            raise FileRefused(message)
        mapping[ours] = theirs
    return mapping


def read_log(path: Path, mapping: Mapping[str, str], zone: tzinfo) -> Log:
    """The lines of a purchase log in order of time.

    A naive time is in ``zone``. Columns without a mapping are taken by their own name. Addresses
    of customers are stripped and in lower case.

    Raises
    ------
    FileRefused
        If the file is not there, is of another kind, lacks a needed column, or holds a time or a
        number that cannot be read.
    """
    names = {ours: mapping.get(ours, ours) for ours in FIELDS}
    table = read_table(path, [names[ours] for ours in _TEXTS])
    _refuse_columns(path, table, names, mapping)
    present = {theirs: ours for ours, theirs in names.items() if theirs in table.columns}
    lines = table[list(present)].rename(columns=present)
    kept = lines.dropna(subset=[one for one in EACH_ROW if one in lines.columns]).copy()
    for ours in (one for one in _NUMBERS if one in kept):
        kept[ours] = numbers(path, kept[ours])
    for ours in (one for one in _TEXTS if one in kept):
        kept[ours] = ids(kept[ours])
    kept["customer"] = kept["customer"].map(lambda cell: normalised_email(cell) or cell)
    kept["time"] = moments(path, kept["time"], zone)
    missing = tuple(ours for ours in FIELDS if ours not in lines.columns)
    if not len(lines):
        message = f"{path}: expected a line for each product of each order, found no line"
        raise FileRefused(message)
    ordered = kept.sort_values("time", kind="stable").reset_index(drop=True)
    return Log(ordered, len(lines) - len(kept), missing)


def _refuse_columns(
    path: Path, table: pd.DataFrame, names: Mapping[str, str], mapping: Mapping[str, str]
) -> None:
    there = [str(one) for one in table.columns]
    taken: dict[str, str] = {}
    lacking: dict[str, str] = {}
    for ours, theirs in names.items():
        if theirs in there and theirs in taken:
            problem = f"column {theirs!r} is {taken[theirs]} already, and cannot be {ours} too"
            message = f"{path}: {problem}: --map {taken[theirs]}=COLUMN"
            raise FileRefused(message)
        if theirs in there:
            taken[theirs] = ours
        elif FIELDS[ours] or ours in mapping:
            lacking[ours] = theirs
    if lacking:
        near = _nearest(lacking, [one for one in there if one not in taken])
        hint = ", ".join(f"{theirs!r} for {ours}" for ours, theirs in near.items())
        option = ",".join(f"{ours}={theirs}" for ours, theirs in {**mapping, **near}.items())
        told = f"; nearest is {hint}: --map '{option}'" if near else ""
        if len(there) == 1 and re.search(r"[;\t|]", there[0]):
            told = "; expected commas between columns"
        without = ", ".join(f"no column {theirs!r} for {ours}" for ours, theirs in lacking.items())
        message = f"{path}: {without}; there are {', '.join(there)}{told}"
        raise FileRefused(message)


def _nearest(lacking: Mapping[str, str], free: Sequence[str]) -> dict[str, str]:
    """The column that each name may have meant, by spelling or by the names in use."""
    plain = {re.sub(r"[^a-z]", "", one.lower()): one for one in reversed(free)}
    found: dict[str, str] = {}
    for ours, theirs in lacking.items():
        left = [one for one, column in plain.items() if column not in found.values()]
        known = next((one for one in _IN_USE.get(ours, ()) if one in left), "")
        near = get_close_matches(theirs.lower(), left, 1)
        if near or known:
            found[ours] = plain[near[0] if near else known]
    return found


def refuse_future(path: Path, log: Log, now: datetime) -> None:
    """Pass if nothing in a log happens after ``now``: its clock would never come back.

    Raises
    ------
    FileRefused
        Naming the first order that does.
    """
    ahead = log.lines[log.lines["time"] > now]
    if len(ahead):
        first = ahead.iloc[0]
        message = (
            f"{path}: order {first['order']!r}: time {first['time'].isoformat()}: "
            f"expected none after {now.isoformat(timespec='seconds')}"
        )
        raise FileRefused(message)


def order_events(log: Log, store: str, currency: str, received_at: datetime) -> list[Event]:
    """One event an order or return, in order of time; personal fields are not sealed yet.

    A customer who goes by an address is known by that e-mail and by no id of the platform. A
    return is an order whose id begins with ``C``, or the lines of negative quantity of another.

    Raises
    ------
    FileRefused
        If an order is worth more than can be kept.
    """
    lines = _valued(log, currency)
    is_return = lines["order"].str.startswith("C") | (lines["quantity"] < 0)
    sales = _grouped(lines[~is_return])
    returns = _grouped(lines[is_return])
    events = [_sale(one, store, currency, received_at) for one in sales]
    events += [_return(one, store, currency, received_at) for one in returns]
    return sorted(events, key=lambda event: (event.at, event.id))


def _valued(log: Log, currency: str) -> pd.DataFrame:
    lines = log.lines.copy()
    for name, default in (("quantity", 1), ("price", 0.0), ("discount", 0.0), ("product", "")):
        if name not in lines.columns:
            lines[name] = default
    unit = 10 ** exponent(currency)
    # Beyond what an order may be worth (_grouped looks) anything is as good as infinity.
    worth = lines["quantity"] * lines["price"] * unit
    lines["value"] = np.round(worth.clip(-_TOO_MUCH, _TOO_MUCH)).astype("int64")
    lines["off"] = np.round((lines["discount"] * unit).clip(0, _TOO_MUCH)).astype("int64")
    return lines


@dataclass(frozen=True, slots=True)
class _Purchase:
    order: str
    name: str  # the order, and whose: of two people it is one each
    customer: str
    at: datetime
    lines: tuple[Line, ...]
    value: int  # of all lines, also of those that name no product
    discount: int


def _grouped(lines: pd.DataFrame) -> Iterator[_Purchase]:
    """Orders of some lines; an order that two customers share is one each."""
    rows: dict[tuple[str, str], list[tuple[Any, ...]]] = {}
    columns = ("customer", "order", "time", "product", "quantity", "value", "off")
    for row in lines[list(columns)].itertuples(index=False, name=None):
        rows.setdefault((row[0], row[1]), []).append(row)
    addresses: Counter[str] = Counter()
    for (customer, order), its in rows.items():
        # Names are kept, and hashed without a key: no address may be part of them.
        addresses[order] += "@" in customer
        whose = f"@{addresses[order]}" if "@" in customer else customer
        if sum(abs(row[5]) + row[6] + abs(row[4]) for row in its) > LARGEST_AMOUNT:
            message = f"order {order!r} is too large: expected less than {LARGEST_AMOUNT:,} pieces "
            raise FileRefused(message + "and units of the currency's smallest coin")
        yield _Purchase(
            order=order,
            name=f"{order}:{whose}",
            customer=customer,
            at=min(row[2] for row in its).to_pydatetime(),
            lines=tuple(Line(row[3], int(row[4]), int(row[5])) for row in its if row[3]),
            value=sum(int(row[5]) for row in its),
            discount=sum(int(row[6]) for row in its),
        )


def _sale(one: _Purchase, store: str, currency: str, received_at: datetime) -> Event:
    body = Order(
        order_id=one.order,
        status="paid",
        currency=currency,
        placed_at=one.at,
        updated_at=one.at,
        value=one.value,
        lines=one.lines,
        discount=one.discount,
    )
    return _event(one, store, body, received_at)


def _return(one: _Purchase, store: str, currency: str, received_at: datetime) -> Event:
    body = Refund(
        refund_id=one.name,
        currency=currency,
        value=abs(one.value),
        refunded_at=one.at,
        updated_at=one.at,
    )
    return _event(one, store, body, received_at)


def _event(one: _Purchase, store: str, body: Order | Refund, received_at: datetime) -> Event:
    type_ = "order_updated" if isinstance(body, Order) else "order_refunded"
    address = normalised_email(one.customer)
    return Event(
        id=event_id(store, type_, one.at, one.name),
        store=store,
        type=type_,
        at=one.at,
        received_at=received_at,
        source="replay",
        identities=who([("customer_id", "" if address else one.customer)], address),
        body=body,
        personal={"email": address} if address else {},
    )


def zone_of(name: str) -> tzinfo:
    """A time zone by its name."""
    return ZoneInfo(name)
