"""What commands print: sentences and tables for people, or JSON at the end for scripts."""

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


def tell(text: str) -> None:
    """Print a sentence: on a terminal no word of it is cut at the edge."""
    import shutil
    import sys

    from worker.cli.widths import wrapped

    width = shutil.get_terminal_size().columns
    for line in wrapped(text, width) if sys.stdout.isatty() else [text]:
        typer.echo(line)


def print_json(value: Any) -> None:
    """Print a value as one line of JSON."""
    import msgspec

    typer.echo(msgspec.json.encode(value).decode())


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], none: str = "none"
) -> None:
    """Print a table; an empty one says so. Frames go where words would be cut for them."""
    from rich.box import HEAVY_HEAD
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from worker.cli.widths import longest, shared, wrapped

    console = Console()
    cells = [[_told(cell) for cell in row] for row in rows]
    if not cells:
        console.print(f"{title}: {none}")
        return
    columns_of = list(zip(columns, *cells, strict=True))
    least = [max(map(longest, its)) for its in columns_of]
    whole = [max(map(cell_len, its)) for its in columns_of]
    # What was cut cannot be typed again; ids stand first.
    least[0] = whole[0]
    is_framed = sum(least) + 3 * len(least) + 1 <= console.width
    edges = 3 * len(least) + 1 if is_framed else len(least)
    table = Table(title=title, title_justify="left", box=HEAVY_HEAD if is_framed else None)
    table.padding = (0, 1) if is_framed else (0, 1, 0, 0)
    widths = shared(least, whole, console.width - edges)

    def fitted(row: Sequence[str]) -> list[Text]:
        # A square bracket is a bracket, not rich's markup.
        pairs = zip(row, widths, strict=True)
        return [Text("\n".join(wrapped(cell, width, 0))) for cell, width in pairs]

    for heading, width in zip(fitted(columns), widths, strict=True):
        table.add_column(heading, overflow="fold", width=width)
    for row in cells:
        table.add_row(*fitted(row))
    console.print(table)


def _told(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return "" if cell is None else str(cell)
