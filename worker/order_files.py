"""Purchase logs from files (CSV, Parquet, JSON lines) as events: one row a line of an order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pandas as pd

from connectors.events import Event, event_id
from connectors.records import Line, Order, Refund, exponent
from worker.errors import ShoalError

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
# Features that need a column, for the word about what is missing.
NEEDED_FOR: Final = {
    "product": "items_per_order, distinct_products, recommendations",
    "price": "monetary_value, average_order_value, order_value_variance, revenue_*",
    "quantity": "returns by negative quantity (one piece a line is assumed)",
    "discount": "discount_share",
}
_TEXTS: Final = ("order", "customer", "product")
_NUMBERS: Final = ("quantity", "price", "discount")


class FileRefused(ShoalError):
    """A file that cannot be read as what it was given as."""

    exit_code = 2


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
        ours, sign, theirs = part.partition("=")
        if not sign or not theirs or ours not in FIELDS:
            near = get_close_matches(ours, FIELDS, 1)
            hint = f"; did you mean {near[0]}?" if near else ""
            message = f"--map {part!r}: expected one of {', '.join(FIELDS)}, as NAME=COLUMN{hint}"
            raise FileRefused(message)
        mapping[ours] = theirs
    return mapping


def read_log(path: Path, mapping: Mapping[str, str], zone: tzinfo) -> Log:
    """The lines of a purchase log in order of time.

    A naive time is in ``zone``. Columns without a mapping are taken by their own name.

    Raises
    ------
    FileRefused
        If the file is not there, is of another kind, lacks a needed column, or holds a time or a
        number that cannot be read.
    """
    names = {ours: mapping.get(ours, ours) for ours in FIELDS}
    table = _table(path, [names[ours] for ours in _TEXTS])
    for ours, is_needed in FIELDS.items():
        if names[ours] not in table.columns and (is_needed or ours in mapping):
            near = get_close_matches(names[ours], [str(one) for one in table.columns], 1)
            hint = f"; nearest is {near[0]!r}: --map {ours}={near[0]}" if near else ""
            there = ", ".join(map(str, table.columns))
            message = f"{path}: no column {names[ours]!r} for {ours}; there are {there}{hint}"
            raise FileRefused(message)
    present = {theirs: ours for ours, theirs in names.items() if theirs in table.columns}
    lines = table[list(present)].rename(columns=present)
    kept = lines.dropna(subset=[one for one in EACH_ROW if one in lines.columns]).copy()
    for ours in (one for one in _NUMBERS if one in kept):
        kept[ours] = _number(path, kept[ours])
    for ours in (one for one in _TEXTS if one in kept):
        kept[ours] = _text(kept[ours])
    kept["time"] = _aware(path, kept["time"], zone)
    missing = tuple(ours for ours in FIELDS if ours not in lines.columns)
    ordered = kept.sort_values("time", kind="stable").reset_index(drop=True)
    return Log(ordered, len(lines) - len(kept), missing)


def _table(path: Path, texts: Sequence[str]) -> pd.DataFrame:
    """What a file holds; ids in the columns ``texts`` keep their leading zeros."""
    if not path.exists():
        message = f"{path}: there is no such file"
        raise FileRefused(message)
    name = path.name.removesuffix(".gz")
    try:
        if name.endswith(".parquet"):
            return pd.read_parquet(path)
        if name.endswith((".jsonl", ".ndjson")):
            return pd.read_json(path, lines=True, dtype=False)
        if name.endswith(".csv"):
            return pd.read_csv(path, dtype=dict.fromkeys(texts, "string"))
    except ImportError:
        message = f"{path}: reading Parquet needs pyarrow: pip install 'shoal[parquet]'"
        raise FileRefused(message) from None
    except (ValueError, OSError) as problem:
        message = f"{path}: {problem}"
        raise FileRefused(message) from None
    message = f"{path}: expected .csv, .csv.gz, .parquet or .jsonl"
    raise FileRefused(message)


def _number(path: Path, column: pd.Series[Any]) -> pd.Series[Any]:
    numbers = pd.to_numeric(column, errors="coerce").astype("float64")
    unread = column.notna().to_numpy() & ~np.isfinite(numbers.to_numpy())
    _refuse_first(path, column, unread, "a number")
    return numbers.fillna(0.0)


def _aware(path: Path, times: pd.Series[Any], zone: tzinfo) -> pd.Series[Any]:
    expected = "ISO 8601, all with an offset or all without"
    every = np.ones(len(times), np.bool_)
    if pd.api.types.is_numeric_dtype(times):
        _refuse_first(path, times, every, expected)  # pandas would count from 1970
    try:
        moments = pd.to_datetime(times)
    except (ValueError, TypeError, OverflowError):
        each = [pd.to_datetime(one, errors="coerce") is pd.NaT for one in times]
        _refuse_first(path, times, np.array(each) if any(each) else every, expected)
        raise
    if moments.dt.tz is None:
        moments = moments.dt.tz_localize(zone, ambiguous=False, nonexistent="shift_forward")
    return moments.dt.tz_convert("UTC").astype("datetime64[us, UTC]")


def _refuse_first(
    path: Path, column: pd.Series[Any], wrong: npt.NDArray[np.bool_], expected: str
) -> None:
    """Refuse the file for the first value that is wrong, if there is one."""
    for at in np.flatnonzero(wrong).tolist():
        row, value = int(column.index[at]) + 1, str(column.iloc[at])
        message = f"{path}: row {row}: {column.name} {value!r}: expected {expected}"
        raise FileRefused(message)


def _text(column: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype("string").fillna("").astype(str)


def order_events(log: Log, store: str, currency: str, received_at: datetime) -> list[Event]:
    """One event an order or return, in order of time.

    A return is an order whose id begins with ``C``, or the lines of negative quantity of another.
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
    lines["value"] = np.round(lines["quantity"] * lines["price"] * unit).astype("int64")
    lines["off"] = np.round(lines["discount"] * unit).astype("int64")
    return lines


@dataclass(frozen=True, slots=True)
class _Purchase:
    order: str
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
    for (customer, order), its in rows.items():
        yield _Purchase(
            order=order,
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
        refund_id=f"{one.order}:{one.customer}",
        currency=currency,
        value=abs(one.value),
        refunded_at=one.at,
        updated_at=one.at,
    )
    return _event(one, store, body, received_at)


def _event(one: _Purchase, store: str, body: Order | Refund, received_at: datetime) -> Event:
    type_ = "order_updated" if isinstance(body, Order) else "order_refunded"
    return Event(
        id=event_id(store, type_, one.at, f"{one.order}:{one.customer}"),
        store=store,
        type=type_,
        at=one.at,
        received_at=received_at,
        source="replay",
        identities=(("customer_id", one.customer),),
        body=body,
    )


def zone_of(name: str) -> tzinfo:
    """A time zone by its name."""
    return ZoneInfo(name)
