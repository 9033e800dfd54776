"""``shoal features``: export."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.output import Json, StoreOption, print_json, say

app = typer.Typer(help="Features: every number about every customer.", no_args_is_help=True)


@app.callback()
def _features() -> None:
    """Keep `export` a command of its own."""


@app.command()
def export(
    out: Annotated[Path, typer.Option(help="File to write: .csv, .csv.gz, .parquet, .jsonl.")],
    as_of: Annotated[str, typer.Option(help="ISO time: without what is at or after it.")] = "",
    store: StoreOption = "",
    *,
    json: Json = False,
) -> None:
    """Write one row per customer with every feature."""
    from zoneinfo import ZoneInfo

    from connectors.events import microseconds
    from worker.cli.context import reading_shop
    from worker.features_export import features_table, write_table

    with reading_shop(store) as (_, connection, shop):
        at: int | None = None
        if as_of:
            try:
                given = datetime.fromisoformat(as_of)
            except ValueError:
                problem = f"--as-of {as_of!r}: expected a time such as 2011-12-10T00:00:00Z"
                raise typer.BadParameter(problem) from None
            at = microseconds(given if given.tzinfo else given.replace(tzinfo=ZoneInfo("UTC")))
        table = features_table(connection, shop.number, shop.currency, shop.now, as_of=at)
    write_table(table, out)
    if json:
        print_json({"file": str(out), "customers": len(table), "features": len(table.columns) - 1})
        return
    say(f"{len(table)} customers, {len(table.columns) - 1} features: {out}")
