"""What was found in a plain table of customers, told to a shop's owner."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from segmentation.catalogues import counted
from segmentation.tables import TableGroups
from worker.trying.people_tables import PeopleTable
from worker.trying.story import bullets, heading, sheet, tell_connecting, tell_left_out

_CLEAR, _SOME = 0.5, 0.25  # silhouettes (Kaufman and Rousseeuw, 1990)
_LARGE = 100  # numbers from here on need no decimals


def tell_people(console: Console, name: str, table: PeopleTable) -> None:
    """Print the whole story."""
    heading(console, f"What was read in {name}")
    console.print(
        Text.assemble(
            f"{counted(table.rows, 'row', 'rows')}, recognised as ",
            ("a table of customers", "bold"),
            f", grouped by {', '.join(table.columns)}.",
        )
    )
    notes = list(table.notes)
    cell, cells = "empty or unreadable cell", "empty or unreadable cells"
    notes += [
        f"{name}: taken for the usual value: {counted(count, cell, cells)}"
        for name, count in table.filled.items()
    ]
    bullets(console, notes)
    tell_left_out(console, table.left_out)
    _tell_groups(console, table)
    heading(console, "What to do next")
    console.print(
        "A table of who people are cannot say who is leaving: that needs what they bought and "
        "when. Try an export of your orders."
    )
    tell_connecting(console, "")


def _tell_groups(console: Console, table: PeopleTable) -> None:
    found = table.groups
    heading(console, f"{counted(len(found.groups), 'group', 'groups')} of customers")
    console.print(f"{_apart(found)} Numbers are the middle values of each group.")
    shares = ("of all spend",) if table.spent else ()
    shown = table.columns[:5]
    rows = sheet("group", "customers", "share", *shares, *shown)
    for at, group in enumerate(found.groups):
        share = (f"{table.shares[at]:.0%}",) if table.spent else ()
        rows.add_row(
            Text(group.name),
            f"{group.size:,}",
            f"{group.size / len(found.group_of):.0%}",
            *share,
            *(_number(group.typical[name]) for name in shown),
        )
    console.print(Padding(rows, (0, 0, 0, 2)))
    for at, group in enumerate(found.groups):
        said = [table.words[at]] if table.words[at] else []
        if table.ids:
            said.append("among them " + ", ".join(table.ids[at]))
        if said:
            text = Text.assemble((group.name, "bold"), f": {'; '.join(said)}")
            console.print(Padding(text, (0, 0, 0, 2)))


def _number(value: float) -> str:
    if value != value:  # noqa: PLR0124 - NaN is not itself
        return "-"
    return f"{value:,.0f}" if abs(value) >= _LARGE else f"{value:,.1f}".removesuffix(".0")


def _apart(found: TableGroups) -> str:
    score = f"(silhouette {found.silhouette:.2f}; numbers without groups have {found.chance:.2f})"
    if not found.is_apart:
        return (
            f"There are hardly groups in it {score}: these lie no further apart than slices of "
            "evenly spread numbers do. Take them as a rough sorting."
        )
    if found.silhouette >= _CLEAR:
        return f"The groups lie clearly apart {score}."
    if found.silhouette >= _SOME:
        return f"The groups lie somewhat apart {score}."
    return f"The groups run into each other {score}: take them as a rough sorting."
