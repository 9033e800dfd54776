"""A plain table of customers (id, age, income, purchases …): a row a person, no history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from segmentation.tables import TableGroups, table_groups
from worker.cells import FileRefused
from worker.sheets import Sheet, rows
from worker.trying import amounts
from worker.trying.columns import TOO_WIDE
from worker.trying.dialects import normal
from worker.trying.left_out import LeftOut, Tally

Floats = npt.NDArray[np.float64]
_IDS: Final = frozenset(
    {"id", "customer", "customer_id", "customerid", "kundennummer", "user_id", "name", "email"}
)
_SPENT: Final = frozenset(
    {
        *("purchases", "purchase_amount", "spend", "spent", "total_spent", "revenue", "umsatz"),
        *("annual_spending", "purchase_history", "monetary", "amount", "money_spent"),
    }
)
_MOST_NUMBERS: Final = 0.8  # of the cells that say anything, for a column to count as numbers
_MOST_KINDS: Final = 12  # different texts of a column that describes groups
_MARKED: Final = 1.3  # times the usual share that a text must have to be worth saying


@dataclass(frozen=True, kw_only=True)
class PeopleTable:
    """What a table of customers says.

    ``shares`` is each group's share of ``spent``, empty if no column says what people spend;
    ``words`` are what its people often are, from columns of text; ``ids`` some of its people.
    """

    rows: int
    columns: tuple[str, ...]
    filled: Mapping[str, int]
    groups: TableGroups
    spent: str
    shares: tuple[float, ...]
    words: tuple[str, ...]
    ids: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


def read_people(
    sheet: Sheet, groups: int, on_bytes: Callable[[int], None] = lambda _: None
) -> PeopleTable:
    """The groups in a table of customers.

    Parameters
    ----------
    groups
        How many; 0 lets the rows say.

    Raises
    ------
    FileRefused
        If it has no column of numbers, or too few rows.
    """
    every = list(rows(sheet, on_bytes))
    tally = Tally()
    tally.add(TOO_WIDE, [row.line for row in every if not row.cells])
    kept = [row.cells for row in every if row.cells]
    texts = {name: [row[at].strip() for row in kept] for at, name in enumerate(sheet.header)}
    numbers = _numbers(texts, sheet.separator)
    if not numbers:
        message = f"{sheet.path}: expected a column of numbers beside the id; found none"
        raise FileRefused(message)
    try:
        found = table_groups(numbers, k=groups)
    except ValueError as problem:
        message = f"{sheet.path}: {problem}"
        raise FileRefused(message) from None
    labels = np.array(found.group_of)
    spent = next((name for name in numbers if normal(name) in _SPENT), "")
    return PeopleTable(
        rows=len(every),
        columns=tuple(numbers),
        filled={
            name: int(np.isnan(one).sum()) for name, one in numbers.items() if np.isnan(one).any()
        },
        groups=found,
        spent=spent,
        shares=_shares(numbers[spent], labels) if spent else (),
        words=_words(texts, numbers, labels),
        ids=_people(texts, labels),
        notes=(sheet.said,),
        left_out=tally.told(),
    )


def _numbers(texts: Mapping[str, Sequence[str]], separator: str) -> dict[str, Floats]:
    found: dict[str, Floats] = {}
    for name, column in texts.items():
        said = [text for text in column if text]
        if normal(name) in _IDS or not said:
            continue
        known = amounts.read_numbers(column, amounts.style_of(said, separator=separator))
        values = [known.get(text) for text in column]
        if sum(value is not None for value in values) >= _MOST_NUMBERS * len(said):
            array = np.array([np.nan if one is None else one for one in values], np.float64)
            if len(np.unique(array[~np.isnan(array)])) > 1:
                found[name] = array
    return found


def _shares(spent: Floats, labels: npt.NDArray[np.int64]) -> tuple[float, ...]:
    sums = np.bincount(labels, np.nan_to_num(spent).clip(min=0))
    return tuple((sums / max(float(sums.sum()), 1e-9)).tolist())


def _words(
    texts: Mapping[str, Sequence[str]], numbers: Mapping[str, Floats], labels: npt.NDArray[np.int64]
) -> tuple[str, ...]:
    """For each group the texts that are clearly more frequent in it than elsewhere."""
    said: list[list[str]] = [[] for _ in range(int(labels.max()) + 1)]
    for name, column in texts.items():
        kinds = Counter(text for text in column if text)
        is_about = name not in numbers and normal(name) not in _IDS
        if not is_about or not 1 < len(kinds) <= _MOST_KINDS:
            continue
        for group, words in enumerate(said):
            here = Counter(
                text for text, at in zip(column, labels, strict=True) if text and at == group
            )
            if here:
                kind, number = here.most_common(1)[0]
                share, usual = number / here.total(), kinds[kind] / kinds.total()
                if share > max(1 / 2, usual * _MARKED):
                    words.append(f"{share:.0%} {name} {kind}")
    return tuple("; ".join(words) for words in said)


def _people(
    texts: Mapping[str, Sequence[str]], labels: npt.NDArray[np.int64]
) -> tuple[tuple[str, ...], ...]:
    """Ten ids of each group; nothing where people go by name or address."""
    shown = [name for name in texts if normal(name) in _IDS - {"name", "email"}]
    if not shown or any("@" in text for text in texts[shown[0]]):
        return ()
    column = texts[shown[0]]
    return tuple(
        tuple(column[at] for at in np.flatnonzero(labels == group)[:10])
        for group in range(int(labels.max()) + 1)
    )
