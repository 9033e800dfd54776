"""The cells of a layout's columns, a list a column, from a table that is read once."""

from __future__ import annotations

from array import array
from collections.abc import Callable
from dataclasses import dataclass, field

from worker.sheets import Sheet, rows
from worker.trying.dialects import Layout

# An order's own cells, which many exports write in its first row alone.
_CARRIED = ("customer", "time", "status", "cancelled", "currency")
TOO_WIDE = "more cells than the header names"


@dataclass(slots=True)
class Cells:
    """Texts by our names, in parallel; ``lines`` are where the rows stand in the file."""

    texts: dict[str, list[str]]
    lines: array[int] = field(default_factory=lambda: array("q"))
    rows: int = 0
    too_wide: list[int] = field(default_factory=list)


def read_cells(sheet: Sheet, layout: Layout, on_bytes: Callable[[int], None]) -> Cells:
    """Read the columns that mean something.

    Equal texts are one object, so that a million lines take some hundred bytes each.
    """
    places = {
        ours: tuple(sheet.header.index(name) for name in names)
        for ours, names in layout.columns.items()
    }
    cells = Cells({ours: [] for ours in places})
    columns = [(cells.texts[ours], at) for ours, at in places.items()]
    shared: dict[str, str] = {}
    for row in rows(sheet, on_bytes):
        cells.rows += 1
        if not row.cells:
            cells.too_wide.append(row.line)
            continue
        cells.lines.append(row.line)
        for texts, at in columns:
            text = row.cells[at[0]]
            for other in at[1:]:
                if text.strip():
                    break
                text = row.cells[other]
            texts.append(shared.setdefault(text, text))
    if layout.dialect.is_order_once and "order" in places:
        _carry(cells)
    return cells


def _carry(cells: Cells) -> None:
    """Say in each row of an order what its first row says of all of it."""
    orders = cells.texts["order"]
    for ours in _CARRIED:
        texts = cells.texts.get(ours, [])
        for at in range(1, len(texts)):
            if not texts[at].strip() and orders[at] == orders[at - 1]:
                texts[at] = texts[at - 1]
