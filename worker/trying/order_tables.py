"""An order table of any layout as the purchase log that `shoal replay` reads, and its events."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from connectors.events import Event
from worker.cells import FileRefused
from worker.order_files import FIELDS, Log, order_events, zone_of
from worker.sheets import Sheet
from worker.trying import amounts, dates
from worker.trying.asking import Wishes, date_order
from worker.trying.books import Book
from worker.trying.columns import TOO_WIDE, Cells, read_cells
from worker.trying.dialects import Layout
from worker.trying.left_out import Tally
from worker.trying.sums import with_sums

Mask = npt.NDArray[np.bool_]
_NUMBERS: Final = ("quantity", "price", "line_total", "order_total", "discount", "refunded")
_NO_SALE: Final = frozenset(
    {
        *("pending", "voided", "void", "expired", "failed", "cancelled", "canceled", "draft"),
        *("declined", "trash", "on-hold", "on hold", "pending payment", "checkout-draft"),
    }
)
_WITHOUT: Final = {
    "product": "nothing is known of what was bought, so nothing can be recommended",
    "price": "nobody's spend is known, and every order counts as worth nothing",
    "quantity": "each row counts as one piece",
}
_AT_A_TIME: Final = 50_000  # lines whose events exist at a time


@dataclass(frozen=True)
class Setting:
    """What holds for a whole file: the zone of naive times, a currency that somebody said, now."""

    time_zone: str
    currency: str
    now: datetime


def read_orders(
    sheet: Sheet,
    layout: Layout,
    wishes: Wishes,
    setting: Setting,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Book:
    """The history that an order table tells.

    Raises
    ------
    FileRefused
        If nothing of it can be taken, or day and month cannot be told apart.
    """
    cells = read_cells(sheet, layout, on_bytes)
    tally = Tally()
    tally.add(TOO_WIDE, cells.too_wide)
    table, notes = _typed(sheet, cells, (wishes, setting))
    table, currency = _sales(table, tally, setting)
    if not len(table):
        said = "; ".join(f"{one.rows:,} {one.reason}" for one in tally.told()) or "no row at all"
        message = f"{sheet.path}: no row of it can be taken: {said}"
        raise FileRefused(message)
    lines = with_sums(table, layout)
    return _book(sheet, layout, (lines, tally, currency), notes, cells)


def _typed(
    sheet: Sheet, cells: Cells, asked: tuple[Wishes, Setting]
) -> tuple[pd.DataFrame, list[str]]:
    """Texts, times and numbers; what cannot be read is missing and marked in ``problem``."""
    wishes, setting = asked
    frame = pd.DataFrame({"line": np.array(cells.lines, np.int64)})
    notes: list[str] = []
    problem = np.full(len(frame), "", object)
    for ours in ("customer", "order", "product", "status", "cancelled", "currency"):
        if ours in cells.texts:
            frame[ours] = _mapped(cells.texts[ours], str.strip)
    times = cells.texts["time"]
    order = _order_of(sheet.path, times, wishes, notes)
    known = dates.read_times(times, order, zone_of(setting.time_zone))
    frame["time"] = pd.to_datetime(pd.Series(list(map(known.get, times)), dtype=object), utc=True)
    blank = np.array([not text.strip() for text in times], np.bool_)
    _mark(problem, frame["time"].isna().to_numpy() & ~blank, "a time that cannot be read")
    _mark(problem, blank, "no time")
    for ours in (one for one in _NUMBERS if one in cells.texts):
        texts = cells.texts[ours]
        style = amounts.style_of(set(texts), separator=sheet.separator)
        if not style.is_sure:
            example = next(text for text in texts if set(text) & {",", "."})
            meaning = "decimals" if style.decimal == "," else "thousands"
            sign = "," if "," in example else "."
            meaning = "decimals" if sign == style.decimal else "thousands"
            notes.append(f"{ours}: {example!r} was read with {sign!r} for {meaning}")
        numbers = amounts.read_numbers(texts, style)
        frame[ours] = np.array([_number(numbers.get(text)) for text in texts], np.float64)
        bad = np.array([bool(text.strip()) and numbers[text] is None for text in texts], np.bool_)
        _mark(problem, bad, f"a {ours.replace('_', ' ')} that is no number")
    frame["problem"] = problem
    return frame, notes


def _mapped(texts: Sequence[str], how: Callable[[str], str]) -> list[str]:
    known = {text: how(text) for text in set(texts)}
    return [known[text] for text in texts]


def _number(value: float | None) -> float:
    return np.nan if value is None else value


def _mark(problem: npt.NDArray[Any], mask: Mask, reason: str) -> None:
    problem[mask & (problem == "")] = reason


def _order_of(path: Path, times: Sequence[str], wishes: Wishes, notes: list[str]) -> dates.Order:
    reading = dates.reading_of(times)
    example = next((text for text in times if text.strip()), "")
    try:
        order = date_order(reading, example, wishes)
    except FileRefused as refused:
        message = f"{path}: {refused}"
        raise FileRefused(message) from None
    if order == reading.order and order != "year-first":
        notes.append(f"dates were read {order}: {reading.why}")
    return order


def _sales(table: pd.DataFrame, tally: Tally, setting: Setting) -> tuple[pd.DataFrame, str]:
    """The rows that are sales or returns in one currency, and that currency (or none)."""
    problem = table["problem"].to_numpy(object)
    _mark(problem, (table["customer"] == "").to_numpy(), "no customer named")
    if "order" in table:
        _mark(problem, (table["order"] == "").to_numpy(), "no order number")
    _mark(problem, (table["time"] > pd.Timestamp(setting.now)).to_numpy(), "a time in the future")
    for ours in ("quantity", "price", "line_total"):
        if ours in table:
            _mark(problem, table[ours].isna().to_numpy(), f"no {ours.replace('_', ' ')}")
    if "cancelled" in table:
        _mark(problem, (table["cancelled"] != "").to_numpy(), "of cancelled orders")
    if "status" in table:
        status = table["status"].str.lower().str.removeprefix("wc-").str.replace("_", " ")
        dead = status.isin(_NO_SALE).to_numpy()
        _mark(problem, dead, "of orders that were not paid or were cancelled")
    currency = _currency(table, problem, setting)
    for reason in sorted(set(problem) - {""}):
        tally.add(str(reason), table["line"][problem == reason].tolist())
    return table[problem == ""].reset_index(drop=True), currency


def _currency(table: pd.DataFrame, problem: npt.NDArray[Any], setting: Setting) -> str:
    if "currency" not in table:
        return setting.currency
    codes = table["currency"].str.upper()
    sold = codes[(problem == "") & (codes != "").to_numpy()]
    main = setting.currency or (str(sold.mode()[0]) if len(sold) else "")
    others = ((codes != main) & (codes != "")).to_numpy()
    for code in sorted(set(codes[others])):
        here = others & (codes == code).to_numpy()
        _mark(problem, here, f"in {code}, which is never added to {main}")
    return main


def _book(
    sheet: Sheet,
    layout: Layout,
    read: tuple[pd.DataFrame, Tally, str],
    notes: Sequence[str],
    cells: Cells,
) -> Book:
    lines, tally, currency = read
    lacking = [ours for ours in ("product", "price", "quantity") if ours not in layout.columns]
    has_worth = {"price", "line_total", "order_total"} & layout.columns.keys()
    if has_worth and "price" in lacking:
        lacking.remove("price")
    told = [f"{sheet.said}", *notes]
    told += [f"it has no column for {ours}: {_WITHOUT[ours]}" for ours in lacking]
    if "order" not in layout.columns:
        told.append("it has no order numbers: rows of one customer at one time are one order")
    if any("@" in text for text in set(cells.texts["customer"])):
        told.append("customers go by their first order's number; their addresses are not kept")
    log = Log(lines[[one for one in FIELDS if one in lines]], 0, ())
    sold = lines[lines["quantity"] >= 0]
    counted = lines.groupby(["customer", "order"], sort=False).ngroups

    def events(store: str, received_at: datetime) -> Iterator[Event]:
        for part in _parts(log):
            yield from order_events(part, store, currency or DEFAULT_CURRENCY, received_at)

    return Book(
        kind=layout.dialect.name,
        platform=layout.dialect.platform,
        rows=cells.rows,
        customers=int(lines["customer"].nunique()),
        orders=int(sold.groupby(["customer", "order"], sort=False).ngroups),
        first=lines["time"].iloc[0].to_pydatetime(),
        last=lines["time"].iloc[-1].to_pydatetime(),
        currency=currency or DEFAULT_CURRENCY,
        is_currency_known=bool(currency),
        has_carts=False,
        has_birthdays=False,
        notes=tuple(told),
        left_out=tally.told(),
        events=events,
        event_count=int(counted),
        map_text=layout.map_text(),
    )


DEFAULT_CURRENCY: Final = "EUR"


def _parts(log: Log) -> Iterator[Log]:
    """The log in parts of whole days: an order's lines are of one moment, so none is cut."""
    days = log.lines["time"].dt.floor("D").to_numpy()
    start = 0
    while start < len(days):
        end = min(start + _AT_A_TIME, len(days))
        if end < len(days):
            end = int(np.searchsorted(days, days[end - 1], side="right"))
        yield replace(log, lines=log.lines.iloc[start:end])
        start = end
