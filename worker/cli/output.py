"""What commands print: a table for people, or one line of JSON at the end for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="End with one line: a JSON object.")]
StoreOption = Annotated[
    str, typer.Option("--store", help="The store's id; may be left out when there is one.")
]
LanguageOption = Annotated[
    str, typer.Option("--language", help="en or zh; SHOAL_LANGUAGE where it is left out.")
]


def say(text: str) -> None:
    """Print a line."""
    typer.echo(text)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    import msgspec

    typer.echo(msgspec.json.encode(value).decode())


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; an empty one says so."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for at, column in enumerate(columns):
        # What was cut cannot be typed again; ids stand first.
        table.add_column(column, overflow="fold", no_wrap=at == 0)
    for row in rows:
        table.add_row(*(_told(cell) for cell in row))
    Console().print(table if table.row_count else f"{title}: none")


def _told(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell)
